import type { TaskLock } from '../../src/sql/sql-task-store.js'
import type { SqlSession } from '../../src/sql/session.js'
import { Database } from './driver.js'
import { sqliteCode, sqliteError } from './errors.js'

/**
 * An exclusive transaction on an empty database beside the task store. The operating system ends it with the process. The file stays:
 * one that is deleted while another process opens it could be locked twice.
 */
export class FileLock implements TaskLock {
  readonly #store: () => string
  readonly #held = new Map<number, Database>()

  constructor(store: () => string) {
    this.#store = store
  }

  async take(_session: SqlSession, taskId: number): Promise<boolean> {
    const file = `${this.#store()}.task-${taskId}.lock`
    let database: Database | null = null
    try {
      database = new Database(file, { timeout: 0 })
      database.exec('BEGIN EXCLUSIVE')
    } catch (thrown) {
      database?.close()
      if (sqliteCode(thrown)?.startsWith('SQLITE_BUSY')) return false
      throw sqliteError(thrown, `locking ${file}`, { file })
    }
    this.#held.set(taskId, database)
    return true
  }

  /** It cannot be lost while this process lives. */
  async holds(_session: SqlSession, taskId: number): Promise<boolean> {
    return this.#held.has(taskId)
  }

  async free(_session: SqlSession, taskId: number): Promise<void> {
    this.#held.get(taskId)?.close()
    this.#held.delete(taskId)
  }
}
