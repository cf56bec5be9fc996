import { RowshiftError } from '../../contract/errors.js'
import type { Reader, ReadSpec, Split, SplitSize } from '../../contract/plugin.js'
import type { RetryPolicy } from '../../contract/waiting.js'
import { pause, pauseAfter } from '../../contract/waiting.js'

/** How splits are looked for, and again. */
export interface Resuming {
  readonly retry: RetryPolicy
  readonly signal: AbortSignal
  readonly onRetry: (error: RowshiftError, retries: number) => void
}

/** All splits. Where finding one fails for a reason that may pass, they go on behind the last one that was found. */
export function allSplits(
  reader: Reader,
  spec: ReadSpec,
  size: SplitSize,
  resuming: Resuming,
): AsyncGenerator<Split> {
  const { signal } = resuming
  return resumed((last) => {
    if (last === null) return reader.split(spec, size, signal)
    if (spec.key === null) return null
    return reader.skills.splitAfter?.(spec, last.upper, size, signal) ?? null
  }, resuming)
}

/** The same without the keys up to `after`. */
export function splitsFrom(
  reader: Reader,
  spec: ReadSpec,
  after: Split['lower'],
  size: SplitSize,
  resuming: Resuming,
): AsyncGenerator<Split> {
  return resumed(
    (last) => reader.skills.splitAfter!(spec, last === null ? after : last.upper, size, resuming.signal),
    resuming,
  )
}

/** The same for the parts of a range. */
export function partsOfRange(
  reader: Reader,
  spec: ReadSpec,
  range: Split,
  size: SplitSize,
  resuming: Resuming,
): AsyncGenerator<Split> {
  return resumed(
    (last) =>
      reader.divide(spec, last === null ? range : { ...range, lower: last.upper }, size, resuming.signal),
    resuming,
  )
}

/** `from`: behind a split, or from the beginning; null: it cannot go on there. */
async function* resumed(
  from: (last: Split | null) => AsyncIterable<Split> | null,
  { retry, signal, onRetry }: Resuming,
): AsyncGenerator<Split> {
  let last: Split | null = null
  let index = 0
  for (let retries = 0, splits = from(null); splits !== null;) {
    try {
      for await (const split of splits) {
        retries = 0
        last = split
        yield { ...split, index: index++ }
      }
      return
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      const milliseconds = signal.aborted ? null : pauseAfter(error, retries, retry)
      splits = milliseconds === null ? null : from(last)
      if (splits === null) throw error
      onRetry(error, ++retries)
      await pause(milliseconds!, signal)
      if (signal.aborted) throw error
    }
  }
}
