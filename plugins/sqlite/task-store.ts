import { existsSync, realpathSync } from 'node:fs'
import type { Connection, TaskStore } from '../../src/contract/plugin.js'
import type { SqlSession } from '../../src/sql/session.js'
import { SqlTaskStore } from '../../src/sql/sql-task-store.js'
import { describeConnection, fileOf } from './connection.js'
import { requireDriver } from './driver.js'
import { sqliteError } from './errors.js'
import { SqliteSession } from './session.js'
import { FileLock } from './task-lock.js'

export function taskStore(connection: Connection): TaskStore {
  const file = fileOf(connection)
  return new SqlTaskStore({
    where: describeConnection(connection),
    ddl: new URL('../../../etc/task-store.sqlite.sql', import.meta.url),
    async open(create, signal) {
      requireDriver()
      if (!create && !existsSync(file)) return null
      return SqliteSession.open({ connection, session: [] }, create ? 'create' : 'write', signal)
    },
    async setUp(session, create) {
      if (create) await switchToWal(session)
    },
    lock: new FileLock(() => realpathSync(file)),
  })
}

/** Readers do not wait for writers then. */
async function switchToWal(session: SqlSession): Promise<void> {
  await session.query('PRAGMA journal_mode = WAL').catch((thrown: unknown) => {
    throw sqliteError(thrown, `switching ${session.where} to WAL mode`)
  })
}
