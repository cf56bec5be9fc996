import type { BoundRequest, Window } from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import type { TextEncoding } from './cells.js'
import type { Database } from './driver.js'
import { literal } from './keys.js'
import { quoteName } from './names.js'

const COUNT_TO = 20_000
/** Writers take turns, so only one transaction can be open; how long it has been is not to be seen. */
const LAG_SECONDS = 60

/**
 * The window of an incremental run. Transactions are committed one after another here, so a key that is there to be seen
 * has no lower one still to come. Times are compared as text: `YYYY-MM-DD HH:MM:SS[.fff]` in UTC, as CURRENT_TIMESTAMP
 * writes them.
 */
export function findWindow(database: Database, request: BoundRequest, encoding: TextEncoding): Window {
  const { table, column, kind, range: asked } = request
  const name = quoteName(column.name)
  const from = quoteName(table.table)
  const sql = (value: string) => literal(column, value, encoding)
  const ends = asked
    ? { ...asked, reasons: [] }
    : kind === 'key'
      ? keyEnds(database, request, sql)
      : timeEnds(database, request)
  const parts = [
    ...(ends.from === null ? [] : [`${name} ${kind === 'key' ? '>' : '>='} ${sql(ends.from)}`]),
    ...(ends.to === null ? [] : [`${name} ${kind === 'key' ? '<=' : '<'} ${sql(ends.to)}`]),
  ]
  const range = parts.length === 0 ? '1 = 1' : parts.join(' AND ')
  // Every run reads the rows without a value; a backfill need not.
  const condition = kind === 'time' && column.nullable && !asked ? `(${range}) OR ${name} IS NULL` : range
  const rows =
    ends.to === null && !asked
      ? 0
      : number(database, `SELECT count(*) FROM (SELECT 1 FROM ${from} WHERE ${condition} LIMIT ${COUNT_TO})`)
  return {
    column,
    ...ends,
    watermark: asked ? null : ends.to,
    sql: condition,
    rows,
    countedTo: COUNT_TO,
    index: null,
    warnings: [],
    delays: [],
  }
}

interface Ends {
  readonly from: string | null
  readonly to: string | null
  readonly reasons: readonly string[]
}

function keyEnds(
  database: Database,
  { table, column, watermark: from }: BoundRequest,
  sql: (value: string) => string,
): Ends {
  const name = quoteName(column.name)
  const above = from === null ? '' : ` WHERE ${name} > ${sql(from)}`
  const top = database
    .prepare(`SELECT CAST(max(${name}) AS TEXT) FROM ${quoteName(table.table)}${above}`)
    .pluck()
    .get() as string | null
  if (top === null) return { from, to: from, reasons: ['nothing new: no key above the last one copied'] }
  return { from, to: top, reasons: [`${column.name} from ${from ?? 'the beginning'} (without it) to ${top}`] }
}

function timeEnds(database: Database, { column, watermark, lag, overlap }: BoundRequest): Ends {
  const form = '%Y-%m-%d %H:%M:%f'
  const at = (time: string, seconds: number) =>
    database.prepare(`SELECT strftime('${form}', ?, ?)`).pluck().get(time, `-${seconds} seconds`) as
      string | null
  const behind = lag ?? LAG_SECONDS
  // To the second: a value without a fraction sorts before one of the same second with it.
  const to = at('now', behind)!.slice(0, 19)
  const start = watermark === null ? null : at(watermark < to ? watermark : to, overlap)
  if (watermark !== null && start === null) {
    throw new RowshiftError(
      'INTERNAL',
      `The watermark ${watermark} of ${column.name} is no time SQLite can read`,
    )
  }
  const from = start?.slice(0, 19) ?? null
  return {
    from,
    to,
    reasons: [
      `${column.name} from ${from ?? 'the beginning'} up to ${to} (without it), ${behind} s behind the clock`,
    ],
  }
}

function number(database: Database, sql: string): number {
  return database.prepare(sql).pluck().get() as number
}
