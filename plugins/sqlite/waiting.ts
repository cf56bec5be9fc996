/** SQLite blocks its thread while it waits for another connection's lock, and a blocked thread notices no Ctrl-C. So the waiting is done here. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from './driver.js'
import { interrupted, sqliteCode } from './errors.js'

/** How long a statement waits for another connection's lock. */
export const BUSY_TIMEOUT_MS = 60_000
const LOCK_POLL_MS = 10

/** Tries again as long as the database is locked. What `work` does must not have happened in part then. */
export async function untilFree<T>(
  database: Database,
  signal: AbortSignal | undefined,
  work: () => T,
): Promise<T> {
  const end = Date.now() + BUSY_TIMEOUT_MS
  database.exec('PRAGMA busy_timeout = 0')
  try {
    for (;;) {
      try {
        return work()
      } catch (thrown) {
        if (!sqliteCode(thrown)?.startsWith('SQLITE_BUSY') || Date.now() >= end) throw thrown
      }
      await delay(LOCK_POLL_MS)
      if (signal?.aborted) throw interrupted('waiting for another connection to let go of the database')
    }
  } finally {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  }
}

/** Begins a transaction that has the write lock. */
export async function beginWrite(database: Database, signal: AbortSignal | undefined): Promise<void> {
  await untilFree(database, signal, () => database.exec('BEGIN IMMEDIATE'))
}

/** Waits until the next statement gets the write lock at once. */
export async function untilWritable(database: Database, signal: AbortSignal | undefined): Promise<void> {
  await beginWrite(database, signal)
  database.exec('ROLLBACK')
}
