import { creationError } from '../../src/sql/created-table.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { leniently } from './lenient-ddl.js'
import { text } from './sql.js'

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
      throw creationError(mapError(error, `creating table ${table}`, { table }), sql)
    })
  }
}
