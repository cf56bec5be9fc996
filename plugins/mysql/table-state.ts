import type { TableState } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { serverFacts } from './server.js'
import { text } from './sql.js'

/**
 * InnoDB's number of a table is another one after TRUNCATE, and where another table has taken the name. It takes the privilege
 * PROCESS to see; without it, the time when the table was made tells at least of another table.
 */
export async function tableState(session: Session, table: string): Promise<TableState> {
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
  const number = await innodbNumber(session, fileName(schema!, name!))
  const identity = number === 'unknown' ? null : (number ?? created ?? null)
  return { identity, bytes: bytes == null ? null : Number(bytes) }
}

/**
 * All numbers of a partitioned table; null: the user may not see them, or the engine is another. `unknown`: they could not be read
 * this time, so there is nothing to compare with another look.
 */
async function innodbNumber(session: Session, name: string | null): Promise<string | null> {
  if (name === null) return null
  const { mariadb, version } = await serverFacts(session)
  const view = mariadb || version < 80_000 ? 'INNODB_SYS_TABLES' : 'INNODB_TABLES'
  const bytes = 'CAST(NAME AS BINARY)'
  // A list that may not be read, or takes too long, is not a reason for the run to fail.
  const search = {
    select: ['GROUP_CONCAT(TABLE_ID ORDER BY TABLE_ID)'],
    from: `information_schema.${view}`,
    where: [`(${bytes} = ${text(name)} OR LEFT(${bytes}, ${name.length + 1}) = ${text(`${name}#`)})`],
  }
  const rows = await session
    .search(search)
    .catch((error: unknown) => (mapError(error, '').code === 'ACCESS_DENIED' ? [] : null))
  return rows === null ? 'unknown' : (rows[0]?.[0] ?? null)
}

/** As InnoDB names it: `db/table`, other characters as @ and four digits. null: characters beyond ASCII have codes of their own. */
function fileName(schema: string, table: string): string | null {
  // oxlint-disable-next-line no-control-regex
  if (/[^\0-\x7f]/.test(schema + table)) return null
  const encoded = (name: string) =>
    name.replaceAll(/\W/g, (character) => `@${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `${encoded(schema)}/${encoded(table)}`
}
