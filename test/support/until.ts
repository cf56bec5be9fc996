import { setTimeout as sleep } from 'node:timers/promises'
import type { TestDatabase } from './copying.js'

const LOOK_MS = 50

/** Waits for a condition. Ends in an error that names it after so many seconds, which are for a busy machine. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  for (const end = performance.now() + seconds * 1000; !(await holds()); await sleep(LOOK_MS))
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
}

/**
 * Waits until the server's clock is so many seconds past what it says now. Incremental runs stay behind that clock, so what was written
 * before is read by the next one.
 */
export async function untilLater(db: TestDatabase, seconds: number): Promise<void> {
  const then = await db.value(`SELECT NOW(6) + INTERVAL ${seconds} SECOND`)
  await until('the clock', async () => (await db.value(`SELECT NOW(6) >= '${then!}'`)) === '1')
}
