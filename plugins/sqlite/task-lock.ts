import { Database } from './driver.js'
import { sqliteCode, sqliteError } from './errors.js'

/**
 * Takes the lock of a task, or resolves to null when another process has it: an exclusive transaction on an empty
 * database beside the task store. The operating system ends it with the process. The file stays: one that is deleted
 * while another process opens it could be locked twice.
 */
export async function lockTask(store: string, taskId: number): Promise<Database | null> {
  const file = `${store}.task-${taskId}.lock`
  let database: Database | null = null
  try {
    database = new Database(file, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (thrown) {
    database?.close()
    if (sqliteCode(thrown)?.startsWith('SQLITE_BUSY')) return null
    throw sqliteError(thrown, `locking ${file}`, { file })
  }
}
