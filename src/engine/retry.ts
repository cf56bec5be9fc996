import { RowshiftError } from '../contract/errors.js'
import { backoff, pause } from '../contract/waiting.js'
import type { Failure } from './messages.js'

/** Threads that write one table may get in each other's way, and so may other users of it. */
const MAX_RETRIES = 5
const RETRY_MS = 100

/** The pause after so many retries; null: there were enough. */
export function nextPause(retries: number): number | null {
  return retries === MAX_RETRIES ? null : backoff(retries, RETRY_MS)
}

/**
 * Runs a job that failed on a deadlock or lock wait timeout again, after a while, and one whose thread gave up at once, in another thread; any other
 * failure is thrown.
 */
export async function withRetries<Result extends { readonly outcome: string }>(
  run: () => Promise<Result>,
  signal: AbortSignal,
  onRetry: (failure: Extract<Result, Failure>, retries: number) => void,
): Promise<Exclude<Result, Failure>> {
  for (let retries = 0; ;) {
    const result = await run()
    if (!hasFailed(result)) return result as Exclude<Result, Failure>
    const error = RowshiftError.fromReport(result.error)
    if (result.gaveUp !== null && !signal.aborted) continue
    const milliseconds = result.repeatable ? nextPause(retries) : null
    if (milliseconds === null) throw error
    await pause(milliseconds, signal)
    if (signal.aborted) throw error
    onRetry(result, ++retries)
  }
}

function hasFailed<Result extends { readonly outcome: string }>(
  result: Result,
): result is Extract<Result, Failure> {
  return result.outcome === 'failed'
}
