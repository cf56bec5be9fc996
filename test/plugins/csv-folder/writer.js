import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { forEachRow, nothingWritten, RowshiftError, rowName } from 'rowshift/plugin'
import { record } from './csv.js'
import { locked } from './lock.js'
import { describe, faultOf, fileOf, schemaOf, tablesOf } from './tables.js'

/** How the rows of a split get to the end of the file: the values of `write_path`. */
const PATHS = {
  append: { reason: 'each split is added at the end of the file', store: append },
  swap: { reason: 'with each split a new file takes the place of the old one', store: swap },
}

/** @import { Writer } from 'rowshift/plugin' */

/** @implements {Writer} */
export class CsvWriter {
  #connection

  skills = {
    tables: () => tablesOf(this.#connection),
    planCreateTable: (request) => this.#planCreateTable(request),
  }

  constructor(connection) {
    this.#connection = connection
  }

  async connect() {}

  async describe(table) {
    return describe(this.#connection, table)
  }

  async #planCreateTable({ source, table }) {
    const names = source.columns.map(({ name }) => name)
    return {
      target: schemaOf(this.#connection, table, fileOf(this.#connection, table), names),
      statements: [record(names)],
      reasons: ['a CSV file: its header is the names of the columns'],
      warnings:
        source.keys.length === 0 ? [] : ['a CSV file has no keys: a row that is copied twice is there twice'],
    }
  }

  async plan(_spec, path) {
    const chosen = path ?? 'append'
    return { path: chosen, reasons: [`${chosen}: ${PATHS[chosen].reason}`], warnings: [], facts: {} }
  }

  async prepare({ create, table }) {
    if (create === null) return
    const file = fileOf(this.#connection, table.table)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, create.statements.join(''))
  }

  /** The rows of the split go into a file beside the table, and from there to its end when all of them are good. */
  async write(spec, batches, { signal, onProgress, onDirty, beforeCommit }) {
    const file = fileOf(this.#connection, spec.table.table)
    const part = `${file}.${randomUUID()}.part`
    const columns = spec.columns.map(({ target }) => target)
    const stopIfAborted = () => {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', `Stopped while writing ${file}.`)
    }
    const names = (await this.describe(spec.table.table)).columns.map(({ name }) => name)
    const at = names.map((name) => columns.findIndex((column) => column.name === name))
    let handle = null
    let [rowsWritten, dirtyRows] = [0, 0]
    try {
      for await (const batch of batches) {
        stopIfAborted()
        handle ??= await open(part, 'wx')
        let text = ''
        forEachRow(batch, (cells, start, end) => {
          const fault = faultOf(columns, cells)
          if (fault === null) {
            text += record(at.map((i) => (i < 0 ? null : (cells[i]?.toString() ?? null))))
            rowsWritten++
          } else {
            const message = `The row of ${spec.from} with ${rowName(spec, cells).join(', ')} is not taken: ${fault.fault}.`
            const error = new RowshiftError('DATA_REJECTED', message, { column: fault.column })
            onDirty({ bytes: batch.bytes.subarray(start, end), rows: 1 }, error)
            dirtyRows++
          }
        })
        await handle.write(text)
        onProgress(rowsWritten + dirtyRows)
      }
      stopIfAborted()
      await handle?.close()
      if (handle !== null) await locked(file, signal, () => PATHS[spec.path].store(file, part, beforeCommit))
      return { ...nothingWritten, rowsWritten, dirtyRows }
    } catch (error) {
      if (error instanceof RowshiftError) throw error
      throw new RowshiftError('SERVER_ERROR', `Writing ${file} failed: ${error.message}.`, { file }, error)
    } finally {
      await handle?.close()
      await rm(part, { force: true })
    }
  }

  async finish() {}

  async close() {}
}

/** All of `part`, or nothing of it. */
async function append(file, part, beforeCommit) {
  const handle = await open(file, 'r+')
  try {
    const { size } = await handle.stat()
    try {
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
      let end = size
      const add = async (bytes) => {
        for (let from = 0; from < bytes.length;) {
          const { bytesWritten } = await handle.write(bytes, from, bytes.length - from, end)
          from += bytesWritten
          end += bytesWritten
        }
      }
      // Whoever wrote the file may have left out the last line end.
      if (buffer[0] !== 0x0a) await add(Buffer.from('\r\n'))
      for await (const chunk of createReadStream(part)) await add(chunk)
      beforeCommit()
      await handle.sync()
    } catch (error) {
      await handle.truncate(size)
      throw error
    }
  } finally {
    await handle.close()
  }
}

/** The same in a copy of the file: whoever reads the table meanwhile sees all of the split, or nothing. */
async function swap(file, part, beforeCommit) {
  const whole = `${part}.whole`
  try {
    await copyFile(file, whole)
    await append(whole, part, beforeCommit)
    await rename(whole, file)
  } finally {
    await rm(whole, { force: true })
  }
}
