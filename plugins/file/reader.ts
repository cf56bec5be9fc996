import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { TAB } from '../../src/batch/batch.js'
import { BatchBuilder } from '../../src/batch/builder.js'
import { REASON_CELLS } from '../../src/batch/row-file.js'
import type { Batch, Endpoint, Plan, Reader, Split, TableSchema, TableState } from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { fileOf } from './connection.js'
import { linesOf } from './lines.js'
import { describeFile } from './schema.js'

export class FileReader implements Reader {
  readonly #path: string
  #file: FileHandle | null = null

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

  async state(): Promise<TableState> {
    const { dev, ino, size } = await stat(this.#path)
    return { identity: `${dev}:${ino}`, bytes: size }
  }

  async *split(): AsyncGenerator<Split> {
    yield { index: 0, lower: null, upper: null }
  }

  divide(): never {
    throw new RowshiftError('INTERNAL', `The lines of ${this.#path} have no key to divide them by.`)
  }

  async *read(plan: Plan, _split: Split, signal: AbortSignal): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(plan.batch)
    const width = plan.source.columns.length
    const picked = plan.columns.map(({ source }) =>
      plan.source.columns.findIndex(({ name }) => name === source.name),
    )
    let number = 0
    for await (const lines of linesOf(this.#file!)) {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', `Stopped while reading ${this.#path}.`)
      if (lines === null) throw this.#odd(number + 1, 'has no end: the file is not complete')
      for (const line of lines) {
        number++
        const cells = cellsOf(line)
        if (cells.length !== width + REASON_CELLS.length) {
          throw this.#odd(
            number,
            `has ${cells.length} cells; the schema beside it names ${width} columns, and ${REASON_CELLS.length} cells with the reason follow`,
          )
        }
        for (const at of picked) append(builder, cells[at]!)
        builder.endRow()
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

/** Still escaped: an escaped TAB is a letter, so each TAB byte ends a cell. */
function cellsOf(line: Buffer): Buffer[] {
  const cells: Buffer[] = []
  let start = 0
  for (let at = line.indexOf(TAB); at >= 0; at = line.indexOf(TAB, start)) {
    cells.push(line.subarray(start, at))
    start = at + 1
  }
  cells.push(line.subarray(start))
  return cells
}

/** A cell and its separator, as it stands. */
function append(builder: BatchBuilder, cell: Buffer): void {
  builder.reserve(cell.length + 1)
  builder.length += cell.copy(builder.buffer, builder.length)
  builder.buffer[builder.length++] = TAB
}
