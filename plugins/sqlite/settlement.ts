import type { BatchLimits } from '../../src/wire/builder.js'
import { forEachRow } from '../../src/wire/each-row.js'
import type { RefusedRow, Settlement } from '../../src/wire/settle.js'
import { settle, unsettled } from '../../src/wire/settle.js'
import type {
  Batch,
  PlannedWrite,
  RowshiftError,
  TableCounts,
  WriteOptions,
} from '../../src/contract/plugin.js'
import { addCounts, nothingWritten } from '../../src/contract/plugin.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue } from './driver.js'
import { exchangeObstacle, RowExchange } from './exchange.js'
import { holderOf, rowRefusal } from './refusals.js'
import { SplitWrite } from './split-write.js'

/** Rows that have waited for unique values on their way into the target, inside a transaction that the writer ends. */
export class SqliteSettlement implements Settlement {
  readonly limits: BatchLimits
  readonly #database: Database
  readonly #spec: PlannedWrite
  readonly #bindings: readonly Binding[]
  readonly #options: WriteOptions
  #counts: TableCounts = nothingWritten

  constructor(database: Database, spec: PlannedWrite, bindings: readonly Binding[], options: WriteOptions) {
    this.limits = spec.batch
    this.#database = database
    this.#spec = spec
    this.#bindings = bindings
    this.#options = options
  }

  async run(rows: readonly Batch[]): Promise<TableCounts> {
    await settle(rows, this)
    return this.#counts
  }

  async upsert(rows: readonly Batch[]): Promise<readonly RefusedRow[]> {
    const refused: RefusedRow[] = []
    const write = new SplitWrite(this.#database, this.#spec, this.#bindings, {
      ...this.#options,
      onDeferred: (row, error) => refused.push({ row, error }),
    })
    for (const batch of rows) write.write(batch)
    this.#add(write.counts)
    return refused
  }

  async obstacle(): Promise<string | null> {
    return exchangeObstacle(this.#database, this.#spec)
  }

  async exchange(rows: readonly Batch[]): Promise<readonly RefusedRow[]> {
    const database = this.#database
    const exchange = new RowExchange(database, this.#spec, this.#bindings)
    const refused: RefusedRow[] = []
    let inserted = 0
    let changed = 0
    let seen = 0
    database.exec('SAVEPOINT rowshift_exchange')
    const parked = rows.flatMap((batch) => this.#values(batch).map(({ values }) => exchange.takeAway(values)))
    for (const batch of rows) {
      for (const { row, values } of this.#values(batch)) {
        const old = parked[seen++]!
        try {
          const count = exchange.insert(values, old)
          inserted += count
          if (old !== null) changed += count
        } catch (thrown) {
          if (!database.inTransaction) throw thrown
          const error = rowRefusal(database, this.#spec, this.#bindings, values, thrown)
          if (!error.blamesRow) throw error
          refused.push({ row, error })
        }
      }
    }
    if (refused.length === 0) this.#add({ ...nothingWritten, rowsWritten: inserted, rowsChanged: changed })
    else database.exec('ROLLBACK TO rowshift_exchange')
    database.exec('RELEASE rowshift_exchange')
    return refused
  }

  async refuse({ row, error }: RefusedRow, obstacle: string | null): Promise<void> {
    this.#options.onDirty(row, unsettled(this.#spec, error, { holder: this.#holder(row, error), obstacle }))
    this.#add({ ...nothingWritten, dirtyRows: 1 })
  }

  #holder(row: Batch, error: RowshiftError): string | null {
    if (error.code !== 'DUPLICATE_KEY') return null
    return holderOf(this.#database, this.#spec, this.#bindings, this.#values(row)[0]!.values)
  }

  /** They were written or refused before, so each value can be bound. */
  #values(batch: Batch): { readonly row: Batch; readonly values: readonly SqliteValue[] }[] {
    const rows: { row: Batch; values: SqliteValue[] }[] = []
    forEachRow(batch, (cells, start, end) => {
      const values = cells.map((cell, i) => (cell === null ? null : this.#bindings[i]!.bind(cell)!))
      rows.push({ row: { bytes: batch.bytes.subarray(start, end), rows: 1 }, values })
    })
    return rows
  }

  #add(counts: TableCounts): void {
    this.#counts = addCounts(this.#counts, counts)
  }
}
