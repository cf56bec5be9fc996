import { randomUUID } from 'node:crypto'
import { copyFile, open, rm } from 'node:fs/promises'
import { BatchBuilder, RowshiftError } from 'rowshift/plugin'
import { odd, records } from './csv.js'
import { locked } from './lock.js'
import { describe, faultOf, fileOf, tablesOf, textOf } from './tables.js'

/** @import { Reader } from 'rowshift/plugin' */

/** @implements {Reader} */
export class CsvReader {
  #connection

  /** The copy of each file that is read in its place. */
  #snapshot = new Map()
  skills = {
    tables: () => tablesOf(this.#connection),
    snapshot: {
      begin: (tables, signal) =>
        this.#begin(
          tables.map((table) => fileOf(this.#connection, table)),
          signal,
        ),
      join: async (token) => {
        for (const [file, copy] of JSON.parse(token)) this.#snapshot.set(file, await open(copy))
      },
    },
  }

  constructor(connection) {
    this.#connection = connection
  }

  async connect() {}

  async describe(table) {
    return describe(this.#connection, table)
  }

  async *split() {
    yield { index: 0, lower: null, upper: null }
  }

  /** @returns {never} */
  divide() {
    throw new RowshiftError('INTERNAL', 'A CSV file has no key to divide it by.')
  }

  async *read(spec, _split, signal, reject = fail) {
    const { columns } = await this.describe(spec.table.table)
    const at = spec.columns.map(({ name }) => columns.findIndex((column) => column.name === name))
    const builder = new BatchBuilder(spec.batch)
    const file = fileOf(this.#connection, spec.table.table)
    let number = 0
    for await (const record of records(textOf(file, this.#snapshot.get(file) ?? null), file)) {
      if (number++ === 0) continue
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', `Stopped while reading ${file}.`)
      if (record.length !== columns.length)
        throw odd(file, number, `has ${record.length} cells; the header has ${columns.length}`)
      const cells = at.map((i) => (record[i] === null ? null : Buffer.from(record[i])))
      const fault = faultOf(spec.columns, cells)
      if (fault === null) append(builder, cells)
      else reject(rowOf(cells), odd(file, number, `is not taken: ${fault.fault}`))
      if (builder.full) yield builder.take()
    }
    const last = builder.take()
    if (last !== null) yield last
  }

  async close() {
    for (const copy of this.#snapshot.values()) await copy.close()
    this.#snapshot.clear()
  }

  /** Copies of the files, which their names tell from others: once all have opened them, nobody needs the names. */
  async #begin(files, signal) {
    const copies = files.map((file) => [file, `${file}.${randomUUID()}.snapshot`])
    await copied(copies, signal)
    const release = async () => {
      for (const [, copy] of copies) await rm(copy)
    }
    return { token: JSON.stringify(copies), position: null, release }
  }
}

/** While all of them are locked. */
async function copied(copies, signal) {
  if (copies.length === 0) return
  const [file, copy] = copies[0]
  await locked(file, signal, async () => {
    await copied(copies.slice(1), signal)
    await copyFile(file, copy)
  })
}

function append(builder, cells) {
  for (const cell of cells) {
    if (cell === null) builder.appendNull()
    else builder.appendBytes(cell)
  }
  builder.endRow()
}

/** A row as a batch of one. */
function rowOf(cells) {
  const builder = new BatchBuilder({ bytes: 1, rows: 1 })
  append(builder, cells)
  return builder.take()
}

function fail(_row, error) {
  throw error
}
