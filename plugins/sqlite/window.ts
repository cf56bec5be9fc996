import type { IncrementalRequest, Window } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { isEpoch } from '../../src/sql/epoch.js'
import type { SettledTimes, WindowSource } from '../../src/sql/window-source.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'
import { findRowidColumn } from './schema.js'
import type { SqliteSession } from './session.js'

/** Writers take turns, so only one transaction can be open; how long it has been is not to be seen. */
const LAG_SECONDS = 60

/**
 * Transactions are committed one after another here, so a key that is there to be seen has no lower one still to come. Times are
 * compared as text: `YYYY-MM-DD HH:MM:SS[.fff]` in UTC, as CURRENT_TIMESTAMP writes them.
 */
export const windowSource: WindowSource<SqliteSession> = {
  look: async ({ database }, request) => look(database, request),
  // Numbers are below every text. They are no times, which the read says.
  conditions: ({ kind, column }) => ({
    outside: kind === 'time' || kind === 'date' ? [`${quoteName(column.name)} < ''`] : [],
  }),
  nextId: async ({ database }, request) => nextId(database, request),
  times: async ({ database }, request) => times(database, request),
}

/** What the user has to see to, and what the file does not show. */
function look(
  database: Database,
  { table: { table }, column, kind, range }: IncrementalRequest,
): Pick<Window, 'index' | 'reasons' | 'warnings'> {
  const none = { index: null, reasons: [], warnings: [] }
  if (range) return none
  const sql = 'SELECT sql FROM sqlite_schema WHERE type = ? AND name = ? COLLATE NOCASE'
  if (database.value(sql, 'view', table) !== undefined) {
    const warning = `source ${table} is a view: a row that comes into it, or changes, because of another table or another definition is read only when its ${column.name} rises`
    return { ...none, warnings: [warning] }
  }
  if (kind !== 'key' || findRowidColumn(database, database.file, table) !== column.name) return none
  const ddl = database.value(sql, 'table', table) as string | undefined
  if (ddl === undefined || /\bautoincrement\b/i.test(ddl)) return none
  const reason = `${column.name} has no AUTOINCREMENT, so ids of deleted newest rows are given again: a row that gets one that was copied before is not seen`
  return { ...none, reasons: [reason] }
}

/** With AUTOINCREMENT, ids go back only when the table is created again; without it, the next id is one above the highest that is there. */
function nextId(database: Database, { table: { table }, column }: IncrementalRequest): string | null {
  if (findRowidColumn(database, database.file, table) !== column.name) return null
  const counters = database.value("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'")
  const counted =
    counters && database.value('SELECT seq FROM sqlite_sequence WHERE name = ? COLLATE NOCASE', table)
  const highest = database.value(`SELECT max(${quoteName(column.name)}) FROM ${quoteName(table)}`)
  const higher = (most: bigint, value: unknown) => (typeof value === 'bigint' && value > most ? value : most)
  return String([counted, highest].reduce<bigint>(higher, 0n) + 1n)
}

function times(
  database: Database,
  { column, kind, watermark, lag, overlap }: IncrementalRequest,
): SettledTimes {
  const ask = (sql: string, ...values: string[]) =>
    database.value(`SELECT ${sql}`, ...values) as string | null
  const at = (time: string, seconds = 0) =>
    ask(`strftime('%Y-%m-%d %H:%M:%f', ?, ?)`, time, `-${seconds} seconds`)
  const microseconds = (time: string) => `${ask(`strftime('%s', ?)`, time)}000000`
  const behind = lag ?? LAG_SECONDS
  const clock = at('now')!
  const end = at(clock, behind)!
  const last = isEpoch(kind) ? null : watermark
  const begin = last === null ? null : at(last < end ? last : end, overlap)
  if (last !== null && begin === null) {
    throw new RowshiftError(
      'INTERNAL',
      `The watermark ${last} of ${column.name} is not a time SQLite can read`,
    )
  }
  return {
    moments: {
      end,
      begin,
      behind: last !== null && end < last,
      endEpoch: microseconds(end),
      clockEpoch: microseconds(clock),
      clock,
      nextDay: ask(`date(?, '+1 day')`, clock)!,
    },
    lag: behind,
    holder: null,
    late: behind,
    hidden: 'a file does not show its open transactions',
    held: async () => null,
  }
}
