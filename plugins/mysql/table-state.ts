import type { Connection, TableState } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { innodbNumber } from './innodb-numbers.js'
import { text } from './sql.js'

/**
 * InnoDB's number of a table is another one after TRUNCATE, and where another table has taken the name. It takes the privilege
 * PROCESS to see; without it, the time when the table was made tells at least of another table.
 */
export async function tableState(
  session: Session,
  connection: Connection,
  table: string,
): Promise<TableState> {
  const [row] = await session
    .query(
      `SELECT TABLE_SCHEMA, TABLE_NAME, CREATE_TIME, DATA_LENGTH FROM information_schema.TABLES
       WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`,
    )
    .catch((error: unknown) => {
      throw mapError(error, `looking at the state of table ${table}`, { table })
    })
  if (!row) return { identity: 'gone', bytes: 0 }
  const [schema, name, created, bytes] = row
  const file = fileName(schema!, name!)
  const number = file === null ? null : await innodbNumber(session, connection, file)
  const identity = number === 'unknown' ? null : (number ?? created ?? null)
  return { identity, bytes: bytes == null ? null : Number(bytes) }
}

/** As InnoDB names it: `db/table`, other characters as @ and four digits. null: characters beyond ASCII have codes of their own. */
function fileName(schema: string, table: string): string | null {
  // oxlint-disable-next-line no-control-regex
  if (/[^\0-\x7f]/.test(schema + table)) return null
  const encoded = (name: string) =>
    name.replaceAll(/\W/g, (character) => `@${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `${encoded(schema)}/${encoded(table)}`
}
