import type { Endpoint, Snapshot } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { Session } from './connection.js'
import { mapError } from './errors.js'
import { describeFacts } from './schema.js'
import { identifier } from './sql.js'

/** Transactions that write to the table are waited for so long; meanwhile new ones wait for us. */
const LOCK_WAIT_SECONDS = 30

/** Engines whose snapshots other sessions' writes do not show in. */
const WITH_SNAPSHOTS = new Set(['InnoDB', 'ROCKSDB', 'TokuDB'])

/**
 * Holds off writes to some tables. Locks on these are enough for a copy of them, and disturb nobody else; the global
 * one is for users who have RELOAD but not LOCK TABLES.
 */
export async function lockWrites(
  endpoint: Endpoint,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<Snapshot> {
  const session = await Session.open(endpoint, { signal })
  try {
    for (const table of tables) {
      const { engine } = await describeFacts(session, table)
      if (engine !== null && !WITH_SNAPSHOTS.has(engine)) throw withoutSnapshots(table, engine)
    }
    await session.query(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_SECONDS}`)
    await lock(session, tables)
    const position = await logPosition(session)
    return {
      token: null,
      position,
      async release() {
        await session.query('UNLOCK TABLES').catch(() => session.destroy())
        await session.close()
      },
    }
  } catch (error) {
    session.destroy()
    await session.close()
    throw error
  }
}

async function lock(session: Session, tables: readonly string[]): Promise<void> {
  const all = tables.map((table) => `${identifier(table)} READ`).join(', ')
  const what = counted(tables)
  const details = tables.length === 1 ? { table: tables[0]! } : {}
  const lockErrors: RowshiftError[] = []
  for (const sql of [`LOCK TABLES ${all}`, 'FLUSH TABLES WITH READ LOCK']) {
    try {
      await session.query(sql)
      return
    } catch (thrown) {
      const error = mapError(thrown, `locking ${what} against writes for the snapshot`, details)
      if (error.code !== 'ACCESS_DENIED') throw error
      lockErrors.push(error)
    }
  }
  throw new RowshiftError(
    'ACCESS_DENIED',
    `A snapshot of ${what} needs a short lock against writes, and the user of ${session.where} has neither LOCK TABLES nor RELOAD. ` +
      'Grant one of them, or use "consistency": "split", or copy from a replica whose replication is stopped.',
    details,
    lockErrors[0],
  )
}

function counted(tables: readonly string[]): string {
  return tables.length === 1 ? `table ${tables[0]!}` : `${tables.length} tables`
}

/** Of the binary log: GTIDs where there are any, else file and offset; null when it is off or may not be looked at. */
async function logPosition(session: Session): Promise<string | null> {
  for (const sql of ['SHOW BINARY LOG STATUS', 'SHOW MASTER STATUS']) {
    const rows = await session.query(sql).catch(() => null)
    if (rows === null) continue
    const [first] = rows
    if (!first) return null
    const [file, offset, , , executed] = first
    const gtids = executed ?? (await session.query('SELECT @@gtid_binlog_pos').catch(() => []))[0]?.[0]
    return gtids ? `${file}:${offset}, GTID ${gtids}` : `${file}:${offset}`
  }
  return null
}

function withoutSnapshots(table: string, engine: string): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `params.consistency is "snapshot", but table ${table} uses engine ${engine}, which has no snapshots. Use "consistency": "split".`,
    { table },
  )
}
