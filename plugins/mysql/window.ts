import { setTimeout as sleep } from 'node:timers/promises'
import type { BoundRequest, Endpoint, Window } from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { Session } from './connection.js'
import { isElsewhere } from './engines.js'
import { mapError } from './errors.js'
import { openTransactions } from './open-transactions.js'
import { describeFacts } from './schema.js'
import { identifier, keyLiteral, keyText, text } from './sql.js'

/** Enough to tell nothing, a split's worth and more apart, and cheap to count. */
const COUNT_TO = 20_000
/** From when an id is handed out until its row is there to be seen, even if it is not committed. */
const INSERT_MS = 100
const POLL_MS = 200
/** Behind the oldest open transaction, whose statements may have looked at the clock a moment earlier. */
const LAG_SECONDS = 1
/** Where open transactions cannot be looked at. */
const BLIND_LAG_SECONDS = 60

/** The window of an incremental run; see docs/incremental.md for what it promises. */
export async function findWindow(endpoint: Endpoint, request: BoundRequest): Promise<Window> {
  const session = await Session.open(endpoint)
  try {
    await checkTransactionsSeen(session, request)
    const index = await indexOn(session, request)
    const ends =
      request.kind === 'key'
        ? await keyEnds(session, request)
        : await timeEnds(session, request, index !== null)
    const sql = condition(request, ends)
    const rows = ends.to === null ? 0 : await countRows(session, request, sql)
    const warnings = index === null ? [missingIndex(request), ...ends.warnings] : ends.warnings
    return { column: request.column, ...ends, sql, rows, countedTo: COUNT_TO, index, warnings }
  } catch (error) {
    throw mapError(error, `looking for what is new in ${request.table.table}`, { table: request.table.table })
  } finally {
    await session.close()
  }
}

/** Transactions on another server, or rows that somebody writes past this one, cannot be waited for. */
async function checkTransactionsSeen(session: Session, { table: { table } }: BoundRequest): Promise<void> {
  const { engine } = await describeFacts(session, table)
  if (engine === null || !isElsewhere(engine)) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Source table ${table} uses engine ${engine}, which keeps its rows in other tables, files or servers: what is being written there is not seen, so an incremental run could pass rows by. ` +
      'Read the table that holds the rows, or use mode "init" or "sync".',
    { table, engine },
  )
}

interface Ends {
  readonly from: string | null
  readonly to: string | null
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/**
 * Ids are handed out in order but committed in any: a row with a lower id may become visible after one with a higher id.
 * READ UNCOMMITTED sees both, so the window ends where the two ways of looking begin to differ.
 */
async function keyEnds(session: Session, request: BoundRequest): Promise<Ends> {
  const { column, watermark: from } = request
  const above = from === null ? '1 = 1' : `${identifier(column.name)} > ${keyLiteral(column, from)}`
  const table = identifier(request.table.table)
  const key = identifier(column.name)
  const at = async (level: string, select: string, where: string) => {
    await session.query(`SET TRANSACTION ISOLATION LEVEL READ ${level}`)
    const [row] = await session.query(`SELECT ${select} FROM ${table} WHERE ${where}`)
    return row!
  }
  const settledUpTo = async (to: string) => {
    const where = `${above} AND ${key} <= ${keyLiteral(column, to)}`
    const figures = `COUNT(*), COALESCE(SUM(CRC32(${key})), 0)`
    // In this order: what is committed between the two only makes them differ.
    const committed = await at('COMMITTED', figures, where)
    const all = await at('UNCOMMITTED', figures, where)
    return committed.join() === all.join()
  }
  const highest = async () =>
    (
      await at(
        'UNCOMMITTED',
        keyText(column).replace(key, () => `MAX(${key})`),
        above,
      )
    )[0] ?? null
  const top = await highest()
  const nothing = { from, to: from, reasons: ['nothing new: no key above the last one copied'], warnings: [] }
  if (top === null) return nothing
  await sleep(INSERT_MS)
  // A first run would count the whole table twice.
  if (from === null && (await nobodyWrites(session))) {
    return { from, to: top, reasons: [keyReason(request, top)], warnings: [] }
  }
  const deadline = Date.now() + request.patience
  while (!(await settledUpTo(top))) {
    if (Date.now() >= deadline) {
      const to = await lastSettled(session, request, settledUpTo)
      const warning = `keys above ${to ?? 'the last one copied'} are left to the next run: a transaction that holds a lower one is still open`
      return to === null
        ? { ...nothing, warnings: [warning] }
        : { from, to, reasons: [keyReason(request, to)], warnings: [warning] }
    }
    await sleep(POLL_MS)
  }
  return { from, to: top, reasons: [keyReason(request, top)], warnings: [] }
}

/** Certain only if no transaction is open that has changed anything. */
async function nobodyWrites(session: Session): Promise<boolean> {
  const { oldest, hidden } = await openTransactions(session)
  return oldest === null && hidden === null
}

function keyReason({ column, watermark }: BoundRequest, to: string): string {
  return `${column.name} from ${watermark ?? 'the beginning'} (without it) to ${to}, below which no transaction is open`
}

/** The key before the first one that is not committed, by halving; null when that is the first of all. */
async function lastSettled(
  session: Session,
  { table, column, watermark }: BoundRequest,
  settledUpTo: (to: string) => Promise<boolean>,
): Promise<string | null> {
  const key = identifier(column.name)
  const where = watermark === null ? '' : ` WHERE ${key} > ${keyLiteral(column, watermark)}`
  const from = `${identifier(table.table)}${where}`
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
    if (candidate != null && (await settledUpTo(candidate))) {
      settled = candidate
      low = middle + 1
    } else high = middle
  }
  return settled
}

/**
 * A row carries the time of the statement that changed it, and is seen when its transaction commits. So the window ends
 * before the oldest transaction that may have changed something, and before the clock's current tick.
 */
async function timeEnds(session: Session, request: BoundRequest, indexed: boolean): Promise<Ends> {
  const { column, watermark, overlap } = request
  // Without a zone of its own, a DATETIME is taken to be in the server's.
  const zone = column.kind === 'instant' ? "'+00:00'" : '@@global.time_zone'
  const local = (time: string, from: string) => {
    const moment = `CAST(${text(time)} AS DATETIME(6))`
    return `COALESCE(CONVERT_TZ(${moment}, ${from}, ${zone}), ${moment})`
  }
  const open = await openTransactions(session)
  const now = local(open.now, "'+00:00'")
  const oldest = open.oldest === null ? null : local(open.oldest, "'SYSTEM'")
  const lag = request.lag ?? (open.hidden === null ? LAG_SECONDS : BLIND_LAG_SECONDS)
  const back = (time: string, seconds: number) => `${time} - INTERVAL ${seconds.toFixed(6)} SECOND`
  const previous = watermark === null ? 'NULL' : `CAST(${text(watermark)} AS DATETIME(6))`
  const bound = oldest === null ? now : `LEAST(${now}, ${oldest})`
  const [row] = await session.query(
    `SELECT CAST(to_time AS CHAR), CAST(${back(`LEAST(previous, to_time)`, overlap)} AS CHAR), to_time < previous,
       CAST(${oldest ?? 'NULL'} AS CHAR)
     FROM (SELECT CAST(${back(bound, lag)} AS DATETIME(6)) AS to_time, ${previous} AS previous) q`,
  )
  const to = toTick(row![0]!, column.domain.fractionDigits ?? 0)
  const from = row![1] == null ? null : toTick(row![1], column.domain.fractionDigits ?? 0)
  const behind = row![3] == null ? "the source's clock" : `the oldest open transaction (${row![3]})`
  const warnings = [
    ...(open.hidden === null
      ? []
      : [
          `${open.hidden}, so this run stays ${lag} s behind the clock; a transaction open for longer is missed`,
        ]),
    ...(row![2] === '1'
      ? [
          `the source's clock, or an open transaction, is behind the last watermark ${watermark}: the window begins there`,
        ]
      : []),
    ...(indexed ? await futureRows(session, request, now) : []),
  ]
  const reasons = [
    `${column.name} from ${from ?? 'the beginning'} up to ${to} (without it), ${lag} s behind ${behind}`,
  ]
  return { from, to, reasons, warnings }
}

