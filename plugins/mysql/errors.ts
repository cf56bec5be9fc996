import type { ErrorCode, ErrorDetails } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { ErrorClass } from '../../src/sql/error-classes.js'
import {
  classOf,
  errorClasses,
  failureOf,
  isProgramFault,
  LostConnection,
  withoutStop,
} from '../../src/sql/error-classes.js'
import { UntrustedKey } from './login.js'

const SMALLER_SPLITS = 'Make the splits smaller with "read_batch".'
const FULL = 'Make room on that server.'
const READ_ONLY = 'The target server takes no writes: write to its primary, or switch read_only off.'
const LOCKED = 'Run again when whatever holds the lock has ended.'
const TOO_MANY =
  'Each thread has a connection to either end: take fewer with "worker_num", or raise max_connections (of one user: max_user_connections) on the server.'
/** By all connections together, also those of other programs. */
const TOO_MANY_PREPARED =
  'Run again when other programs have closed statements of theirs, raise max_prepared_stmt_count on the server, or write without one: "write_path": "insert", or "load-data".'

/** Error numbers of MySQL and MariaDB. */
const classes = errorClasses<number>([
  [
    'ACCESS_DENIED',
    [1044, 1045, 1142, 1143, 1227, 1698, 3118, 4151],
    'Check user, password and privileges of the connection.',
  ],
  ['TABLE_NOT_FOUND', [1049], 'Create the database, or correct its name.'],
  ['TABLE_NOT_FOUND', [1051, 1146]],
  ['COLUMN_NOT_FOUND', [1054]],
  ['COLUMN_REQUIRED', [1364]],
  ['DUPLICATE_KEY', [1022, 1062, 1586]],
  [
    'DATA_REJECTED',
    [
      1048, 1261, 1262, 1263, 1264, 1265, 1292, 1300, 1366, 1367, 1369, 1406, 1411, 1416, 1451, 1452, 1526,
      1644, 1690, 3140, 3156, 3616, 3617, 3643, 3819, 4025,
    ],
  ],
  ['ROW_TOO_LARGE', [1301], 'Raise max_allowed_packet on that server.'],
  ['ROW_TOO_LARGE', [1118]],
  ['PACKET_TOO_LARGE', [1153], 'Raise max_allowed_packet on the server, or on the proxy before it.'],
  ['SPLIT_TOO_LARGE', [1197], `${SMALLER_SPLITS} Or raise max_binlog_cache_size on the target server.`],
  ['SPLIT_TOO_LARGE', [1206], `${SMALLER_SPLITS} Or raise innodb_buffer_pool_size on the target server.`],
  ['LOCK_CONFLICT', [1020, 1205, 1213, 1317, 1412, 3101, 3572], LOCKED],
  ['CONNECTION_LOST', [1053, 1077, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 3169, 4031]],
  ['CONNECTION_FAILED', [1129, 1130]],
  ['CONNECTION_LIMIT', [1040, 1135, 1203, 1226], TOO_MANY],
  ['CONNECTION_LIMIT', [1461], TOO_MANY_PREPARED],
  ['DISK_FULL', [1021, 1114], FULL],
  ['READ_ONLY', [1290, 1792, 1836], READ_ONLY],
  [
    'SERVER_ERROR',
    [1030],
    'The storage engine failed; look into the log of the target server, and at the space on its disks.',
  ],
  [
    'SERVER_ERROR',
    [3100],
    'The replication of the target server refused the transaction; look into its log.',
  ],
])

interface DriverError {
  readonly errno?: number
  readonly code?: string
  readonly fatal?: boolean
  readonly message: string
}

/** What the driver says of a connection that has ended, as such; anything else as it is. */
export function asLost(thrown: unknown, where: string): Error {
  const error = thrown as DriverError & Error
  if (error instanceof RowshiftError || isServers(error.errno) || isFault(error)) return error
  const reason = reasonOf(error.code, error.message).replace(/^Connection lost: /, '')
  return new LostConnection(where, reason, error)
}

/** An error of the driver as a RowshiftError. `doing` says what was going on: `writing table t`. */
export function mapError(thrown: unknown, doing: string, details: ErrorDetails = {}): RowshiftError {
  if (thrown instanceof LostConnection) {
    return failureOf(thrown, doing, thrown.reason, { ...thrown.details, ...details }, thrown)
  }
  if (thrown instanceof RowshiftError) return thrown
  const { errno, code, message } = thrown as DriverError
  if (isServers(errno)) {
    const reason = `${withoutStop(message)} (error ${errno})`
    return failureOf(
      isFull(errno, message) ? DISK_FULL : classOf(classes, errno),
      doing,
      reason,
      { ...details, errno },
      thrown,
    )
  }
  if (isFault(thrown)) return RowshiftError.from(thrown)
  return failureOf({ code: 'CONNECTION_LOST' }, doing, reasonOf(code, message), details, thrown)
}

