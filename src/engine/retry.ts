import { RowshiftError, withDoubt } from '../contract/errors.js'
import type { RetryPolicy } from '../contract/waiting.js'
import { pause, pauseOf } from '../contract/waiting.js'
import type { Failure } from './messages.js'

/** What the attempts of a job before this one have shown. */
export interface Attempt {
  /** One of them may have done it. */
  readonly inDoubt: boolean
  /** How many have failed for statements that were too large, or may have been. */
  readonly tooLarge: number
}

/**
 * Runs a job again, after a while, that failed for a reason that may pass, and one whose thread gave up at once, in another thread; any
 * other failure is thrown. `run` rejects when a thread died, which ends the run. What is given up because the signal aborts is INTERRUPTED.
 * That an attempt before may have done it is said of whatever is thrown.
 */
export async function withRetries<Result extends { readonly outcome: string }>(
  run: (attempt: Attempt) => Promise<Result>,
  policy: RetryPolicy,
  signal: AbortSignal,
  onRetry: (error: RowshiftError, retries: number) => void,
): Promise<Exclude<Result, Failure>> {
  let doubt: RowshiftError | null = null
  const doubtful = (thrown: unknown) => withDoubt(RowshiftError.from(thrown), doubt)
  const givenUp = (error: RowshiftError) => {
    const { message, details } = doubtful(error)
    return new RowshiftError('INTERRUPTED', message, details)
  }
  let lost = 0
  let tooLarge = 0
  for (let retries = 0; ;) {
    const result = await run({ inDoubt: doubt !== null, tooLarge }).catch((thrown: unknown) => {
      throw doubtful(thrown)
    })
    if (!hasFailed(result)) return result as Exclude<Result, Failure>
    const error = RowshiftError.fromReport(result.error)
    if (error.details['inDoubt'] === true) doubt = error
    if (result.gaveUp !== null && !signal.aborted) continue
    const milliseconds = result.repeatable ? pauseOf(error, retries, policy) : null
    if (milliseconds === null) throw doubtful(error)
    if (signal.aborted) throw givenUp(error)
    // What drops large statements, between us and the server, may do so without a word.
    const dropped = error.code === 'CONNECTION_LOST' && result.writing === true && ++lost > 1
    if (error.code === 'PACKET_TOO_LARGE' || dropped) tooLarge++
    onRetry(error, ++retries)
    await pause(milliseconds, signal)
    if (signal.aborted) throw givenUp(error)
  }
}

function hasFailed<Result extends { readonly outcome: string }>(
  result: Result,
): result is Extract<Result, Failure> {
  return result.outcome === 'failed'
}
