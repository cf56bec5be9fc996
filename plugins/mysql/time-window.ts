import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import { isEpoch } from '../../src/sql/epoch.js'
import type { SettledTimes } from '../../src/sql/window-source.js'
import type { Session } from './connection.js'
import type { OpenTransactions } from './open-transactions.js'
import { openTransactions } from './open-transactions.js'
import type { RunningStatement } from './running-statements.js'
import { nameConnection, runningStatements } from './running-statements.js'
import { text } from './sql.js'
import { uncommittedArrivals } from './uncommitted.js'

/** Behind the oldest writer, whose statements may have looked at the clock a moment earlier. */
const LAG_SECONDS = 1
/** Where writers cannot be looked at. */
const BLIND_LAG_SECONDS = 60
const POLL_MS = 200

/** Who may still write rows that carry a time from before now. */
interface Writers {
  /** The server's UTC clock before anything else was looked at: whoever begins later stamps rows with this time or later. */
  readonly now: string
  readonly statement: RunningStatement | null
  readonly transactions: OpenTransactions
}

/**
 * A row carries the time at which the statement began that changed it, and is seen when its transaction commits. So the window
 * ends before the oldest statement that runs, before the oldest transaction that may have changed something, and before
 * the clock's current tick.
 */
export async function times(session: Session, request: IncrementalRequest): Promise<SettledTimes> {
  const { watermark, overlap } = request
  const { now, statement, transactions } = await findWriters(
    session,
    watermark === null ? request.lockWaitMs : 0,
  )
  const { oldest, hidden, detached } = transactions
  const local = localTime(request)
  const clock = local.ofUtc(now)
  const begun = {
    statement: statement === null ? null : local.ofUtc(statement.since),
    transaction: oldest === null ? null : local.ofSystem(oldest.since),
  }
  const bound = [clock, begun.statement, begun.transaction].filter((time) => time !== null)
  const lag = request.lag ?? (hidden === null ? LAG_SECONDS : BLIND_LAG_SECONDS)
  const back = (time: string, seconds: number) => `${time} - INTERVAL ${seconds.toFixed(6)} SECOND`
  const previous =
    watermark === null || isEpoch(request.kind) ? 'NULL' : `CAST(${text(watermark)} AS DATETIME(6))`
  const since = (time: string) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${time})`
  const [row] = await session.query(
    `SELECT CAST(to_time AS CHAR), CAST(${back(`LEAST(previous, to_time)`, overlap)} AS CHAR), to_time < previous,
       TIMESTAMPDIFF(SECOND, to_time, clock), COALESCE(${begun.statement} <= ${begun.transaction}, ${begun.transaction} IS NULL),
       ${since('to_time')}, ${since('clock')}, CAST(clock AS CHAR), CAST(DATE(clock) + INTERVAL 1 DAY AS CHAR)
     FROM (SELECT CAST(${back(bound.length === 1 ? bound[0]! : `LEAST(${bound.join(', ')})`, lag)} AS DATETIME(6)) AS to_time,
       ${previous} AS previous, ${clock} AS clock) q`,
  )
  const [end, begin, behind, late, byStatement, endEpoch, clockEpoch, clockText, nextDay] = row!
  const first = byStatement === '1' ? statement : oldest
  const what = first === statement ? 'a statement' : 'a transaction'
  return {
    moments: {
      end: end!,
      begin: begin ?? null,
      behind: behind === '1',
      endEpoch: endEpoch!,
      clockEpoch: clockEpoch!,
      clock: clockText!,
      nextDay: nextDay!,
    },
    lag,
    holder: first === null ? null : `${what} of ${await nameConnection(session, first.thread)}`,
    late: Number(late),
    hidden,
    held: async (from, to) => {
      // Uncommitted rows show themselves also to a user who may not see whose they are.
      const nobody = oldest === null && hidden === null
      if (nobody || !(await hasUncommitted(session, request, from, to))) return null
      if (oldest === null) return 'an open transaction'
      const prepared = detached ? ' (perhaps a prepared one: XA RECOVER)' : ''
      return `an open transaction${prepared} (the oldest one is of ${await nameConnection(session, oldest.thread)})`
    },
  }
}

/**
 * In this order: a statement that ends before the second look has its transaction in the third, or has committed. With `waitMs`,
 * transactions that are open now get so long to end.
 */
async function findWriters(session: Session, waitMs: number): Promise<Writers> {
  const [clock] = await session.query('SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)')
  const now = clock![0]!
  const [statement = null] = await runningStatements(session)
  const transactions = await openTransactions(session)
  const deadline = Date.now() + waitMs
  while (transactions.latest !== null && Date.now() < deadline) {
    await sleep(POLL_MS)
    const { oldest, hidden } = await openTransactions(session)
    if (hidden !== null) break
    if (oldest === null || oldest.since > transactions.latest) {
      return { now, statement, transactions: { ...transactions, oldest: null } }
    }
  }
  return { now, statement, transactions }
}

/** A transaction may be younger than its rows: its statement waited first, or the server was started since. */
function hasUncommitted(
  session: Session,
  { table, column }: IncrementalRequest,
  from: string | null,
  to: string,
): Promise<boolean> {
  const key = table.columns.filter(({ name }) => table.keys[0]?.columns.includes(name))
  return uncommittedArrivals(session, { table, columns: [...key, column], column, from, to })
}

/** SQL for moments as the column has them; without a zone of its own, a DATETIME is taken to be in the server's. */
function localTime({ column, kind }: IncrementalRequest) {
  const zone = column.kind === 'instant' || isEpoch(kind) ? "'+00:00'" : '@@global.time_zone'
  const moment = (time: string) => `CAST(${text(time)} AS DATETIME(6))`
  const convert = (time: string, from: string) => `COALESCE(CONVERT_TZ(${time}, ${from}, ${zone}), ${time})`
  return {
    ofUtc: (time: string) => convert(moment(time), "'+00:00'"),
    /** Of an hour that comes twice, the first one: an hour later than the hour before is that. */
    ofSystem: (time: string) =>
      `LEAST(${convert(moment(time), "'SYSTEM'")}, ${convert(`(${moment(time)} - INTERVAL 1 HOUR)`, "'SYSTEM'")} + INTERVAL 1 HOUR)`,
  }
}
