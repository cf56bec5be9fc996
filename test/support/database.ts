// A SQLite database file as tests see it: by the driver of Node.js itself, not by the plugin.
import { DatabaseSync, type DatabaseSyncOptions, type SQLInputValue } from 'node:sqlite'

/** Long enough for whoever holds the database for a moment. */
const TIMEOUT_MS = 5_000

export class Database extends DatabaseSync {
  constructor(path: string, options: DatabaseSyncOptions = {}) {
    super(path, { timeout: TIMEOUT_MS, ...options })
  }

  /** Runs a statement: one whose rowid no JavaScript number holds, too. */
  run(sql: string, ...values: SQLInputValue[]): void {
    const statement = this.prepare(sql)
    statement.setReadBigInts(true)
    statement.run(...values)
  }

  /** All rows as arrays; `exact`: integers as bigint. */
  rows(sql: string, { exact = false } = {}): unknown[][] {
    const statement = this.prepare(sql)
    statement.setReturnArrays(true)
    statement.setReadBigInts(exact)
    return statement.all() as unknown as unknown[][]
  }

  /** The first value of every row. */
  column(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.prepare(sql)
      .all(...values)
      .map((row) => Object.values(row)[0])
  }

  /** The first value of the first row. */
  value(sql: string, ...values: SQLInputValue[]): unknown {
    return this.column(sql, ...values)[0]
  }
}
