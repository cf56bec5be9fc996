import type { Endpoint, Snapshot } from '../../src/contract/plugin.js'
import { postgresError } from './errors.js'
import { PostgresSession } from './session.js'
import { tableSql } from './sql.js'

/** Others join the snapshot of a transaction that stays open until they have. Nobody is held off but who would replace the table. */
export async function exportSnapshot(
  endpoint: Endpoint,
  table: string,
  signal: AbortSignal,
): Promise<Snapshot> {
  const session = await PostgresSession.open(endpoint, { signal })
  try {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // Whoever has looked at a table keeps others from TRUNCATE, which would empty it in this snapshot, too.
    await session.query(`SELECT 1 FROM ${tableSql(table)} LIMIT 0`)
    const [row] = await session.query('SELECT pg_export_snapshot()')
    return {
      token: row![0]!,
      position: await logPosition(session),
      async release() {
        await session.rollback().catch(() => session.destroy())
        await session.close()
      },
    }
  } catch (thrown) {
    session.destroy()
    await session.close()
    throw postgresError(thrown, `exporting a snapshot of ${session.where}`, { table })
  }
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
