import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import { idsBegunAnew } from '../../src/sql/begun-anew.js'
import type { Session } from './connection.js'
import type { OpenTransaction } from './open-transactions.js'
import { openTransactions } from './open-transactions.js'
import type { RunningStatement } from './running-statements.js'
import { nameConnection, runningStatements, stillRunning } from './running-statements.js'
import { identifier, keyLiteral, keyText, text } from './sql.js'
import { allCommitted } from './uncommitted.js'
import type { WindowEnds } from './window-ends.js'

const POLL_MS = 200

/**
 * Ids are handed out in order, but their rows come in any: a statement that has one may wait for a lock before its row is in the
 * table, and a row may be committed late. So two things are proved of the ids up to the highest one: every statement that ran when
 * it was looked up has ended, so that no lower row can still come into the table; and READ COMMITTED sees the same rows as
 * READ UNCOMMITTED, so that none of them is still open. Where the first cannot be proved, the rows are read and
 * the watermark stays, so that the next run reads them again; where the second cannot, the window ends lower.
 */
export async function keyEnds(session: Session, request: IncrementalRequest): Promise<WindowEnds> {
  const { column, watermark: from } = request
  const top = await highestKey(session, request)
  if (top === null) {
    await checkNextId(session, request)
    return {
      from,
      to: from,
      watermark: from,
      reasons: ['nothing new: no key above the last one copied'],
      warnings: [],
      delays: [],
    }
  }
  const deadline = Date.now() + request.lockWaitMs
  const statements = await runningStatements(session)
  const { oldest, hidden } = await openTransactions(session)
  const blind =
    hidden === null
      ? []
      : [
          `${hidden}, so a row that gets its key before this run and comes into ${request.table.table} after it is missed`,
        ]
  // A first run would count the whole table twice.
  const quiet = from === null && statements.length === 0 && oldest === null && hidden === null
  const still = quiet ? null : await unended(session, statements, deadline)
  const settled = (to: string) => quiet || isSettled(session, request, to)
  let to: string | null = top
  while (!(await settled(top))) {
    if (Date.now() >= deadline) {
      to = await lastSettled(session, request)
      break
    }
    await sleep(POLL_MS)
  }
  const warnings = blind
  const delays =
    to === top
      ? []
      : [
          `keys above ${to ?? from ?? 'the last one copied'} are left to the next run: a transaction that holds a lower one is still open${await named(session, oldest)}`,
        ]
  if (to === null)
    return { from, to: from, watermark: from, reasons: ['nothing new that is committed'], warnings, delays }
  const reason = `${column.name} from ${from ?? 'the beginning'} (without it) to ${to}`
  if (still === null)
    return {
      from,
      to,
      watermark: to,
      reasons: [`${reason}, below which nothing is under way`],
      warnings,
      delays,
    }
  const holder = `a statement of ${await nameConnection(session, still.thread)}, running since ${still.since} UTC, may hold a lower key`
  if (!request.rereads) {
    const held = `keys above ${from ?? 'the beginning'} are left to the next run: ${holder}`
    return { from, to: from, watermark: from, reasons: [held], warnings, delays: [...delays, held] }
  }
  return {
    from,
    to,
    watermark: from,
    reasons: [reason],
    warnings,
    delays: [...delays, `the next run reads the keys of this one again: ${holder}`],
  }
}

/** The longest open transaction, which need not be the one that holds the key. */
async function named(session: Session, oldest: OpenTransaction | null): Promise<string> {
  return oldest === null ? '' : `; the oldest one is of ${await nameConnection(session, oldest.thread)}`
}

async function highestKey(session: Session, request: IncrementalRequest): Promise<string | null> {
  const { column, table } = request
  const key = identifier(column.name)
  // A function, since a name may hold what means something in a replacement.
  const select = keyText(column).replace(key, () => `MAX(${key})`)
  await session.query('SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
  const [row] = await session.query(
    `SELECT ${select} FROM ${identifier(table.table)} WHERE ${above(request)}`,
  )
  return row![0] ?? null
}

/**
 * Ids that the server hands out go on above the highest one, whoever deletes rows, unless the table was emptied or created again, or its
 * counter was set back: then rows that come next are below the watermark, and no run would read them.
 */
async function checkNextId(
  session: Session,
  { table, column, watermark }: IncrementalRequest,
): Promise<void> {
  if (watermark === null || column.kind !== 'integer') return
  const here = `TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table.table)}`
  const literal = keyLiteral(column, watermark)
  // By constants: a join of the two lists makes MariaDB open every table of the database.
  const [row] = await session.query(
    `SELECT CAST(next AS CHAR), next <= ${literal} AND NOT EXISTS (SELECT 1 FROM ${identifier(table.table)} WHERE ${identifier(column.name)} >= ${literal})
     FROM (SELECT COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE ${here}), 1) AS next) q
     WHERE (SELECT EXTRA LIKE '%auto_increment%' FROM information_schema.COLUMNS WHERE ${here} AND COLUMN_NAME = ${text(column.name)})`,
  )
  if (row?.[1] === '1') throw idsBegunAnew(table.table, column.name, row[0]!, watermark)
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
  const condition = `${above(request)} AND ${identifier(column.name)} <= ${keyLiteral(column, to)}`
  return allCommitted(session, { table, columns: [column], condition })
}

/** The key before the first one that is not committed, by halving; null when that is the first of all. */
async function lastSettled(session: Session, request: IncrementalRequest): Promise<string | null> {
  const { table, column } = request
  const key = identifier(column.name)
  const from = `${identifier(table.table)} WHERE ${above(request)}`
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

function above({ column, watermark }: IncrementalRequest): string {
  return watermark === null ? '1 = 1' : `${identifier(column.name)} > ${keyLiteral(column, watermark)}`
}
