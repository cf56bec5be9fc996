import { forEachRow } from '../../src/wire/each-row.js'
import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Tally } from '../../src/sql/tally.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue } from './driver.js'
import { RowInserter } from './insert.js'
import { nullRowidError, rejectedRowError, valueError } from './row-errors.js'

/** One split on its way into the target, inside a transaction that the writer ends. */
export class SplitWrite {
  readonly #database: Database
  readonly #spec: PlannedWrite
  readonly #bindings: readonly Binding[]
  readonly #tally: Tally
  readonly #inserter: RowInserter
  /** The column that makes a number of NULL. */
  readonly #rowid: number
  /** Of the rows that are collected for one statement, all from the same batch; and where each begins and ends there. */
  #values: SqliteValue[] = []
  #bounds: (readonly [start: number, end: number])[] = []

  constructor(database: Database, spec: PlannedWrite, bindings: readonly Binding[], tally: Tally) {
    this.#database = database
    this.#spec = spec
    this.#bindings = bindings
    this.#tally = tally
    this.#inserter = new RowInserter(database, spec, bindings)
    this.#rowid = spec.columns.findIndex(({ target }) => target.name === spec.facts['rowid'])
  }

  write(batch: Batch): void {
    let rows = 0
    forEachRow(batch, (cells, start, end) => {
      rows++
      const rowError = this.#bind(cells)
      if (rowError) this.#tally.reject(rowAt(batch, start, end), rowError)
      else this.#bounds.push([start, end])
      if (this.#bounds.length === this.#inserter.groupRows) this.#storeGroup(batch)
    })
    this.#storeRows(batch)
    if (rows !== batch.rows) {
      const message = `A batch of ${batch.rows} rows for table "${this.#spec.table.table}" holds ${rows}`
      throw new RowshiftError('COUNT_MISMATCH', message)
    }
    this.#tally.hand(rows)
  }

  /** Appends the row's values to those collected, or none and says why not. */
  #bind(cells: readonly (Buffer | null)[]): RowshiftError | null {
    const { columns, table } = this.#spec
    const before = this.#values.length
    if (cells.length !== columns.length) {
      const message = `A row of ${cells.length} cells arrived for ${columns.length} columns of "${table.table}"`
      throw new RowshiftError('INTERNAL', message)
    }
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]!
      const value = cell === null ? null : this.#bindings[i]!.bind(cell)
      if (value !== undefined && (value !== null || i !== this.#rowid)) this.#values.push(value)
      else {
        this.#values.length = before
        return value === null
          ? nullRowidError(this.#spec, columns[i]!.target.name, cells)
          : valueError(this.#spec, i, cells)
      }
    }
    return null
  }

  #storeGroup(batch: Batch): void {
    try {
      this.#tally.add(this.#inserter.storeGroup(this.#values))
      this.#values.length = 0
      this.#bounds.length = 0
    } catch (thrown) {
      // Some errors end the transaction, and what is inserted after it would stay.
      if (!this.#database.inTransaction) throw thrown
      this.#storeRows(batch)
    }
  }

  /** One by one, to find those at fault. */
  #storeRows(batch: Batch): void {
    const width = this.#bindings.length
    for (const [i, [start, end]] of this.#bounds.entries()) {
      const values = this.#values.slice(i * width, (i + 1) * width)
      try {
        this.#tally.add(this.#inserter.storeRow(values))
      } catch (thrown) {
        if (!this.#database.inTransaction) throw thrown
        const row = rowAt(batch, start, end)
        this.#tally.reject(row, rejectedRowError(this.#spec, row, thrown))
      }
    }
    this.#values.length = 0
    this.#bounds.length = 0
  }
}

function rowAt({ bytes }: Batch, start: number, end: number): Batch {
  return { bytes: bytes.subarray(start, end), rows: 1 }
}
