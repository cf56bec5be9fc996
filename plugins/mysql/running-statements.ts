import type { Session } from './connection.js'

/**
 * Statements that only read. A SELECT may call a function that writes, but such a one shows itself: it waits for a lock, or it
 * has tables locked for writing, which the list of transactions says. `WITH` and executable comments may begin anything.
 */
const READS = String.raw`^([[:space:]]|[(]|/[*][^!M]([^*]|[*][^/])*[*]/)*(SELECT|SHOW|EXPLAIN|DESC|DESCRIBE|USE|KILL|CHECK|CHECKSUM|HELP)[^[:alnum:]_]`

/** Characters of a statement: an endless comment in front would exhaust the stack of the server's regular expressions. */
const LOOKED_AT = 1_000

/** A statement that may write, or that waits and may write then. */
export interface RunningStatement {
  readonly thread: string
  /** The server's UTC clock when it was begun, which is its NOW(); up to two seconds early, since the list has seconds. */
  readonly since: string
  /** Milliseconds that the look at it took: `since` may be too early by so much, where the server had to wait in between. */
  readonly lookMs: number
}

/**
 * Every statement that may still write, the one that was begun first coming first. A statement whose NOW() is fixed may wait for
 * a metadata lock, or take long for its first row, before it has a transaction: only the list of processes has it then.
 * Without the privilege PROCESS these are the user's own.
 */
export async function runningStatements(session: Session): Promise<readonly RunningStatement[]> {
  const started = performance.now()
  const rows = await session.query(
    `SELECT ID, CAST(UTC_TIMESTAMP() - INTERVAL LEAST(GREATEST(COALESCE(TIME, 0), 0) + 1, ${YEAR_SECONDS}) SECOND AS CHAR) AS since
     FROM information_schema.PROCESSLIST
     WHERE ID <> CONNECTION_ID() AND USER <> 'system user'
       AND (COMMAND IN ('Query', 'Execute') OR (INFO IS NOT NULL AND COMMAND <> 'Sleep'))
       AND NOT (COALESCE(LEFT(INFO, ${LOOKED_AT}), '') REGEXP '${READS}' AND COALESCE(STATE, '') NOT LIKE 'Waiting for%')
     ORDER BY since, ID`,
  )
  const lookMs = performance.now() - started
  return rows.map(([thread, since]) => ({ thread: thread!, since: since!, lookMs }))
}

/** Which of them have not ended. A clearly later beginning is another statement of the same connection. */
export async function stillRunning(
  session: Session,
  statements: readonly RunningStatement[],
): Promise<readonly RunningStatement[]> {
  const now = await runningStatements(session)
  return statements.filter(({ thread, since, lookMs }) => {
    const latest = Date.parse(`${since}Z`) + JITTER_MS + lookMs
    return now.some((one) => one.thread === thread && Date.parse(`${one.since}Z`) <= latest)
  })
}

/** By how much the beginning of one statement may seem to vary. */
const JITTER_MS = 1_000

/** Clocks that were set back make times that cannot be. */
const YEAR_SECONDS = 366 * 86_400

/** A connection, for people. */
export async function nameConnection(session: Session, thread: string): Promise<string> {
  if (thread === '0') return 'no connection (XA RECOVER lists prepared transactions)'
  const [row] = await session.query(
    `SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = ${Number(thread)}`,
  )
  return row === undefined ? `connection ${thread}` : `connection ${thread} (${row[0]} from ${row[1]})`
}
