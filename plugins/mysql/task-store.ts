import type { Connection, TaskStore } from '../../src/contract/plugin.js'
import type { TaskDatabase, TaskLock } from '../../src/sql/sql-task-store.js'
import { SqlTaskStore } from '../../src/sql/sql-task-store.js'
import { runStatements } from '../../src/sql/user-session.js'
import { Session } from './connection.js'
import { describeConnection } from './connection-fields.js'

const SESSION = [
  // `update_time` is set by the server, and is to be in its own time as when others change the row.
  'SET time_zone = @@GLOBAL.time_zone',
  // A machine that is gone says no goodbye: the server ends the session, and frees its lock, when it is silent for so long.
  'SET wait_timeout = 300',
]
/** The end of an interrupted run is still to be written. */
const GRACE_MS = 1_000

export function taskStore(connection: Connection): TaskStore {
  const database: TaskDatabase = {
    where: describeConnection(connection),
    ddl: new URL('../../../etc/task-store.mysql.sql', import.meta.url),
    open: (_create, signal) => Session.open({ connection, session: [] }, { signal, graceMs: GRACE_MS }),
    setUp: (session) => runStatements(session, SESSION, 'session set-up of the task store'),
    lock,
  }
  return new SqlTaskStore(database)
}

const lock: TaskLock = {
  async take(session, taskId) {
    const [row] = await session.query(`SELECT GET_LOCK(${lockName(taskId)}, 0)`)
    return row![0] === '1'
  },
  async holds(session, taskId) {
    const [row] = await session.query(`SELECT IS_USED_LOCK(${lockName(taskId)}) = CONNECTION_ID()`)
    return row![0] === '1'
  },
  async free(session, taskId) {
    await session.query(`SELECT RELEASE_LOCK(${lockName(taskId)})`)
  },
}

/** Locks are the server's, not the database's. A name may have 64 characters; MySQL has no SHA1 and MD5 any more. */
function lockName(taskId: number): string {
  return `CONCAT('rowshift:', LEFT(SHA2(DATABASE(), 256), 40), ':', ${taskId})`
}