/** A warning of a load, which would have been an error without LOCAL. */
export function warningError(errno: number, message: string, table: string): RowshiftError {
  const error = mapError({ errno, message }, `writing table ${table}`, { table })
  if (error.code === 'DUPLICATE_KEY') return error
  const what = `Table ${table} would have stored a value changed: ${withoutStop(message)} (warning ${errno}).`
  return new RowshiftError('DATA_REJECTED', what, { table, errno })
}

const PASSWORD_UNSAFE =
  'Whose key that is nobody can tell without TLS, and the server may be an impostor. Use TLS ("ssl-mode=required", or "verify_identity" with "ssl-ca=FILE"), ' +
  'or name the file with the key of the server ("server-public-key-path=FILE"), or accept any key ("get-server-public-key=true").'

const OTHER_PLUGIN = 'Give the user another authentication plugin, for instance caching_sha2_password.'

/** Logins that failed in mysql2, by its code: what to do, and what happened, where its own words are not for users. */
const loginErrors: Readonly<Record<string, { hint: string; reason?: string }>> = {
  HANDSHAKE_NO_SSL_SUPPORT: {
    hint: 'Set up TLS on the server, or connect without it ("ssl-mode=disabled") where nobody can listen.',
  },
  HANDSHAKE_SSL_ERROR: {
    hint: 'Check "ssl-mode", "ssl-ca", "ssl-cert" and "ssl-key", and the certificate of the server.',
  },
  AUTH_SWITCH_PLUGIN_ERROR: {
    reason: 'the server asks for an authentication plugin that rowshift does not support',
    hint: OTHER_PLUGIN,
  },
  MYSQL_CLEAR_PASSWORD_NOT_ENABLED: {
    reason: 'the server asks for the password in the clear, and rowshift never sends it so',
    hint: OTHER_PLUGIN,
  },
}

const NEEDS_TLS = 'The server takes TLS connections only: add "ssl-mode=required" to the connection.'
const MAY_NEED_TLS =
  'If the user or the server requires TLS (REQUIRE SSL, require_secure_transport), add "ssl-mode=required" to the connection.'

/** An error while connecting. `where` is the connection without secrets. */
export function mapConnectError(thrown: unknown, where: string, encrypted: boolean): RowshiftError {
  if (thrown instanceof RowshiftError) return thrown
  const error = thrown as DriverError
  const failed = (code: ErrorCode, reason: string, hint: string, details: ErrorDetails = {}) => {
    const message = `Cannot connect to ${where}: ${reason}.${hint === '' ? '' : ` ${hint}`}`
    return new RowshiftError(code, message, { connection: where, ...details }, thrown)
  }
  if (thrown instanceof UntrustedKey) return failed('CONNECTION_FAILED', thrown.message, PASSWORD_UNSAFE)
  const { errno } = error
  if (isServers(errno)) {
    const { code, advice = '' } = classes.get(errno) ?? { code: 'CONNECTION_FAILED' }
    const tls = encrypted ? '' : errno === 3159 ? NEEDS_TLS : errno === 1045 ? MAY_NEED_TLS : ''
    const hint = [advice, tls].filter((text) => text !== '').join(' ')
    return failed(code, `${withoutStop(error.message)} (error ${errno})`, hint, { errno })
  }
  const known = loginErrors[error.code ?? '']
  const plain =
    error.code && !error.message.includes(error.code) ? `${error.message} ${error.code}` : error.message
  const reason = known?.reason ?? withoutStop(plain)
  const hint = known?.hint ?? 'Check that the server runs and that host, port and TLS settings are right.'
  return failed('CONNECTION_FAILED', reason, hint)
}

/** Of ours, or of the driver: it gives connections that ended a code, or calls them fatal or closed. */
function isFault(thrown: unknown): boolean {
  const { code, fatal, message } = thrown as DriverError
  return (
    isProgramFault(thrown) || (code === undefined && fatal !== true && !message.endsWith(' closed state'))
  )
}

/** Without a code it is mysql2's own complaint about a connection that is closed already. */
function reasonOf(code: string | undefined, message: string): string {
  return code === undefined ? 'the connection is closed' : withoutStop(message)
}

/** A file of the server could not be written. Which one, and the system's own number for why, stand in the message only, in every language. */
const UNWRITTEN = new Set([3, 20, 1026, 1030])
const DISK_FULL: ErrorClass = { code: 'DISK_FULL', advice: FULL }
const NO_SPACE = /\b(?:errcode|errno|error):? 28\b/i

function isFull(errno: number, message: string): boolean {
  return UNWRITTEN.has(errno) && NO_SPACE.test(message)
}

/** Errors of the driver have no number, or one that is not above 0. */
function isServers(errno: number | undefined): errno is number {
  return errno !== undefined && errno > 0
}
