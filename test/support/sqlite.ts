// SQLite databases for tests of the whole program.
import { scratchFile } from './copying.js'
import { Database } from './database.js'

/** Makes a database and returns its path. */
export function sqliteFile(sql: string): string {
  const path = scratchFile('db')
  const database = new Database(path)
  database.exec(sql)
  database.close()
  return path
}

/** Runs statements in a database. */
export function sqliteRun(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

/** The rows of a query, cell by cell. */
export function sqliteRows(path: string, sql: string): unknown[][] {
  const database = new Database(path)
  try {
    return database.rows(sql)
  } finally {
    database.close()
  }
}
