/** What can go wrong with the server of a queue, for people. */
import { RowshiftError } from '../../contract/errors.js'
import { withoutStop } from '../../sql/error-classes.js'

const REFUSED = /^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH)/
/** The user has logged in, and may not do that. */
const DENIED = /\bNOPERM\b/
const RIGHTS = 'Give this user the rights ~rowshift:* +@all -@dangerous +info +client'
/** What its certificate is refused for. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY|DECRYPT)|certificate/
/** BullMQ advises against older ones. */
const OLDEST = [6, 2] as const
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

/** Throws HOSTS_REFUSED. `info`: what the server says of itself. */
export function checkServer(where: string, info: string): void {
  // Servers that speak the same language name the version of it that they are compatible with.
  const version = /^redis_version:((\d+)\.(\d+)\S*)/m.exec(info)
  if (version === null) return
  const [, whole, major, minor] = version
  if (Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1])) return
  throw new RowshiftError(
    'HOSTS_REFUSED',
    `${where} is Redis ${whole}, and a queue needs ${OLDEST.join('.')} or later, or Valkey. Nothing was written.`,
    { version: whole! },
  )
}

export function isDenied({ message }: Error): boolean {
  return DENIED.test(message)
}

export function openingFailed(where: string, cause: unknown): RowshiftError {
  const reason = reasonOf(cause)
  if (DENIED.test(reason)) return failureOfStore('opening it', where, cause)
  if (REFUSED.test(reason))
    return new RowshiftError(
      'ACCESS_DENIED',
      `${where} refused the login: ${withoutStop(reason)}. Check user and password in the URL.`,
      {},
      cause,
    )
  return new RowshiftError(
    'CONNECTION_FAILED',
    `${where} could not be reached: ${withoutStop(reason)}. ${adviceFor(where, cause)}`,
    {},
    cause,
  )
}

function adviceFor(where: string, cause: unknown): string {
  const { code = '', message = '' } = cause as Partial<NodeJS.ErrnoException>
  if (CERTIFICATE.test(code) || CERTIFICATE.test(message))
    return 'Its certificate must be of an authority that this host knows, and for the name in the URL: for one of your own, set NODE_EXTRA_CA_CERTS to the file of its certificate.'
  const other = where.startsWith('rediss:')
    ? 'redis:// if the port has no TLS'
    : 'rediss:// if the port is one for TLS'
  return `Check the address (${other}), and that the server runs and takes connections from this host.`
}

export function failureOfStore(doing: string, where: string, cause: unknown): RowshiftError {
  if (cause instanceof RowshiftError) return cause
  const reason = withoutStop(reasonOf(cause))
  if (DENIED.test(reason))
    return new RowshiftError(
      'ACCESS_DENIED',
      `${where} does not let this user do what a queue needs: ${reason}. ${RIGHTS}.`,
      {},
      cause,
    )
  const code = REFUSED.test(reason) ? 'ACCESS_DENIED' : 'SERVER_ERROR'
  return new RowshiftError(code, `${where} failed while ${doing}: ${reason}.`, {}, cause)
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const { code } = cause as NodeJS.ErrnoException
  return cause.message === '' ? (code ?? cause.name) : cause.message
}
