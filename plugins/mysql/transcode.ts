/**
 * Row packets → batch bytes, and batch bytes → INSERT statement or its parameters. The loops themselves are WebAssembly
 * (`wasm/`); here is the memory that they work on.
 */
import type { Batch } from '../../src/wire/batch.js'
import { LF } from '../../src/wire/batch.js'
import { syntaxOf, misfit } from '../../src/wire/cell-syntax.js'
import type { RowTarget } from '../../src/sql/row-stream.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { FIRST_FREE, READ_FROM, ROWS_READ, SEQUENCE, SPARE, Transcoder, WRITTEN_TO } from './kernel.js'
import { cellsOf, isLarge, LargeRow } from './large-row.js'
import type { RowSink } from './rows.js'

/** Why the kernel stopped reading; the fourth reason is that it needs more bytes. */
const FULL = 1
const END = 2
const BROKEN = 3
const REJECTED = 4

/** Before each chunk stands what the one before left of a packet, so a packet may be as long as a chunk. */
const CHUNK_BYTES = 256 << 10
const CHUNK = FIRST_FREE + CHUNK_BYTES
const ROWS = CHUNK + CHUNK_BYTES + SPARE
/** Of a table, and of a result. */
const MOST_COLUMNS = 4096
/** Room for the largest packet, all of it escaped, and for the separators. */
const ROWS_LIMIT = ROWS + 2 * CHUNK_BYTES + 3 * MOST_COLUMNS
const SYNTAXES = ROWS_LIMIT + SPARE
const HEADER = 4

/** Turns the row packets of one result after another into batches, as they come from the network: cut anywhere. */
export class RowDecoder {
  readonly #kernel = new Transcoder(SYNTAXES + MOST_COLUMNS)
  /** Memory for a socket to read into. What `feed` gets from elsewhere is copied there. */
  readonly chunk = this.#kernel.bytes.subarray(CHUNK, CHUNK + CHUNK_BYTES)

  /** What the rows of the next result are fed to. */
  into(target: RowTarget): RowSink {
    return new ResultDecoder(this.#kernel, target)
  }
}

class ResultDecoder implements RowSink {
  readonly #kernel: Transcoder
  readonly #target: RowTarget
  /** Bytes before the chunk that belong to a packet which is not complete. */
  #carried = 0
  #large: LargeRow | null = null

  constructor(kernel: Transcoder, target: RowTarget) {
    this.#kernel = kernel
    this.#target = target
  }

  start(sequence: number): void {
    this.#kernel.words[SEQUENCE] = sequence
    this.#kernel.bytes.set(
      this.#target.columns.map((column) => syntaxOf(column)?.code ?? 0),
      SYNTAXES,
    )
  }

  get sequence(): number {
    return this.#kernel.words[SEQUENCE]!
  }

  feed(bytes: Buffer): Buffer | null {
    let at = 0
    while (at < bytes.length) {
      if (this.#large) {
        at += this.#large.take(bytes.subarray(at))
        if (this.#large.complete) this.#endLarge(this.#large)
      } else {
        const piece = bytes.subarray(at, at + CHUNK_BYTES)
        at += piece.length
        const rest = this.#decode(piece)
        if (rest) return Buffer.concat([rest, bytes.subarray(at)])
      }
    }
    return null
  }

  /** Returns what follows the last row, if it was among these bytes. */
  #decode(piece: Buffer): Buffer | null {
    const { bytes, run, words } = this.#kernel
    const { builder, columns, onFull } = this.#target
    const start = this.#locate(piece)
    const end = start + piece.length
    let from = start - this.#carried
    for (;;) {
      const full = ROWS + builder.roomBytes
      const state = run.readRows(
        from,
        end,
        ROWS,
        full,
        ROWS_LIMIT,
        builder.roomRows,
        columns.length,
        SYNTAXES,
      )
      if (state === BROKEN)
        throw new RowshiftError('INTERNAL', 'The server sent rows in a form that this version does not know.')
      from = words[READ_FROM]!
      if (state === REJECTED) throw this.#rowError(from)
      builder.appendRows(bytes.subarray(ROWS, words[WRITTEN_TO]), words[ROWS_READ]!)
      if (builder.full) onFull()
      if (state === FULL) continue
      const rest = bytes.subarray(from, end)
      if (state === END) return rest
      this.#keep(rest)
      return null
    }
  }

  /** Returns where the piece stands in the kernel's memory, with the carried bytes right before it. */
  #locate(piece: Buffer): number {
    const { bytes } = this.#kernel
    const here = piece.buffer === bytes.buffer
    if (here && (this.#carried === 0 || piece.byteOffset === CHUNK)) return piece.byteOffset
    bytes.set(piece, CHUNK)
    return CHUNK
  }

  /** Keeps the beginning of a packet. The memory of the chunk is about to be used again. */
  #keep(rest: Buffer): void {
    if (isLarge(rest, CHUNK_BYTES)) {
      this.#carried = 0
      this.#large = new LargeRow(this.sequence)
      this.#large.take(rest)
    } else {
      this.#carried = rest.length
      this.#kernel.bytes.set(rest, CHUNK - rest.length)
    }
  }

