import type { Plan } from '../../src/plugin.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue, Statement } from './driver.js'
import { quoteName } from './names.js'

/**
 * Rows per statement: 64 rows of five columns are stored twice as fast as 64 times one row, since most of the time
 * goes into entering the driver; more rows gain nothing.
 */
const MAX_ROWS = 64
/** SQLite's default limit is 32766. */
const MAX_PARAMETERS = 16_000

export function rowsPerStatement(columns: number, writeBatch: number | null): number {
  return Math.max(1, Math.min(MAX_ROWS, writeBatch ?? MAX_ROWS, Math.floor(MAX_PARAMETERS / columns)))
}

/** Collects rows and inserts them in groups. Values refer to the batch, so `flush` comes before the next batch. */
export class RowInserter {
  readonly #database: Database
  readonly #group: Statement
  readonly #single: Statement
  readonly #width: number
  readonly #capacity: number
  readonly #onFailure: (values: readonly SqliteValue[], thrown: unknown) => unknown
  #values: SqliteValue[] = []
  /** Rows that SQLite says it stored. */
  stored = 0

  /** `onFailure` turns what a single row's insert threw into the error to throw. */
  constructor(
    database: Database,
    plan: Plan,
    bindings: readonly Binding[],
    onFailure: (values: readonly SqliteValue[], thrown: unknown) => unknown,
  ) {
    const rows = rowsPerStatement(bindings.length, plan.writeBatch)
    this.#database = database
    this.#width = bindings.length
    this.#capacity = rows * bindings.length
    this.#single = database.prepare(insertSql(plan, bindings, 1))
    this.#group = rows === 1 ? this.#single : database.prepare(insertSql(plan, bindings, rows))
    this.#onFailure = onFailure
  }

  push(value: SqliteValue): void {
    this.#values.push(value)
  }

  endRow(): void {
    if (this.#values.length !== this.#capacity) return
    const values = this.#values
    this.#values = []
    try {
      this.stored += this.#group.run(values).changes
    } catch (thrown) {
      // Some errors end the transaction, and what is inserted after it would stay.
      if (!this.#database.inTransaction) throw thrown
      // A failed statement leaves nothing, so its rows go again one by one, to find the one at fault.
      this.#insertSingly(values)
    }
  }

  flush(): void {
    const values = this.#values
    this.#values = []
    this.#insertSingly(values)
  }

  #insertSingly(values: readonly SqliteValue[]): void {
    for (let at = 0; at < values.length; at += this.#width) {
      const row = values.slice(at, at + this.#width)
      try {
        this.stored += this.#single.run(row).changes
      } catch (thrown) {
        throw this.#onFailure(row, thrown)
      }
    }
  }
}

/** `OR ABORT` overrides an ON CONFLICT clause of the table, which might replace or drop rows silently. */
function insertSql(plan: Plan, bindings: readonly Binding[], rows: number): string {
  const names = plan.columns.map(({ target }) => quoteName(target.name)).join(', ')
  const row = `(${bindings.map(({ sql }) => sql).join(', ')})`
  return `INSERT OR ABORT INTO ${quoteName(plan.target.table)} (${names}) VALUES ${Array(rows).fill(row).join(', ')}`
}
