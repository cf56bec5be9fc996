/** Moments where the user's SQL is to see another zone than UTC, and where it may be surprised by UTC. */
import type { Column, Endpoint, ReadSpec, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { wordsOf } from '../../src/sql/fragment.js'
import type { SessionOptions } from '../../src/sql/server-waits.js'
import { Session } from './connection.js'
import { mapError } from './errors.js'
import { identifier, text } from './sql.js'

const UNKNOWN_ZONE = 1298

/** A session for reading. Its own idea of time is the endpoint's zone; see {@link inUtc} for values. Throws PARAMS_INVALID. */
export async function openInZone(endpoint: Endpoint, options: SessionOptions): Promise<Session> {
  const session = await Session.open(endpoint, options)
  if (endpoint.timeZone === undefined) return session
  try {
    await session.query(`SET time_zone = ${text(endpoint.timeZone)}`)
    return session
  } catch (error) {
    session.destroy()
    if ((error as { errno?: number }).errno !== UNKNOWN_ZONE) throw mapError(error, 'setting the time zone')
    throw new RowshiftError(
      'PARAMS_INVALID',
      `params.time_zone: ${session.where} does not know the time zone ${JSON.stringify(endpoint.timeZone)}. Give an offset like "+02:00", ` +
        'or have the names of zones loaded there (mysql_tzinfo_to_sql).',
    )
  }
}

/**
 * A table as it is read in such a session. UNIX_TIMESTAMP gives a TIMESTAMP as it is stored, also in the hour that summer time
 * repeats; its 0 stands for the zero date, which is the same in every zone.
 */
export function inUtc({ timeZone }: Endpoint, table: TableSchema): TableSchema {
  if (timeZone === undefined) return table
  return {
    ...table,
    columns: table.columns.map((column) => (isTimestamp(column) ? utcColumn(column) : column)),
  }
}

function isTimestamp({ type }: Column): boolean {
  return /^timestamp\b/i.test(type)
}

function utcColumn(column: Column): Column {
  const name = identifier(column.name)
  const seconds = `UNIX_TIMESTAMP(${name})`
  const moment = `TIMESTAMP'1970-01-01 00:00:00' + INTERVAL ${seconds} SECOND`
  const digits = column.valueRange.fractionDigits ?? 0
  return { ...column, readAs: `IF(${seconds} = 0, ${name}, CAST(${moment} AS DATETIME(${digits})))` }
}

/** What depends on the session's zone, besides TIMESTAMP columns. A subquery may name such columns of other tables. */
const CLOCK = new Set(
  (
    'now current_timestamp localtime localtimestamp sysdate curdate current_date curtime current_time ' +
    'unix_timestamp from_unixtime select'
  ).split(' '),
)
const UTC = /^([+-]0?0:00|utc|uct|gmt|zulu|universal|greenwich|etc\/\w+)$/i

/** Columns that the source computes, with their SQL. */
export function computed({ columns }: ReadSpec): (readonly [string, string])[] {
  return columns.flatMap(({ name, sql }) => (sql === undefined ? [] : [[name, sql] as const]))
}

/** A warning where `pieces` ask for times on a server whose own zone is another. */
export async function zoneWarnings(
  session: Session,
  { timeZone }: Endpoint,
  { columns }: TableSchema,
  pieces: readonly (readonly [name: string, sql: string])[],
): Promise<string[]> {
  if (timeZone !== undefined) return []
  const moments = new Set(columns.filter(isTimestamp).map(({ name }) => name.toLowerCase()))
  const asking = pieces.flatMap(([name, sql]) =>
    wordsOf(sql).some((word) => CLOCK.has(word) || moments.has(word)) ? [name] : [],
  )
  if (asking.length === 0) return []
  const [row] = await session.query('SELECT @@GLOBAL.time_zone, @@system_time_zone')
  const [own, system] = row as [string, string]
  const known = own === 'SYSTEM' ? system : own
  if (UTC.test(known)) return []
  return [
    `${asking.join(', ')}: TIMESTAMP columns, NOW() and whatever else depends on the zone are seen in UTC, not in the server's zone (${known}); ` +
      `"time_zone": ${JSON.stringify(own)} would have them seen in that`,
  ]
}
