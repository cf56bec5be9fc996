import { RowshiftError } from '../contract/errors.js'
import type { RetryPolicy } from '../contract/waiting.js'
import { pause, pauseOf } from '../contract/waiting.js'
import type { Failure } from './messages.js'

/**
 * Runs a job again, after a while, that failed for a reason that may pass, and one whose thread gave up at once, in another thread; any
 * other failure is thrown. `run` rejects when a thread died, which ends the run.
 */
export async function withRetries<Result extends { readonly outcome: string }>(
  run: () => Promise<Result>,
  policy: RetryPolicy,
  signal: AbortSignal,
  onRetry: (error: RowshiftError, retries: number) => void,
): Promise<Exclude<Result, Failure>> {
  for (let retries = 0; ;) {
    const result = await run()
    if (!hasFailed(result)) return result as Exclude<Result, Failure>
    const error = RowshiftError.fromReport(result.error)
    if (result.gaveUp !== null && !signal.aborted) continue
    const milliseconds = result.repeatable ? pauseOf(error, retries, policy) : null
    if (milliseconds === null || signal.aborted) throw error
    onRetry(error, ++retries)
    await pause(milliseconds, signal)
    if (signal.aborted) throw error
  }
}

function hasFailed<Result extends { readonly outcome: string }>(
  result: Result,
): result is Extract<Result, Failure> {
  return result.outcome === 'failed'
}
