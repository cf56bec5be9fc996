/**
 * The messages of COPY → batch bytes. The loop itself is WebAssembly (`wasm/transcode.ts`); here is the memory that it works on.
 */
import { RowshiftError } from '../../src/contract/plugin.js'
import type { RowTarget } from '../../src/sql/row-stream.js'
import { ESCAPE_LETTER, LF, TAB } from '../../src/wire/batch.js'
import type { NamedCellColumn } from '../../src/wire/cell-syntax.js'
import { syntaxOf } from '../../src/wire/cell-syntax.js'
import { Kernel, SPARE } from '../../src/wire/kernel.js'
import type { Cells } from '../../src/wire/row-name.js'

/** What `wasm/transcode.ts` exports; addresses are plain numbers. */
interface Loops {
  readRows(
    from: number,
    end: number,
    to: number,
    full: number,
    maxRows: number,
    columns: number,
    syntaxes: number,
  ): number
}

/** Why the kernel stopped; 0 is that it needs more bytes, and 2 that another message follows. */
const FULL = 1
const BROKEN = 3
const REJECTED = 4

const BYTES = 0x80
const WORDS = 256
const SYNTAXES = WORDS + 16
/** Of a SELECT. */
const MOST_COLUMNS = 1664
const FIRST_FREE = SYNTAXES + MOST_COLUMNS
const CHUNK_BYTES = 256 << 10
const HEADER = 5

/** Turns the rows of one result after another into batches, as they come from the network: cut anywhere. */
export class RowDecoder {
  readonly #kernel = new Memory(CHUNK_BYTES)
  #target!: RowTarget
  /** Bytes before the chunk that belong to a message which is not complete. */
  #carried = 0
  /** The parts of a message that is larger than a chunk. */
  #large: Buffer[] | null = null
  #missing = 0

  start(target: RowTarget): void {
    this.#target = target
    this.#carried = 0
    this.#large = null
    this.#kernel.setSyntaxes(target.columns)
  }

  /** Returns what follows the last row, if it was among these bytes; else null. */
  feed(bytes: Buffer): Buffer | null {
    let at = 0
    while (at < bytes.length) {
      if (this.#large) at += this.#gather(this.#large, bytes.subarray(at, at + this.#missing))
      else {
        const piece = bytes.subarray(at, at + CHUNK_BYTES)
        at += piece.length
        const end = this.#kernel.put(piece)
        const start = end - piece.length - this.#carried
        this.#carried = 0
        const rest = this.#decode(this.#kernel, start, end)
        if (rest === null || this.#keep(rest)) continue
        return Buffer.concat([rest, bytes.subarray(at)])
      }
    }
    return null
  }

  /** Returns what is left: the beginning of a row's message, or another message; null: nothing. */
  #decode(kernel: Memory, start: number, end: number): Buffer | null {
    const { builder, columns, onFull } = this.#target
    const { bytes, rows } = kernel
    let from = start
    for (;;) {
      const full = rows + builder.roomBytes
      const state = kernel.run.readRows(from, end, rows, full, builder.roomRows, columns.length, SYNTAXES)
      const [next, written, count] = kernel.words
      from = next!
      if (state === BROKEN || state === REJECTED) throw this.#fault(state, bytes.subarray(from, end))
      builder.appendRows(bytes.subarray(rows, written), count!)
      if (builder.full) onFull()
      if (state !== FULL) return from === end ? null : bytes.subarray(from, end)
    }
  }

  /** Keeps the beginning of a row's message, since the memory of the chunk is about to be used again. False: it is another message. */
  #keep(rest: Buffer): boolean {
    if (rest[0] !== ROW) return false
    const length = rest.length < HEADER ? 0 : messageBytes(rest)
    if (length > CHUNK_BYTES) {
      this.#large = [Buffer.from(rest)]
      this.#missing = length - rest.length
    } else {
      this.#carried = rest.length
      this.#kernel.carry(rest)
    }
    return true
  }

  #gather(parts: Buffer[], part: Buffer): number {
    parts.push(Buffer.from(part))
    this.#missing -= part.length
    if (this.#missing === 0) {
      this.#large = null
      // Memory of WebAssembly does not shrink, and hardly any table has another row like this.
      const message = Buffer.concat(parts)
      const kernel = new Memory(message.length, 0)
      kernel.setSyntaxes(this.#target.columns)
      const end = kernel.put(message)
      this.#decode(kernel, end - message.length, end)
    }
    return part.length
  }

  #fault(state: number, message: Buffer): Error {
    if (state === REJECTED) return this.#target.rowError(cellsOf(rowOf(message)))
    return new RowshiftError('INTERNAL', 'The server sent rows in a form that this version does not know.')
  }
}

/** The type of a message that holds a row. */
const ROW = 0x64

/** Of the message that begins here. */
export function messageBytes(message: Buffer): number {
  return 1 + message.readUInt32BE(1)
}

function rowOf(message: Buffer): Buffer {
  return message.subarray(HEADER, messageBytes(message))
}

const LETTERS: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Of one row as COPY writes it, for messages. */
function cellsOf(row: Buffer): Cells {
  const text = row.toString('latin1').replace(/\n$/, '')
  return text.split(String.fromCharCode(TAB)).map((cell) => {
    if (cell === '\\N') return null
    return Buffer.from(
      cell.replaceAll(/\\(.)/g, (_, letter: string) => LETTERS[letter] ?? letter),
      'latin1',
    )
  })
}

/** What is carried over, a chunk, and the rows made of both, which take no more than they did. */
class Memory extends Kernel<Loops> {
  readonly #chunk: number
  /** Where rows are written. */
  readonly rows: number
  /** Where the next message begins, where the rows end, how many they are. */
  readonly words: Uint32Array

  constructor(chunkBytes: number, carriedBytes = chunkBytes) {
    const chunk = FIRST_FREE + carriedBytes
    const rows = chunk + chunkBytes + SPARE
    super(new URL('transcode.wasm', import.meta.url), rows + carriedBytes + chunkBytes + SPARE)
    this.#chunk = chunk
    this.rows = rows
    this.bytes.set(ESCAPE_LETTER)
    this.words = new Uint32Array(this.bytes.buffer, WORDS, 3)
  }

  setSyntaxes(columns: readonly NamedCellColumn[]): void {
    const syntaxes = columns.map((column) => syntaxOf(column)?.code ?? (isHex(column) ? BYTES : 0))
    this.bytes.set(syntaxes, SYNTAXES)
  }

  /** Returns where the piece ends. */
  put(piece: Buffer): number {
    const end = this.#chunk + piece.length
    this.bytes.set(piece, this.#chunk)
    // Ends whatever cell is not ended there.
    this.bytes.fill(LF, end, end + SPARE)
    return end
  }

  /** Puts bytes right before the chunk. */
  carry(rest: Buffer): void {
    this.bytes.copyWithin(this.#chunk - rest.length, rest.byteOffset, rest.byteOffset + rest.length)
  }
}

/** The server writes them in hexadecimal digits. */
function isHex({ kind, cells }: NamedCellColumn): boolean {
  return kind === 'bytes' && cells !== 'stored'
}
