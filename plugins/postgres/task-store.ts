import type { Connection, TaskStore } from '../../src/contract/plugin.js'
import type { TaskLock } from '../../src/sql/sql-task-store.js'
import { SqlTaskStore } from '../../src/sql/sql-task-store.js'
import { runStatements } from '../../src/sql/user-session.js'
import { describeConnection } from './connection-fields.js'
import { PostgresSession } from './session.js'

const SESSION = [
  // `update_time` is set by the server, and is to be in its own time as when others change the row.
  'SET TIME ZONE DEFAULT',
  // A machine that is gone says no goodbye: where the server can, it ends a session that is silent for so long, and frees its lock.
  "SELECT set_config(name, '300000', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
]
/** The end of an interrupted run is still to be written. */
const GRACE_MS = 1_000

export function taskStore(connection: Connection): TaskStore {
  return new SqlTaskStore({
    where: describeConnection(connection),
    ddl: new URL('../../../etc/task-store.postgres.sql', import.meta.url),
    open: (_create, signal) =>
      PostgresSession.open({ connection, session: [] }, { signal, graceMs: GRACE_MS }),
    setUp: (session) => runStatements(session, SESSION, 'session set-up of the task store'),
    lock,
  })
}

/** Locks are numbers of the database: in the upper half the table's own. */
const TABLE = "'task_def_sync_manager'::regclass::oid"
const key = (taskId: number) => `(${TABLE}::bigint << 32) | ${taskId}`

const lock: TaskLock = {
  async take(session, taskId) {
    const [row] = await session.query(`SELECT pg_try_advisory_lock(${key(taskId)})::int`)
    return row![0] === '1'
  },
  async holds(session, taskId) {
    const [row] = await session.query(
      `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = ${TABLE} AND objid = ${taskId} AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid = pg_backend_pid() AND granted`,
    )
    return row![0] === '1'
  },
  async free(session, taskId) {
    await session.query(`SELECT pg_advisory_unlock(${key(taskId)})`)
  },
}
