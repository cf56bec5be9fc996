/** What everybody needs who waits or tries again: it ends by a signal, and pauses are not the same for all. */
import { setTimeout as delay } from 'node:timers/promises'
import { RowshiftError } from './errors.js'

/** Calls `listener` when the signal aborts, at once if it has already; until what is returned is called. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener()
  signal?.addEventListener('abort', listener)
  return () => signal?.removeEventListener('abort', listener)
}

/** Ends early when the signal aborts, without an error. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, signal && { signal }).catch(() => {})
}

/** Doubles with each retry, up to `longestMs`, and is up to twice as long: those that failed together should not meet again. */
export function backoff(retries: number, firstMs: number, longestMs = Infinity): number {
  return Math.min(longestMs, firstMs * 2 ** retries) * (1 + Math.random())
}

/**
 * Does `work` until it does not throw. `after` is asked about each error: the milliseconds to wait before the next attempt, or null to
 * throw it. An error is thrown, too, when the signal aborts.
 */
export async function retried<T>(
  work: () => Promise<T>,
  after: (error: RowshiftError, retries: number) => number | null | Promise<number | null>,
  signal?: AbortSignal,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await work()
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      const milliseconds = signal?.aborted ? null : await after(error, retries)
      if (milliseconds === null) throw error
      await pause(milliseconds, signal)
      if (signal?.aborted) throw error
    }
  }
}
