// SQLite databases for tests of the whole program.
import Database from 'better-sqlite3'
import { scratchFile } from './copying.js'

/** Makes a database and returns its path. */
export function sqliteFile(sql: string): string {
  const path = scratchFile('db')
  const database = new Database(path)
  database.exec(sql)
  database.close()
  return path
}

/** The rows of a query, cell by cell. */
export function sqliteRows(path: string, sql: string): unknown[][] {
  const database = new Database(path)
  try {
    return database.prepare(sql).raw().all() as unknown[][]
  } finally {
    database.close()
  }
}
