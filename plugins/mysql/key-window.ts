import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import { aboveWatermark } from '../../src/sql/key-bounds.js'
import type { SettledKeys } from '../../src/sql/window-source.js'
import type { Session } from './connection.js'
import type { OpenTransaction } from './open-transactions.js'
import { openTransactions } from './open-transactions.js'
import type { RunningStatement } from './running-statements.js'
import { nameConnection, runningStatements, stillRunning } from './running-statements.js'
import { identifier, keyLiteral, keyText, text } from './sql.js'
import { allCommitted } from './uncommitted.js'

const POLL_MS = 200

/**
 * Ids are handed out in order, but their rows come in any: a statement that has one may wait for a lock before its row is in the
 * table, and a row may be committed late. So two things are proved of the ids up to the highest one: every statement that ran when
 * it was looked up has ended, so that no lower row can still come into the table; and READ COMMITTED sees the same rows as
 * READ UNCOMMITTED, so that none of them is still open. Where the first cannot be proved, the rows are read and
 * the watermark stays, so that the next run reads them again; where the second cannot, the window ends lower.
 */
export async function settleKeys(
  session: Session,
  request: IncrementalRequest,
  top: string,
): Promise<SettledKeys> {
  const { watermark: from, table } = request
  const deadline = Date.now() + request.lockWaitMs
  const statements = await runningStatements(session)
  const { oldest, hidden } = await openTransactions(session)
  const unseen = `${hidden}, so a row that gets its key before this run and comes into ${table.table} after it is missed`
  const warnings = hidden === null ? [] : [unseen]
  // A first run would count the whole table twice.
  const quiet = from === null && statements.length === 0 && oldest === null && hidden === null
  if (quiet) return { to: top, holder: null, warnings, delays: [] }
  const still = await unended(session, statements, deadline)
  let to: string | null = top
  while (!(await isSettled(session, request, top))) {
    if (Date.now() >= deadline) {
      to = await lastSettled(session, request)
      break
    }
    await sleep(POLL_MS)
  }
  const left = `keys above ${to ?? from ?? 'the last one copied'} are left to the next run: a transaction that holds a lower one is still open`
  const delays = to === top ? [] : [`${left}${await named(session, oldest)}`]
  const holder =
    still &&
    `a statement of ${await nameConnection(session, still.thread)}, running since ${still.since} UTC,`
  return { to, holder, warnings, delays }
}

/** The longest open transaction, which need not be the one that holds the key. */
async function named(session: Session, oldest: OpenTransaction | null): Promise<string> {
  return oldest === null ? '' : `; the oldest one is of ${await nameConnection(session, oldest.thread)}`
}

export async function nextId(
  session: Session,
  { table, column }: IncrementalRequest,
): Promise<string | null> {
  const here = `TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table.table)}`
  // By constants: a join of the two lists makes MariaDB open every table of the database.
  const [row] = await session.query(
    `SELECT CAST(next AS CHAR)
     FROM (SELECT COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE ${here}), 1) AS next) q
     WHERE (SELECT EXTRA LIKE '%auto_increment%' FROM information_schema.COLUMNS WHERE ${here} AND COLUMN_NAME = ${text(column.name)})`,
  )
  return row?.[0] ?? null
}

/** One of the statements that has not ended by the deadline; null: all have. */
async function unended(
  session: Session,
  statements: readonly RunningStatement[],
  deadline: number,
): Promise<RunningStatement | null> {
  for (let left = statements; ; await sleep(POLL_MS)) {
    const [first = null] = left
    if (first === null || Date.now() >= deadline) return first
    left = await stillRunning(session, left)
  }
}

function isSettled(session: Session, request: IncrementalRequest, to: string): Promise<boolean> {
  const { table, column } = request
  const condition = `${aboveWatermark(session, request)} AND ${identifier(column.name)} <= ${keyLiteral(column, to)}`
  return allCommitted(session, { table, columns: [column], condition })
}

/** The key before the first one that is not committed, by halving; null when that is the first of all. */
async function lastSettled(session: Session, request: IncrementalRequest): Promise<string | null> {
  const { table, column } = request
  const key = identifier(column.name)
  const from = `${identifier(table.table)} WHERE ${aboveWatermark(session, request)}`
  const [count] = await session.query(`SELECT COUNT(*) FROM ${from}`)
  let settled: string | null = null
  let low = 0
  let high = Number(count![0])
  while (low < high) {
    const middle = (low + high) >> 1
    const [row] = await session.query(
      `SELECT ${keyText(column)} FROM ${from} ORDER BY ${key} LIMIT 1 OFFSET ${middle}`,
    )
    const candidate = row?.[0]
    if (candidate != null && (await isSettled(session, request, candidate))) {
      settled = candidate
      low = middle + 1
    } else high = middle
  }
  return settled
}
