/** How connections begin and end, and the ones that live for one question only. */
import { isIP } from 'node:net'
import mysql from 'mysql2'
import type { Connection } from '../../src/contract/plugin.js'
import { onAbort } from '../../src/contract/plugin.js'
import type { Encryption } from '../../src/sql/encryption.js'
import { stallMs } from '../../src/sql/server-connection.js'
import type { ServerDriver } from '../../src/sql/server-session.js'
import { interrupted } from '../../src/sql/server-waits.js'
import type { TextRow } from './driver.js'
import type { ConnectionFields } from './connection-fields.js'
import { DEFAULT_PORT, describeConnection } from './connection-fields.js'
import type { ResultField, TcpSocket, WireConnection } from './driver.js'
import { asLost, mapConnectError } from './errors.js'
import { announceBulk, authPluginsOf, noTls, verifyAddress } from './login.js'
import { serverThread } from './server-thread.js'
import { KEEP_ALIVE_MS, ReusingSocket } from './socket.js'

const CONNECT_TIMEOUT_MS = 10_000
const MOST_PREPARED = 16

export interface Opened {
  readonly connection: mysql.Connection
  /** null under TLS, which has buffers of its own. */
  readonly socket: ReusingSocket | null
  /** What is under TLS, where there is any. */
  readonly tcp: TcpSocket
  /** The server takes COM_STMT_BULK_EXECUTE. */
  readonly bulk: boolean
}

function connectAs(
  fields: ConnectionFields,
  { ssl }: Encryption,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const where = describeConnection(fields as unknown as Connection)
  if (signal?.aborted) return Promise.reject(interrupted(where))
  const options: mysql.ConnectionOptions = {
    user: fields.user ?? 'root',
    password: fields.password ?? '',
    database: fields.db,
    charset: 'utf8mb4',
    flags: ['-FOUND_ROWS'],
    // For all of the login, however slowly it comes.
    connectTimeout: Math.min(CONNECT_TIMEOUT_MS, stallMs(fields)),
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    // Its compiled parsers pay for large results only, which do not come this way.
    disableEval: true,
    // Of each connection; the server allows so many of all together.
    maxPreparedStatements: MOST_PREPARED,
    ...authPluginsOf(fields, ssl !== null),
  }
  const { socket: path, host = '127.0.0.1' } = fields
  const port = Number(fields.port ?? DEFAULT_PORT)
  // Also where a stream is given: mysql2 sends passwords in another way over what it knows to be a unix socket.
  Object.assign(options, path === undefined ? { host, port } : { socketPath: path })
  const socket = ssl ? null : new ReusingSocket(path === undefined ? { host, port } : { path })
  if (ssl) options.ssl = ssl
  if (socket) options.stream = socket.stream
  return new Promise((resolve, reject) => {
    const connection = mysql.createConnection(options)
    const isBulk = announceBulk(connection as unknown as WireConnection)
    if (ssl?.verifyIdentity && isIP(host) !== 0) {
      verifyAddress(connection as unknown as WireConnection, ssl, host)
    }
    const tcp = tcpOf(connection)
    // What is lost is reported by the query under way or the next one; without a listener it would be fatal.
    connection.on('error', () => {})
    const fail = (error: Error) => {
      // A server may refuse the login and keep the connection open.
      cutOff(connection)
      tcp.destroy()
      reject(error)
    }
    const release = onAbort(signal, () => fail(interrupted(where)))
    connection.connect((error) => {
      release()
      if (error) fail(error)
      else resolve({ connection, socket, tcp, bulk: isBulk() })
    })
  })
}

/** The number of a prepared statement. mysql2 keeps those that were used last, and closes the others. */
export function prepared(connection: mysql.Connection, sql: string): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.prepare(sql, (error, statement) => {
      if (error) reject(error)
      else resolve((statement as unknown as { readonly id: number }).id)
    })
  })
}

function tcpOf(connection: mysql.Connection): TcpSocket {
  return (connection as unknown as WireConnection).stream as unknown as TcpSocket
}

/** mysql2 only says that nothing more will be sent, and a server that is gone never answers that. */
function cutOff(connection: mysql.Connection): void {
  connection.destroy()
  tcpOf(connection).destroy()
}

export function ask(
  connection: mysql.Connection,
  sql: string,
  onFields?: (fields: readonly ResultField[]) => void,
): Promise<TextRow[]> {
  const options = {
    sql,
    rowsAsArray: true,
    typeCast: (field: { string(): string | null }) => field.string(),
  }
  return new Promise((resolve, reject) => {
    connection.query(options, (error: Error | null, rows: unknown, fields: unknown) => {
      if (error) return reject(error)
      onFields?.(fields as ResultField[])
      resolve(Array.isArray(rows) ? (rows as TextRow[]) : [])
    })
  })
}

/** Runs a statement of any kind, and gives how many rows it has changed. */
export function runStatement(connection: mysql.Connection, sql: string): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, rowsAsArray: true }, (error: Error | null, result: unknown) => {
      if (error) reject(error)
      else resolve((result as { affectedRows?: number }).affectedRows ?? 0)
    })
  })
}

export const driver: ServerDriver<Opened> = {
  describe: describeConnection,
  connect: connectAs,
  hasNoTls: noTls,
  connectError: mapConnectError,
  ask: ({ connection }, sql) => ask(connection, sql),
  hangUp: ({ connection }) => cutOff(connection),
  socket: ({ tcp }) => tcp,
  cut: ({ connection }) => cutOff(connection),
  asLost,
  side: serverThread,
}
