/** What a run ends with that was stopped, and one that has failed before. */
import { RowshiftError } from '../contract/errors.js'

/** Errors that are not a consequence of the signal that stops a run. */
const own = new WeakSet<RowshiftError>()

/** Who stops a run may say why, as the reason of the signal; otherwise it was the user. */
export function stopped({ reason }: AbortSignal): RowshiftError {
  if (reason instanceof RowshiftError) return reason
  return new RowshiftError('INTERRUPTED', 'The run was interrupted.')
}

/** An error that came before the signal: whoever stops the run afterwards, or while it closes its connections, does not hide it. */
export function failedFirst(error: RowshiftError): RowshiftError {
  own.add(error)
  return error
}

/** What a run ends with that has thrown this. What fails after the signal does so because of it. */
export function endedBy(thrown: unknown, signal: AbortSignal): RowshiftError {
  const error = RowshiftError.from(thrown)
  const isOwn = !signal.aborted || own.has(error) || error.details['inDoubt'] === true
  return isOwn ? failedFirst(error) : stopped(signal)
}

/** For `catch`, before anything is closed. */
export function rethrow(signal: AbortSignal): (thrown: unknown) => never {
  return (thrown) => {
    throw endedBy(thrown, signal)
  }
}
