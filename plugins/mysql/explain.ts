/** What the server says about how it runs a query. */
import type { Message, ReadSpec } from '../../src/contract/plugin.js'
import { boundQuery } from '../../src/sql/key-probe.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'

/** Where finding the bounds of a split is as much work as reading the table. */
export async function splitWarnings(session: Session, spec: ReadSpec): Promise<Message[]> {
  const sql = boundQuery(session, spec)
  if (sql === null) return []
  const [row] = await session.query(`EXPLAIN FORMAT=TRADITIONAL ${sql}`).catch((error: unknown) => {
    throw mapError(error, `explaining how table ${spec.table.table} is split`)
  })
  if (!row) return []
  // MySQL has a column "partitions" before "type".
  const type = row.length > 10 ? row[4] : row[3]
  const key = spec.key!.columns.map(({ name }) => name).join(', ')
  const extra = row.at(-1) ?? ''
  return [
    ...(type === 'ALL'
      ? [{ text: 'splitting {table} by {key} reads the whole table for every split', slots: { key } }]
      : []),
    ...(extra.includes('filesort')
      ? [{ text: 'splitting {table} by {key} sorts the table for every split', slots: { key } }]
      : []),
  ]
}

/** How the server would run a query: what it reads by which index, and how many rows it expects. */
export async function explainQuery(session: Session, sql: string): Promise<string[]> {
  const rows = await session.query(`EXPLAIN FORMAT=TRADITIONAL ${sql}`)
  return rows.map((row) => {
    // MySQL has columns "partitions" and "filtered" beside those of MariaDB.
    const [type, , key, , , estimate] = row.length > 10 ? row.slice(4) : row.slice(3)
    return `${type}, key ${key ?? 'none'}, about ${estimate} rows. ${row.at(-1) ?? ''}`.trim()
  })
}
