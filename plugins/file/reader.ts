import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { BACKSLASH, ESCAPE_LETTER, LF, NULL_LETTER, TAB, UNESCAPED } from '../../src/wire/batch.js'
import { BatchBuilder } from '../../src/wire/builder.js'
import type { NamedCellColumn } from '../../src/wire/cell-syntax.js'
import { misfit } from '../../src/wire/cell-syntax.js'
import { REASON_CELLS } from '../../src/wire/row-file.js'
import { cellsOf } from '../../src/wire/row-name.js'
import type {
  Batch,
  Column,
  Endpoint,
  Reader,
  ReaderSkills,
  ReadSpec,
  RejectRow,
  Split,
  TableSchema,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { fileOf } from './connection.js'
import { linesOf } from './lines.js'
import { describeFile, storedColumns } from './schema.js'
import { counted } from '../../src/wire/counted.js'

/** Of a run that may be resumed, after the reason: the attempt, and the split. */
const SPLIT_NAME = /^\d+:/

const SEPARATOR = Buffer.from([TAB])

export class FileReader implements Reader {
  readonly #path: string
  #file: FileHandle | null = null
  readonly skills: ReaderSkills = {
    state: async () => {
      const { dev, ino, size } = await stat(this.#path)
      return { identity: `${dev}:${ino}`, bytes: size }
    },
  }

  constructor(endpoint: Endpoint) {
    this.#path = fileOf(endpoint.connection)
  }

  async connect(): Promise<void> {
    const path = this.#path
    try {
      this.#file = await open(path, 'r')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const message = `The file ${path} cannot be read (${code}); check the path and its permissions.`
      throw new RowshiftError('TABLE_NOT_FOUND', message, { file: path }, error)
    }
    if ((await this.#file.stat()).isFile()) return
    throw new RowshiftError('TABLE_NOT_FOUND', `${path} is not a regular file.`, { file: path })
  }

  async describe(table: string): Promise<TableSchema> {
    return describeFile(this.#path, table)
  }

  async *split(): AsyncGenerator<Split> {
    yield { index: 0, lower: null, upper: null }
  }

  divide(): never {
    throw new RowshiftError('INTERNAL', `The lines of ${this.#path} have no key to divide them by.`)
  }

  async *read(
    spec: ReadSpec,
    _split: Split,
    signal: AbortSignal,
    reject: RejectRow = fail,
  ): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(spec.batch)
    const stored = storedColumns(this.#path)
    const width = stored.length
    const { columns } = spec
    const picked = columns.map((wanted) => stored.findIndex((column) => isSame(column, wanted)))
    let number = 0
    for await (const lines of linesOf(this.#file!)) {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', `Stopped while reading ${this.#path}.`)
      if (lines === null) throw this.#odd(number + 1, 'has no end: the file is not complete')
      for (const line of lines) {
        number++
        const cells = splitCells(line)
        const more = cells.length - width - REASON_CELLS.length
        if (more !== 0 && !(more === 1 && SPLIT_NAME.test(cells.at(-1)!.toString('latin1')))) {
          throw this.#odd(
            number,
            `has ${counted(cells.length, 'cell')}; the schema beside it names ${counted(width, 'column')}, and ${REASON_CELLS.length} cells with the reason follow`,
          )
        }
        const row = rowOf(picked.map((at) => cells[at]!))
        const fault = faultOf(row, columns)
        if (fault === null) builder.appendRows(row.bytes, 1)
        else reject(row, this.#rowError(number, fault))
        if (builder.full) yield builder.take()!
      }
    }
    const last = builder.take()
    if (last) yield last
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = null
  }

  #rowError(line: number, { fault, column }: Fault): RowshiftError {
    return new RowshiftError(
      'DATA_REJECTED',
      `Line ${line} of ${this.#path} is not taken: ${fault}. Correct it there.`,
      { file: this.#path, line, column },
    )
  }

  #odd(line: number, fault: string): RowshiftError {
    return new RowshiftError(
      'DATA_REJECTED',
      `Line ${line} of ${this.#path} ${fault}. Nothing was written.`,
      {
        file: this.#path,
        line,
      },
    )
  }
}

function isSame(stored: Column, { name, sql, derivation }: Column): boolean {
  return sql === undefined
    ? stored.derivation === undefined && stored.name === name
    : stored.derivation === derivation
}

interface Fault {
  readonly fault: string
  /** null: it is the row's. */
  readonly column: string | null
}

function fail(_row: Batch, error: RowshiftError): never {
  throw error
}

/** Anybody may have changed the file since a run wrote it, and what is in it becomes SQL text. */
function faultOf(row: Batch, columns: readonly NamedCellColumn[]): Fault | null {
  return strayEscape(row.bytes)
    ? {
        fault: 'a backslash is followed by neither \\, t, n, r nor 0, nor is the whole cell \\N',
        column: null,
      }
    : misfit(columns, cellsOf(row))
}

/** An escape that the wire format does not have. Any other means something of its own to a server. */
function strayEscape(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(BACKSLASH); at >= 0; at = bytes.indexOf(BACKSLASH, at + 2)) {
    const letter = bytes[at + 1]!
    if (letter === NULL_LETTER ? !isAlone(bytes, at) : ESCAPE_LETTER[UNESCAPED[letter]!] !== letter)
      return true
  }
  return false
}

/** Whether the two bytes are a whole cell. */
function isAlone(bytes: Buffer, at: number): boolean {
  const ends = (byte: number | undefined) => byte === undefined || byte === TAB || byte === LF
  return ends(bytes[at - 1]) && ends(bytes[at + 2])
}

/** Still escaped: an escaped TAB is a letter, so each TAB byte ends a cell. */
function splitCells(line: Buffer): Buffer[] {
  const cells: Buffer[] = []
  let start = 0
  for (let at = line.indexOf(TAB); at >= 0; at = line.indexOf(TAB, start)) {
    cells.push(line.subarray(start, at))
    start = at + 1
  }
  cells.push(line.subarray(start))
  return cells
}

/** The cells as they stand, with their separators. */
function rowOf(cells: readonly Buffer[]): Batch {
  const bytes = Buffer.concat(cells.flatMap((cell) => [cell, SEPARATOR]))
  bytes[bytes.length - 1] = LF
  return { bytes, rows: 1 }
}
