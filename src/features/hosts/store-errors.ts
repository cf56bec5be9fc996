/** What can go wrong with the server of a queue, for people. */
import { RowshiftError } from '../../contract/errors.js'
import { withoutStop } from '../../sql/error-classes.js'

const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH)/
/** It loads what is on its disk, has become a replica, is full, or cannot write its disk. */
const PASSING = /\b(?:LOADING|READONLY|OOM|MISCONF|BUSY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS)\b/

/** Whether a server that has failed so may be waited for, as one that cannot be reached. */
export function passes({ code, message, details }: RowshiftError): boolean {
  return (
    details['passes'] === true || ((code === 'SERVER_ERROR' || code === 'INTERNAL') && PASSING.test(message))
  )
}

export function connectionEnded(doing: string, where: string): RowshiftError {
  return new RowshiftError('SERVER_ERROR', `${where} was lost while ${doing}.`, { passes: true })
}

export function packageMissing(cause: unknown): RowshiftError {
  const { code, message } = cause as NodeJS.ErrnoException
  const missing = code === 'ERR_MODULE_NOT_FOUND' ? 'are not installed' : `cannot be loaded: ${message}`
  return new RowshiftError(
    'PLUGIN_UNKNOWN',
    `Runs over many hosts need the packages "bullmq" and "ioredis", which ${missing}. Install them beside rowshift, on each host: ` +
      'npm install bullmq@6 ioredis@6 (with --global if rowshift is installed so).',
    { package: 'bullmq' },
    cause,
  )
}

export function openingFailed(where: string, cause: unknown): RowshiftError {
  const reason = reasonOf(cause)
  if (REFUSED.test(reason))
    return new RowshiftError(
      'ACCESS_DENIED',
      `${where} refused the login: ${withoutStop(reason)}. Check user and password in the URL.`,
      {},
      cause,
    )
  return new RowshiftError(
    'CONNECTION_FAILED',
    `${where} could not be reached: ${withoutStop(reason)}. Check the address, and that the server runs and takes connections from this host.`,
    {},
    cause,
  )
}

export function failureOfStore(doing: string, where: string, cause: unknown): RowshiftError {
  if (cause instanceof RowshiftError) return cause
  const reason = reasonOf(cause)
  const code = REFUSED.test(reason) ? 'ACCESS_DENIED' : 'SERVER_ERROR'
  return new RowshiftError(code, `${where} failed while ${doing}: ${withoutStop(reason)}.`, {}, cause)
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const { code } = cause as NodeJS.ErrnoException
  return cause.message === '' ? (code ?? cause.name) : cause.message
}
