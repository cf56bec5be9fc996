import type { Endpoint, Snapshot } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { postgresError, sqlState } from './errors.js'
import { PostgresSession } from './session.js'
import { tableSql } from './sql.js'

/** For who holds the table in a way that keeps others from reading it. When somebody waits to, the others cannot join any more, and soon say so. */
const JOIN_MS = 2_000
/** Something else than a table or a view, or one of which the user may read some columns only. */
const NOT_LOCKED: ReadonlySet<unknown> = new Set(['42809', '42501'])
const NOT_FREE = '55P03'

/**
 * Others join the snapshot of a transaction that stays open until they have. Nobody is held off but who would replace a table. Of several
 * tables, this transaction keeps them all until the end: locks of every session on every table may be more than the server has room for.
 */
export async function exportSnapshot(
  endpoint: Endpoint,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<Snapshot> {
  const [only] = tables
  const table = tables.length === 1 ? only! : null
  const session = await PostgresSession.open(endpoint, { signal })
  try {
    await session.query('SET idle_in_transaction_session_timeout = 0')
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    for (const each of tables) await keepTable(session, each)
    const [row] = await session.query('SELECT pg_export_snapshot()')
    const snapshot = { token: JSON.stringify([row![0], table]), position: await logPosition(session) }
    if (table !== null) return { ...snapshot, release: () => end(session) }
    const kept = new KeptTables(session, signal)
    return { ...snapshot, release: async () => {}, check: () => kept.check(), end: () => kept.end() }
  } catch (thrown) {
    session.destroy()
    await session.close()
    throw postgresError(thrown, `exporting a snapshot of ${session.where}`, table === null ? {} : { table })
  }
}

async function end(session: PostgresSession): Promise<void> {
  await session.rollback().catch(() => session.destroy())
  await session.close()
}

/** A table is locked by who reads it from its first split on: until then, only this session keeps others from TRUNCATE. */
class KeptTables {
  readonly #session: PostgresSession
  readonly #signal: AbortSignal
  #lost: RowshiftError | null = null

  constructor(session: PostgresSession, signal: AbortSignal) {
    this.#session = session
    this.#signal = signal
  }

  /** Throws SNAPSHOT_LOST where the session is gone, or its transaction: a pool between here and the server may have lost that. */
  async check(): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    try {
      // Only in a transaction.
      await this.#session.query('SAVEPOINT kept; RELEASE SAVEPOINT kept')
    } catch (thrown) {
      this.#session.destroy()
      if (this.#signal.aborted) return
      throw (this.#lost = keptLost(this.#session, thrown))
    }
  }

  async end(): Promise<void> {
    try {
      await this.check()
    } finally {
      await end(this.#session)
    }
  }
}

function keptLost({ where }: PostgresSession, thrown: unknown): RowshiftError {
  const lost = postgresError(thrown, `keeping the snapshot of ${where}`)
  return new RowshiftError(
    'SNAPSHOT_LOST',
    `${lost.message} This connection was to keep tables from being truncated until all were read: one that was truncated meanwhile has been read as an empty one. Run again, into empty tables or with write mode "upsert".`,
    lost.details,
    lost,
  )
}

/** From now on it sees what the transaction that has exported the snapshot sees, until it is closed. */
export async function joinSnapshot(session: PostgresSession, token: string): Promise<void> {
  const [id, table] = JSON.parse(token) as [string, string | null]
  const [before] = await session.query('SHOW lock_timeout')
  await session.joinSnapshot(id, async () => {
    if (table === null) return
    await session.query(`SET LOCAL lock_timeout = ${JOIN_MS}`)
    await keepTable(session, table).catch((thrown: unknown) => {
      throw sqlState(thrown) === NOT_FREE ? waitedFor(table) : thrown
    })
    await session.query(`SET LOCAL lock_timeout = '${before![0]}'`)
  })
}

/**
 * Keeps others from TRUNCATE until the transaction ends: it would empty the table in every snapshot. LOCK TABLE waits without a snapshot, so one that
 * is taken afterwards sees what was committed meanwhile.
 */
async function keepTable(session: PostgresSession, table: string): Promise<void> {
  await session.query('SAVEPOINT kept')
  try {
    await session.query(`LOCK TABLE ${tableSql(table)} IN ACCESS SHARE MODE`)
  } catch (thrown) {
    if (!NOT_LOCKED.has(sqlState(thrown))) throw thrown
    await session.query('ROLLBACK TO SAVEPOINT kept')
    await session.query(`SELECT 1 FROM ${tableSql(table)} LIMIT 0`)
  }
  // Of a transaction in another one no snapshot can be exported. The lock stays.
  await session.query('RELEASE SAVEPOINT kept')
}

function waitedFor(table: string): RowshiftError {
  return new RowshiftError(
    'LOCK_CONFLICT',
    `Somebody waits to truncate, alter or drop ${table}, so no other thread can join the snapshot of it. Nothing was written. Run again when that is done.`,
    { table },
  )
}

/** Of the log of changes; null: it may not be looked at. */
async function logPosition(session: PostgresSession): Promise<string | null> {
  await session.query('SAVEPOINT position')
  const position = 'CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END'
  try {
    return (await session.query(`SELECT ${position}`))[0]![0]!
  } catch {
    await session.query('ROLLBACK TO SAVEPOINT position')
    return null
  }
}
