import type BetterSqlite3 from 'better-sqlite3'
import { RowshiftError } from '../../src/plugin.js'

export type Database = BetterSqlite3.Database
export type Statement = BetterSqlite3.Statement
/** What the driver returns with `safeIntegers`, and what it can bind. */
export type SqliteValue = null | bigint | number | string | Buffer

/** The driver is an optional dependency: nobody without a SQLite end needs it. */
export async function loadDriver(): Promise<typeof BetterSqlite3> {
  try {
    return (await import('better-sqlite3')).default
  } catch (cause) {
    throw driverMissing(cause)
  }
}

export function driverMissing(cause: unknown): RowshiftError {
  return new RowshiftError(
    'PLUGIN_UNKNOWN',
    'The SQLite driver is missing or does not fit this version of Node; run "npm install better-sqlite3" beside rowshift',
    { package: 'better-sqlite3' },
    cause,
  )
}
