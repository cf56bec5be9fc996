import type { PlannedWrite } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { Database } from './driver.js'
import { sqliteError } from './errors.js'

/** An empty database for as long as `use` takes. */
export function inMemory<T>(use: (scratch: Database) => T): T {
  const scratch = new Database(':memory:')
  try {
    return use(scratch)
  } finally {
    scratch.close()
  }
}

/** Runs the statements that make a table, all or none. */
export function createTable(database: Database, spec: PlannedWrite, statements: readonly string[]): void {
  if (statements.length === 0) return
  const { table } = spec.table
  // Else DROP TABLE would delete the rows of other tables that refer to it.
  const foreignKeys = database.value('PRAGMA foreign_keys') === 1n
  database.exec('PRAGMA foreign_keys = OFF')
  let running = 'BEGIN IMMEDIATE'
  try {
    database.exec(running)
    for (running of statements) database.exec(running)
    database.exec('COMMIT')
  } catch (thrown) {
    if (database.inTransaction) database.exec('ROLLBACK')
    const { code, message, details } = sqliteError(thrown, `creating table "${table}"`, { table })
    const known = code === 'SERVER_ERROR' ? 'CREATE_FAILED' : code
    throw new RowshiftError(known, `${message} The statement was:\n${running}`, details, thrown)
  } finally {
    database.exec(`PRAGMA foreign_keys = ${foreignKeys ? 'ON' : 'OFF'}`)
  }
}
