/** What everybody needs who waits or tries again: it ends by a signal, and pauses are not the same for all. */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { RowshiftError } from './errors.js'

/** Calls `listener` when the signal aborts, at once if it has already; until what is returned is called. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener()
  signal?.addEventListener('abort', listener)
  return () => signal?.removeEventListener('abort', listener)
}

/** Aborts with the first of them. Tables that are copied side by side listen to it, each with all that it opens. */
export function anyOf(...signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals])
  setMaxListeners(0, any)
  return any
}

/** Ends early when the signal aborts, without an error. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, signal && { signal }).catch(() => {})
}

/** Doubles with each retry, up to `longestMs`; between half of that and all: those that failed together should not meet again. */
export function backoff(retries: number, firstMs: number, longestMs = Infinity): number {
  return Math.min(longestMs, firstMs * 2 ** retries) * (0.5 + Math.random() / 2)
}

/** How often, and after what pauses, a run tries again what failed for a reason that may pass. Part of a plan. */
export interface RetryPolicy {
  /** After the first attempt, of one split; 0: never. */
  readonly attempts: number
  /** Longest pause before one, in seconds. */
  readonly maxWait: number
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, maxWait: 30 }

/** First pauses. A lock is gone within moments, a server comes back within seconds, and a full disk waits for a person. */
const LOCK_MS = 200
const SERVER_MS = 2_000
const PERSON_MS = 20_000

/** The pause before something that failed so is tried again; null: it is not, or was often enough. */
export function pauseAfter(error: RowshiftError, retries: number, policy: RetryPolicy): number | null {
  return mayPass(error) ? pauseOf(error, retries, policy) : null
}

/** The same of what may be tried again whatever it failed with. */
export function pauseOf(error: RowshiftError, retries: number, policy: RetryPolicy): number | null {
  if (retries >= policy.attempts) return null
  const soon = error.code === 'LOCK_CONFLICT' || error.reaction === 'shrink'
  const first = soon ? LOCK_MS : error.reaction === 'wait' ? PERSON_MS : SERVER_MS
  return backoff(retries, first, policy.maxWait * 1_000)
}

/** Whether doing the same again may succeed, and cannot do anything twice. */
export function mayPass({ reaction, details }: RowshiftError): boolean {
  return (reaction === 'retry' || reaction === 'wait') && details['inDoubt'] !== true
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

/** Resolves when the work is done or has failed, or the time is over: who is away would be waited for. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const end = () => done.abort()
  void work.then(end, end)
  await pause(milliseconds, done.signal)
}
