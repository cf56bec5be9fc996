/** What becomes of jobs that other hosts were to do. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { Failure } from '../../engine/messages.js'
import type { HostBeat } from './host-beat.js'

export function noWorker(where: string): string {
  return `no worker is there yet: start some with "rowshift worker --connect ${where} --threads N"`
}

export function hasStopped(): RowshiftError {
  return new RowshiftError('INTERRUPTED', 'The run has stopped.')
}

/** Too many workers have ended with it in hand. */
export function lost(reason: string): Failure {
  const message =
    `A split was given to one worker after another, and each of them ended or fell silent with it (${reason}). ` +
    'Look at the workers: a thread needs up to 100 MB, and more with wide rows or a transform.'
  return failureWith(new RowshiftError('THREAD_LOST', message, { inDoubt: true }), false)
}

/** The next attempt looks whether it is stored. */
export function vanished(where: string): Failure {
  const message = `${where} has lost the queue of the run, as a server does that restarts without a file on its disk.`
  return failureWith(new RowshiftError('CONNECTION_LOST', message, { inDoubt: true }), true)
}

/** The store has lost the record of a table, which its coordinator brings again. */
export function vanishedTable(where: string): RowshiftError {
  return new RowshiftError('CONNECTION_LOST', `${where} has lost the plan of the table.`)
}

/**
 * What a worker's failure means to the run. `shared`: another worker may have the split in hand, too, or have stored it: then its rows are
 * in the way of this one's, and whatever comes next has to look. `stopped`: the run is to end, and not only this worker.
 */
export function judged(
  failed: Failure,
  { shared, stopped }: { readonly shared: boolean; readonly stopped: boolean },
): Failure {
  const givenUp = failed.error.code === 'INTERRUPTED' && !stopped
  const repeatable = failed.repeatable || givenUp || (shared && failed.error.code === 'DUPLICATE_KEY')
  const error = givenUp ? workerStopped(failed.error) : failed.error
  if (!shared || !repeatable) return { ...failed, repeatable, error }
  return { ...failed, repeatable, error: { ...error, details: { ...error.details, inDoubt: true } } }
}

/** Only that worker has given it up. */
function workerStopped({ details }: ErrorReport): ErrorReport {
  return { code: 'THREAD_LOST', message: 'A worker was stopped before it had done a split.', details }
}

export function failureWith(error: RowshiftError, repeatable: boolean): Failure {
  return { outcome: 'failed', error: error.report(), repeatable, gaveUp: null }
}

export function allRefuse({ name, refused }: HostBeat): RowshiftError {
  const { message, details } = refused!
  return new RowshiftError(
    'HOSTS_REFUSED',
    `No worker can take part in the run. ${name}: ${message}`,
    details,
  )
}
