import { RowshiftError } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { leniently } from './lenient-ddl.js'
import { text } from './sql.js'

/** Runs the statements that make a table. */
export async function createTable(
  session: Session,
  table: string,
  statements: readonly string[],
): Promise<void> {
  for (const sql of statements) {
    await leniently(session, sql).catch((error: unknown) => {
      throw creationError(error, table, sql)
    })
  }
}

/**
 * Preparing CREATE TABLE looks for faults and privileges and does nothing else, so that they show before a table is
 * dropped. Other statements of a creation name the table that is still to come.
 */
export async function tryCreation(
  session: Session,
  table: string,
  statements: readonly string[],
): Promise<void> {
  for (const sql of statements.filter((each) => each.startsWith('CREATE'))) {
    await leniently(session, `PREPARE rowshift_probe FROM ${text(sql)}`).catch((error: unknown) => {
      throw creationError(error, table, sql)
    })
    await session.query('DEALLOCATE PREPARE rowshift_probe')
  }
}

function creationError(error: unknown, table: string, sql: string): RowshiftError {
  const { code, message, details, retryable } = mapError(error, `creating table ${table}`, { table })
  const kept = code === 'ACCESS_DENIED' || retryable ? code : 'CREATE_FAILED'
  return new RowshiftError(kept, `${message} The statement was:\n${sql}`, details, error)
}
