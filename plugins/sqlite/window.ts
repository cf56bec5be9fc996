import type { IncrementalRequest, Window } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import {
  epochWindow,
  isEpoch,
  likelyEpochs,
  toEpoch,
  unitOf,
  versionsBeginAnew,
  wrongUnit,
} from '../../src/sql/epoch.js'
import { windowConditions } from '../../src/sql/window-sql.js'
import type { TextEncoding } from './cells.js'
import type { Database } from './driver.js'
import { literal } from './dialect.js'
import { quoteName } from './names.js'
import { checkNextId, missedRows, userCares } from './watermark.js'

const COUNT_TO = 20_000
/** Writers take turns, so only one transaction can be open; how long it has been is not to be seen. */
const LAG_SECONDS = 60

/**
 * The window of an incremental run. Transactions are committed one after another here, so a key that is there to be seen
 * has no lower one still to come. Times are compared as text: `YYYY-MM-DD HH:MM:SS[.fff]` in UTC, as CURRENT_TIMESTAMP
 * writes them.
 */
export function findWindow(database: Database, request: IncrementalRequest, encoding: TextEncoding): Window {
  const { table, column, kind, range: asked } = request
  const name = quoteName(column.name)
  const from = quoteName(table.table)
  const sql = (value: string) => literal(column, value, encoding)
  const ends: Ends = asked ? { ...asked, watermark: null, reasons: [] } : findEnds(database, request, sql)
  // Numbers are below every text. They are not times, which the read says.
  const outside = kind === 'time' || kind === 'date' ? [`${name} < ''`] : []
  const conditions = windowConditions(request, ends, { name, literal: sql, outside })
  const rows =
    kind === 'key' && ends.to === null && !asked
      ? 0
      : Number(
          database.value(
            `SELECT count(*) FROM (SELECT 1 FROM ${from} WHERE ${conditions.sql} LIMIT ${COUNT_TO})`,
          ),
        )
  return {
    column,
    ...ends,
    ...conditions,
    reasons: [...ends.reasons, ...(asked ? [] : userCares(database, request))],
    warnings: [...(ends.warnings ?? []), ...(asked ? [] : missedRows(database, request, LAG_SECONDS))],
    rows,
    countedTo: COUNT_TO,
    index: null,
    delays: [],
  }
}

type Ends = Pick<Window, 'from' | 'to' | 'watermark' | 'reasons'> & Partial<Pick<Window, 'warnings'>>

function findEnds(database: Database, request: IncrementalRequest, sql: (value: string) => string): Ends {
  if (request.kind === 'key') return keyEnds(database, request, sql)
  return request.kind === 'version' ? versionEnds(database, request) : timeEnds(database, request)
}

function keyEnds(
  database: Database,
  { table, column, watermark: from }: IncrementalRequest,
  sql: (value: string) => string,
): Ends {
  const name = quoteName(column.name)
  const above = from === null ? '' : ` WHERE ${name} > ${sql(from)}`
  const top = database.value(`SELECT CAST(max(${name}) AS TEXT) FROM ${quoteName(table.table)}${above}`) as
    string | null
  if (top === null) {
    if (from !== null) checkNextId(database, table, column, from)
    return { from, to: from, watermark: from, reasons: ['nothing new: no key above the last one copied'] }
  }
  return {
    from,
    to: top,
    watermark: top,
    reasons: [`${column.name} from ${from ?? 'the beginning'} (without it) to ${top}`],
  }
}

/** Of what comes later the numbers are higher; but several rows may have one, so that of the watermark is read again. */
function versionEnds(database: Database, { table, column, watermark, overlap }: IncrementalRequest): Ends {
  const name = quoteName(column.name)
  const top = database.value(
    `SELECT CAST(max(${name}) AS TEXT) FROM ${quoteName(table.table)} WHERE typeof(${name}) = 'integer'`,
  ) as string | null
  const from = watermark === null ? null : String(BigInt(watermark) - BigInt(overlap))
  if (top === null || (from !== null && BigInt(top) < BigInt(from)))
    return { from: watermark, to: watermark, watermark, reasons: ['nothing new'], warnings: lower() }
  return {
    from,
    to: String(BigInt(top) + 1n),
    watermark: lower().length > 0 ? watermark : top,
    reasons: [`${column.name} from ${from ?? 'the beginning'} up to ${top}, which the next run reads again`],
    warnings: lower(),
  }

  function lower(): string[] {
    if (top === null || watermark === null || BigInt(top) >= BigInt(watermark)) return []
    return [versionsBeginAnew(column.name, top, watermark)]
  }
}

function timeEnds(database: Database, request: IncrementalRequest): Ends {
  const { column, kind, watermark, lag, overlap, rereads } = request
  const ask = (sql: string, ...values: string[]) => database.value(`SELECT ${sql}`, ...values)
  const at = (time: string, seconds: number) =>
    ask(`strftime('%Y-%m-%d %H:%M:%f', ?, ?)`, time, `-${seconds} seconds`) as string | null
  const behind = lag ?? LAG_SECONDS
  // To the second: a value without a fraction sorts before one of the same second with it.
  const end = at('now', behind)!.slice(0, 19)
  const range = (from: string | null, to: string) =>
    `${column.name} from ${from ?? 'the beginning'} up to ${to} (without it), ${behind} s behind the clock`
  if (isEpoch(kind)) {
    const microseconds = (time: string) => BigInt(ask(`strftime('%s', ?)`, time) as string) * 1_000_000n
    checkUnit(database, request, toEpoch(kind, microseconds('now')))
    const { from, to } = epochWindow(kind, request, toEpoch(kind, microseconds(end)))
    return { from, to, watermark: to, reasons: [`${range(from, to)}: ${unitOf(kind)}`] }
  }
  const start = watermark === null ? null : at(watermark < end ? watermark : end, overlap)
  if (watermark !== null && start === null) {
    throw new RowshiftError(
      'INTERNAL',
      `The watermark ${watermark} of ${column.name} is not a time SQLite can read`,
    )
  }
  if (kind === 'date') {
    const day = end.slice(0, 10)
    const from = start?.slice(0, 10) ?? null
    const to = rereads ? (ask(`date('now', '+1 day')`) as string) : day
    const again = rereads ? `; the next run reads rows from ${day} on again` : ''
    return { from, to, watermark: day, reasons: [`${range(from, to)}${again}`] }
  }
  const from = start?.slice(0, 19) ?? null
  return { from, to: end, watermark: end, reasons: [range(from, end)] }
}

/** Throws PARAMS_INVALID when the values of the column cannot be in its unit. */
function checkUnit(database: Database, request: IncrementalRequest, now: bigint): void {
  const { kind, table, column } = request
  if (!isEpoch(kind)) return
  const { low, high } = likelyEpochs(now)
  const name = quoteName(column.name)
  const from = quoteName(table.table)
  const ask = (sql: string) => database.value(sql) as string | null | undefined
  if (ask(`SELECT '1' FROM ${from} WHERE ${name} BETWEEN ${low} AND ${high} LIMIT 1`) !== undefined) return
  const highest = ask(
    `SELECT CAST(max(${name}) AS TEXT) FROM ${from} WHERE ${name} > 0 AND typeof(${name}) = 'integer'`,
  )
  if (highest != null) throw wrongUnit(request, kind, highest)
}