  /** Of the packet that stands at `from`. */
  #rowError(from: number): Error {
    const { columns, rowError } = this.#target
    const { bytes } = this.#kernel
    const payload = bytes.subarray(from + HEADER, from + HEADER + bytes.readUIntLE(from, 3))
    return rowError(cellsOf(payload, columns.length).cells)
  }

  #endLarge(row: LargeRow): void {
    const { builder, columns, onFull, rowError } = this.#target
    const cells = row.cells(columns.length)
    if (misfit(columns, cells)) throw rowError(cells)
    for (const cell of cells) {
      if (cell === null) builder.appendNull()
      else builder.appendBytes(cell)
    }
    builder.endRow()
    if (builder.full) onFull()
    this.#kernel.words[SEQUENCE] = row.nextSequence
    this.#large = null
  }
}

/** How a cell becomes an SQL literal: bare, if it is an integer or decimal number, or in quotes. As a parameter it is text or bytes. */
export type Quoting = 'integer' | 'decimal' | 'text' | 'bytes'

/** The kernel's names for them. Those of bare cells are the codes of their forms. */
const QUOTING = { integer: 1, decimal: 2, text: 0x80, bytes: 0x81 } satisfies Record<Quoting, number>

/** What statements are put together in, one at a time, whatever their table: each memory reserves addresses of its own. */
export class InsertMemory {
  #kernel: Transcoder | null = null

  /** Of at least so many bytes. What was in it is lost. */
  take(bytes: number): Transcoder {
    this.#kernel ??= new Transcoder(bytes)
    this.#kernel.reserve(bytes)
    return this.#kernel
  }
}

/** Turns batches into `INSERT … VALUES (…),(…)`. */
export class InsertBuilder {
  readonly #prefix: Buffer
  readonly #suffix: Buffer
  readonly #quoting: Uint8Array
  readonly #memory: InsertMemory

  /** `suffix` follows the last row. */
  constructor(prefix: string, quoting: readonly Quoting[], suffix = '', memory = new InsertMemory()) {
    this.#memory = memory
    this.#prefix = Buffer.from(prefix)
    this.#suffix = Buffer.from(suffix)
    this.#quoting = Uint8Array.from(quoting, (how) => QUOTING[how])
  }

  /**
   * The statement for a whole batch; valid until the memory is used again. null: some cell of it is not what its column
   * says, or some row is not in the wire format, so that it must not become SQL text.
   */
  build(batch: Batch): Buffer | null {
    if (batch.bytes.at(-1) !== LF) return null
    const columns = this.#quoting.length
    const from = FIRST_FREE + columns
    const to = from + batch.bytes.length + SPARE
    const values = to + this.#prefix.length
    // At most every byte is a quote to be doubled, and every cell an empty one of binary text: `,_binary''`.
    const limit = values + batch.bytes.length * 2 + batch.rows * (columns * 10 + 3) + this.#suffix.length
    const { bytes, run } = this.#memory.take(limit + SPARE)
    bytes.set(this.#quoting, FIRST_FREE)
    bytes.set(batch.bytes, from)
    bytes.set(this.#prefix, to)
    const end = run.writeValues(from, from + batch.bytes.length, values, FIRST_FREE, columns, batch.rows)
    if (end === 0) return null
    // Over the last comma.
    bytes.set(this.#suffix, end - 1)
    return bytes.subarray(to, end - 1 + this.#suffix.length)
  }
}

const BULK_EXECUTE = 0xfa
/** The types of the parameters follow. */
const SENDS_TYPES = 128
/** Types of the protocol: text in the connection's character set, and bytes in none. */
const STRING = 254
const BLOB = 252

/** Turns batches into what executes a prepared INSERT of one row with many rows of parameters: COM_STMT_BULK_EXECUTE. */
export class BulkBuilder {
  /** The INSERT. */
  readonly sql: string
  readonly #head: Buffer
  readonly #quoting: Uint8Array
  readonly #memory: InsertMemory

  /** `sql` has a parameter for each cell of a row. */
  constructor(sql: string, quoting: readonly Quoting[], memory = new InsertMemory()) {
    this.sql = sql
    this.#memory = memory
    this.#quoting = Uint8Array.from(quoting, (how) => QUOTING[how])
    const types = quoting.flatMap((how) => [how === 'bytes' ? BLOB : STRING, 0])
    this.#head = Buffer.from([BULK_EXECUTE, 0, 0, 0, 0, SENDS_TYPES, 0, ...types])
  }

  /** As `InsertBuilder.build`, for the prepared statement of this number. */
  build(batch: Batch, statement: number): Buffer | null {
    if (batch.bytes.at(-1) !== LF) return null
    const columns = this.#quoting.length
    const from = FIRST_FREE + columns
    const to = from + batch.bytes.length + SPARE
    const values = to + this.#head.length
    // At most every cell is an empty one, of which a batch has the separator only.
    const { bytes, run } = this.#memory.take(values + batch.bytes.length * 2 + SPARE)
    bytes.set(this.#quoting, FIRST_FREE)
    bytes.set(batch.bytes, from)
    bytes.set(this.#head, to)
    const end = run.writeParameters(from, from + batch.bytes.length, values, FIRST_FREE, columns, batch.rows)
    bytes.writeUInt32LE(statement, to + 1)
    return end === 0 ? null : bytes.subarray(to, end)
  }
}
