import type { ErrorCode, ErrorDetails } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import {
  classOf,
  errorClasses,
  failureOf,
  isProgramFault,
  LostConnection,
  withoutStop,
} from '../../src/sql/error-classes.js'

const LOCKED = 'Run again when whatever holds the lock has ended.'
const CANCELED =
  'Raise statement_timeout by "session" if it ran out (0: none); else somebody has canceled the statement: run again.'
const FULL = 'Make room on the disk of the server, then run again.'
const READ_ONLY =
  'The server takes no writes: it is a standby, or default_transaction_read_only is on for the user or the database. Write to its primary, or switch that off.'
const TOO_MANY =
  'Each thread has a connection to either end: take fewer with "worker_num", or raise max_connections (of one user or database: CONNECTION LIMIT) on the server.'
const LOGIN = 'Check user, password and pg_hba.conf of the server.'
const RIGHTS = 'Grant the user what it needs, or connect as another one.'

/** SQLSTATEs, and their classes: the first two characters, which stand for all others that begin with them. */
const classes = errorClasses<string>([
  ['ACCESS_DENIED', ['28', '28000', '28P01'], LOGIN],
  ['ACCESS_DENIED', ['42501'], RIGHTS],
  ['TABLE_NOT_FOUND', ['3D000'], 'Create the database, or correct its name.'],
  ['TABLE_NOT_FOUND', ['3F000'], 'Create the schema, or correct its name.'],
  ['TABLE_NOT_FOUND', ['42P01']],
  ['COLUMN_NOT_FOUND', ['42703']],
  ['DUPLICATE_KEY', ['23505', '23P01']],
  ['DATA_REJECTED', ['22', '23', '44', 'P0001']],
  ['ROW_TOO_LARGE', ['54000'], 'The row, or its key, is larger than the server can store.'],
  ['LOCK_CONFLICT', ['40', '55P03'], LOCKED],
  ['LOCK_CONFLICT', ['57014'], CANCELED],
  ['CONNECTION_LOST', ['08', '57P01', '57P02', '57P05', '25P03', '25P04']],
  // A parameter in a statement, where nothing is put into its place.
  ['SERVER_ERROR', ['08P01']],
  ['CONNECTION_FAILED', ['57P03']],
  ['CONNECTION_LIMIT', ['53300'], TOO_MANY],
  ['DISK_FULL', ['53100'], FULL],
  ['SPLIT_TOO_LARGE', ['53200'], 'Make the splits smaller with "read_batch".'],
  ['READ_ONLY', ['25006'], READ_ONLY],
])

/** What `pg` throws: an error of the server has a SQLSTATE and a severity, others are of Node.js or its own. */
interface DriverError extends Error {
  readonly code?: string
  readonly severity?: string
  readonly detail?: string
  readonly hint?: string
  readonly column?: string
  readonly constraint?: string
  readonly where?: string
}

/** The server's own code of an error; null: it is not the server's. */
export function sqlState(thrown: unknown): string | null {
  const { code, severity } = (thrown ?? {}) as DriverError
  return severity !== undefined && code !== undefined ? code : null
}

/** What the driver says of a connection that has ended, as such; anything else as it is. */
export function asLost(thrown: unknown, where: string): Error {
  const error = thrown as DriverError
  if (error instanceof RowshiftError || sqlState(error) !== null || isProgramFault(error)) return error
  if (error.code === undefined && !/^(Connection|Client) /.test(error.message)) return error
  const reason = /^(Connection|Client) /.test(error.message)
    ? 'the server has closed it'
    : withoutStop(error.message)
  return new LostConnection(where, reason, error)
}

/** An error of the driver as a RowshiftError. `doing` says what was going on: `writing table t`. */
export function postgresError(thrown: unknown, doing: string, details: ErrorDetails = {}): RowshiftError {
  if (thrown instanceof LostConnection)
    return failureOf(thrown, doing, thrown.reason, { ...thrown.details, ...details }, thrown)
  if (thrown instanceof RowshiftError) return thrown
  const state = sqlState(thrown)
  const error = thrown as DriverError
  if (state === null) {
    if (error.code === undefined || isProgramFault(error)) return RowshiftError.from(thrown)
    return failureOf({ code: 'CONNECTION_LOST' }, doing, withoutStop(error.message), details, thrown)
  }
  const more = { ...details, sqlstate: state, ...(error.column !== undefined && { column: error.column }) }
  return failureOf(classOf(classes, state, state.slice(0, 2)), doing, reasonOf(error, state), more, thrown)
}

function reasonOf({ message, detail, hint }: DriverError, state: string): string {
  const parts = [`${withoutStop(message)} (SQLSTATE ${state})`, detail, hint].filter(
    (part) => part !== undefined,
  )
  return parts.map((part) => withoutStop(part)).join('. ')
}

/** An error while connecting. `where` is the connection without secrets. */
export function connectError(thrown: unknown, where: string, encrypted: boolean): RowshiftError {
  if (thrown instanceof RowshiftError) return thrown
  const error = thrown as DriverError
  const failed = (code: ErrorCode, reason: string, advice: string, details: ErrorDetails = {}) =>
    new RowshiftError(
      code,
      `Cannot connect to ${where}: ${reason}.${advice === '' ? '' : ` ${advice}`}`,
      { connection: where, ...details },
      thrown,
    )
  const state = sqlState(thrown)
  if (state !== null) {
    const { code, advice = '' } = classOf(classes, state, state.slice(0, 2))
    const tls =
      state === '28000' && !encrypted ? ' If it takes TLS only, add "sslmode=require" to the connection.' : ''
    const reached = code === 'SERVER_ERROR' || code === 'CONNECTION_LOST' ? 'CONNECTION_FAILED' : code
    return failed(reached, reasonOf(error, state), `${advice}${tls}`, { sqlstate: state })
  }
  if (/client password must be/.test(error.message))
    return failed('ACCESS_DENIED', 'the server asks for a password, and none is given', LOGIN)
  if (/SASL|password/i.test(error.message)) return failed('ACCESS_DENIED', withoutStop(error.message), LOGIN)
  const plain =
    error.code && !error.message.includes(error.code) ? `${error.message} ${error.code}` : error.message
  const advice = 'Check that the server runs and that host, port and TLS settings are right.'
  return failed('CONNECTION_FAILED', withoutStop(plain), advice)
}