/** Cut, not rounded, to what the column holds: the tick under way is not over. */
function toTick(time: string, digits: number): string {
  return digits === 0 ? time.slice(0, 19) : time.slice(0, 20 + digits)
}

async function futureRows(session: Session, { table, column }: BoundRequest, now: string): Promise<string[]> {
  const [row] = await session.query(
    `SELECT COUNT(*) FROM (SELECT 1 FROM ${identifier(table.table)} WHERE ${identifier(column.name)} > ${now} LIMIT ${COUNT_TO}) q`,
  )
  const count = Number(row![0])
  if (count === 0) return []
  return [
    `${count === COUNT_TO ? 'at least ' : ''}${count} rows have a ${column.name} in the future; they are copied when it has come`,
  ]
}

function condition({ kind, column }: BoundRequest, { from, to }: Ends): string {
  const name = identifier(column.name)
  const literal = (value: string) => (kind === 'key' ? keyLiteral(column, value) : text(value))
  const parts = [
    ...(from === null ? [] : [`${name} ${kind === 'key' ? '>' : '>='} ${literal(from)}`]),
    ...(to === null ? [] : [`${name} ${kind === 'key' ? '<=' : '<'} ${literal(to)}`]),
  ]
  const range = parts.length === 0 ? '1 = 1' : parts.join(' AND ')
  return kind === 'time' && column.nullable ? `(${range}) OR ${name} IS NULL` : range
}

async function indexOn(session: Session, { table, column }: BoundRequest): Promise<string | null> {
  const rows = await session.query(
    `SELECT INDEX_NAME FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table.table)} AND COLUMN_NAME = ${text(column.name)}
       AND SEQ_IN_INDEX = 1 AND SUB_PART IS NULL AND INDEX_TYPE = 'BTREE'
       /*!80000 AND IS_VISIBLE = 'YES' */ /*M!100600 AND IGNORED = 'NO' */
     ORDER BY INDEX_NAME LIMIT 1`,
  )
  return rows[0]?.[0] ?? null
}

async function countRows(session: Session, { table }: BoundRequest, sql: string): Promise<number> {
  const [row] = await session.query(
    `SELECT COUNT(*) FROM (SELECT 1 FROM ${identifier(table.table)} WHERE ${sql} LIMIT ${COUNT_TO}) q`,
  )
  return Number(row![0])
}

function missingIndex({ table, column }: BoundRequest): string {
  return `${table.table} has no index that begins with ${column.name}, so every run reads the whole table: ADD INDEX (${column.name})`
}
