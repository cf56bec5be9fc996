import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest, Window } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { isEpoch } from '../../src/sql/epoch.js'
import { missingIndex } from '../../src/sql/incremental-window.js'
import type { SqlSession } from '../../src/sql/session.js'
import type { SettledTimes, WindowSource } from '../../src/sql/window-source.js'
import {
  HERE,
  nameWriter,
  openWriters,
  sequencesOf,
  tablesOf,
  untilEnded,
  type Writer,
} from './open-writers.js'
import { tableId, text } from './sql.js'

/** Behind the oldest transaction, which has its time a moment before others see that it has begun. */
const LAG_SECONDS = 1
/** Where transactions cannot be looked at. */
const BLIND_LAG_SECONDS = 60
const POLL_MS = 200
const STANDBY = 'the server is a standby, which does not show who writes'

/**
 * now() is the time at which a transaction began, and its rows are seen when it commits: whoever is in a transaction may still write a row with that
 * time, also who has only read until now. So a window by time ends before the oldest of them. Ids are given out in order, but rows come in
 * any; whoever may have one holds the table, or its sequence, until others see the row.
 */
export const windowSource: WindowSource<SqlSession> = {
  look,
  nextId,
  settleKeys: async (session, request, top) => {
    const { holder, hidden } = await settle(session, request)
    const { column, table } = request
    const unseen = `${hidden}, so a row that gets its ${column.name} before this run and comes into ${table.table} after it is missed`
    return { to: top, holder, warnings: hidden === null ? [] : [unseen], delays: [] }
  },
  settleVersions: settle,
  times,
}

async function settle(session: SqlSession, request: IncrementalRequest) {
  const [row] = await session.query('SELECT pg_is_in_recovery()::int')
  if (row![0] === '1') return { holder: null, hidden: STANDBY }
  return { holder: await untilEnded(session, request), hidden: null }
}

/** The next number of the column's own sequence, if the user may read that. */
async function nextId(session: SqlSession, request: IncrementalRequest): Promise<string | null> {
  const [row] = await session.query(
    `SELECT seqrelid::regclass, seqincrement FROM pg_sequence WHERE seqrelid IN ${sequencesOf(request)} ` +
      `AND has_sequence_privilege(seqrelid, 'SELECT')`,
  )
  if (row === undefined) return null
  const [next] = await session.query(
    `SELECT (last_value + CASE WHEN is_called THEN ${row[1]} ELSE 0 END)::text FROM ${row[0]}`,
  )
  return next![0] ?? null
}

/** One row of what the catalogs say, as far as they say anything. */
async function look(
  session: SqlSession,
  request: IncrementalRequest,
): Promise<Pick<Window, 'index' | 'reasons' | 'warnings'>> {
  const {
    table: { table },
    column: { name },
    kind,
    lag,
    range,
  } = request
  const oid = tableId(table)
  const tables = tablesOf(request)
  const changes = "(confupdtype IN ('c', 'n', 'd') OR confdeltype IN ('n', 'd'))"
  const [row] = await session.query(
    `SELECT (SELECT relkind FROM pg_class WHERE oid = ${oid}),
       (SELECT min(indexrelid::regclass::text) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = ${oid} AND attname = ${text(name)} AND indisvalid AND indpred IS NULL),
       (SELECT string_agg(seqrelid::regclass::text, ', ') FROM pg_sequence WHERE seqrelid IN ${sequencesOf(request)}
        AND (seqcache > 1 OR seqincrement < 0 OR seqcycle)),
       (SELECT string_agg(conname, ', ') FROM pg_constraint WHERE contype = 'f' AND conrelid = ${oid} AND ${changes}),
       (SELECT count(*) FROM pg_subscription_rel WHERE srrelid IN ${tables}),
       (SELECT count(*) FROM pg_trigger WHERE tgrelid IN ${tables} AND NOT tgisinternal AND tgtype & 19 = 19 AND tgenabled <> 'D'),
       (SELECT count(*) FROM pg_class WHERE relkind = 'f' AND oid IN ${tables})`,
  )
  const [relkind, index = null, jumping, cascades, subscribed, stamping, foreign] = row!
  if (foreign !== '0') throw elsewhere(table)
  const stamped = kind === 'key' || stamping !== '0'
  const warnings = [...(index === null ? [missingIndex(request)] : []), ...(range ? [] : unpromised())]
  const reason = `no trigger sets ${name} when a row is updated: a change that leaves it as it was is not seen`
  return { index, reasons: stamped || range ? [] : [reason], warnings }

  function unpromised(): string[] {
    const late = `rows of ${table} also come from another server, by a subscription`
    const isView = relkind === 'v' || relkind === 'm'
    return [
      ...(isView
        ? [
            `source ${table} is a view: a row that comes into it, or changes, because of another table, a refresh or another definition is read only when its ${name} rises`,
          ]
        : []),
      ...(jumping != null && (kind === 'key' || kind === 'version')
        ? [
            `${jumping} gives out numbers in another order than they are asked for (CACHE, INCREMENT, CYCLE): a row with a lower ${name} than one that was copied is missed. Use CACHE 1, or mode "sync" now and then`,
          ]
        : []),
      ...(cascades != null && !stamped
        ? [
            `foreign keys change rows of ${table} without their ${name} (${cascades}); mode "sync" finds those`,
          ]
        : []),
      ...(subscribed === '0' || (kind !== 'key' && lag !== null)
        ? []
        : [
            kind === 'key'
              ? `${late}, in another order than their keys: one that comes after a higher one was copied is missed. Read from the server that hands out the keys`
              : `${late}, later than their times say: set lag above the longest delay`,
          ]),
    ]
  }
}

