/** What becomes of a job whose thread died. */
import { RowshiftError } from '../contract/errors.js'
import type { Failure } from './messages.js'

/** A user's function that has ended two threads at the same row would end all of them. */
export function isSame({ code, message }: RowshiftError, before: RowshiftError | null): boolean {
  return code !== 'THREAD_LOST' && message === before?.message
}

/** Nobody knows how far the thread had got. */
export function lostWith({ code, message, details }: RowshiftError): Failure {
  const error = { code, message, details: { ...details, inDoubt: true } }
  return { outcome: 'failed', error, repeatable: true, gaveUp: null }
}

export function threadLost(death: unknown): RowshiftError {
  // It says itself what has ended the work.
  if (death instanceof RowshiftError && death.code !== 'INTERNAL') return death
  const reason = death instanceof Error ? death.message : String(death)
  const said = `A worker thread ended: ${reason}. What it was about to commit may or may not be stored.`
  return new RowshiftError('THREAD_LOST', said, { inDoubt: true }, death)
}