function elsewhere(table: string): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `Source table ${table} is a foreign table, which keeps its rows on another server: what is being written there is not seen, so an incremental run could pass rows by. ` +
      'Read the table that holds the rows, or use mode "init" or "sync".',
    { table },
  )
}

/** Until then it has the rows of some moment that it does not tell. */
function unborn(where: string): RowshiftError {
  return new RowshiftError(
    'SERVER_ERROR',
    `${where} is a standby that has not replayed a transaction since it was started, so it does not say up to which time it has rows. ` +
      'Run again when it has, or read from the primary. Nothing was copied, and the watermark is as it was.',
  )
}

interface Transactions {
  /** The server's clock before anything else was looked at. */
  readonly now: string
  /** Whose transaction has been open for the longest, and since when. */
  readonly oldest: (Writer & { readonly since: string }) | null
  readonly hidden: string | null
}

/** Times are microseconds since 1970. */
async function findTransactions(session: SqlSession): Promise<Transactions> {
  const micro = (time: string) => `(extract(epoch FROM ${time}) * 1000000)::bigint`
  // A server that was a standby keeps the time of what it replayed last.
  const [clock] = await session.query(
    `SELECT ${micro('CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() ELSE clock_timestamp() END')}, pg_is_in_recovery()::int`,
  )
  if (clock![0] == null) throw unborn(session.where)
  const others = `FROM pg_stat_activity WHERE datid = ${HERE} AND pid <> pg_backend_pid()`
  const [hidden] = await session.query(
    `SELECT count(*) ${others} AND (query = '<insufficient privilege>' OR state = 'disabled')`,
  )
  const [oldest] = await session.query(
    `SELECT pid, ${micro('xact_start')} ${others} AND xact_start IS NOT NULL
       AND backend_type NOT IN ('walsender', 'autovacuum worker', 'parallel worker') ORDER BY xact_start LIMIT 1`,
  )
  const blind =
    hidden![0] !== '0' && 'the user may not see when transactions of others began (role pg_read_all_stats)'
  return {
    now: clock![0]!,
    oldest: oldest === undefined ? null : { id: oldest[0]!, pid: oldest[0]!, since: oldest[1]! },
    hidden: clock![1] === '1' ? STANDBY : blind || null,
  }
}

/** With `waitMs`, transactions that are open now get so long to end. */
async function settledTransactions(session: SqlSession, waitMs: number): Promise<Transactions> {
  const first = await findTransactions(session)
  const deadline = Date.now() + waitMs
  while (first.oldest !== null && Date.now() < deadline) {
    await sleep(POLL_MS)
    const { oldest } = await findTransactions(session)
    if (oldest === null || BigInt(oldest.since) > BigInt(first.now)) return { ...first, oldest: null }
  }
  return first
}

async function times(session: SqlSession, request: IncrementalRequest): Promise<SettledTimes> {
  const { column, kind, watermark, overlap } = request
  const { now, oldest, hidden } = await settledTransactions(
    session,
    watermark === null ? request.lockWaitMs : 0,
  )
  const lag = request.lag ?? (hidden === null ? LAG_SECONDS : BLIND_LAG_SECONDS)
  const first = oldest !== null && BigInt(oldest.since) < BigInt(now) ? oldest : null
  const endEpoch = String(BigInt(first?.since ?? now) - BigInt(Math.round(lag * 1e6)))
  // Without a zone of its own, a time is taken to be in that of sessions that choose none.
  const zone =
    column.kind === 'instant' || isEpoch(kind)
      ? `'UTC'`
      : `(SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')`
  const local = (micro: string) =>
    `(to_timestamp(0) + ${micro} * interval '1 microsecond') AT TIME ZONE ${zone}`
  const shown = (time: string) => `to_char(${time}, 'YYYY-MM-DD HH24:MI:SS.US')`
  const previous = watermark === null || isEpoch(kind) ? 'NULL' : text(watermark)
  const [row] = await session.query(
    `SELECT ${shown('to_time')}, ${shown(`LEAST(previous, to_time) - ${overlap} * interval '1 second'`)}, (to_time < previous)::int,
       ${shown('clock')}, (clock::date + 1)::text
     FROM (SELECT ${local(endEpoch)} AS to_time, ${previous}::timestamp AS previous, ${local(now)} AS clock) q`,
  )
  const [end, begin, behind, clock, nextDay] = row!
  return {
    moments: {
      end: end!,
      begin: previous === 'NULL' ? null : begin!,
      behind: behind === '1',
      endEpoch,
      clockEpoch: now,
      clock: clock!,
      nextDay: nextDay!,
    },
    lag,
    holder: first && (await nameWriter(session, first)),
    late: Number((BigInt(now) - BigInt(endEpoch)) / 1_000_000n),
    hidden,
    held: async () => {
      // Nobody says when the transaction of a prepared one began, nor, of others' sessions, every server.
      const writers = await openWriters(session, request)
      const held = writers.find(({ pid }) => pid === null) ?? (hidden === null ? undefined : writers[0])
      return held === undefined ? null : nameWriter(session, held)
    },
  }
}
