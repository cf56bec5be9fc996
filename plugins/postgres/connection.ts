/** How connections begin and end, and the ones that live for one question only. */
import net from 'node:net'
import type { Connection } from '../../src/contract/plugin.js'
import { onAbort, RowshiftError } from '../../src/contract/plugin.js'
import type { Encryption, SslOptions } from '../../src/sql/encryption.js'
import { staysHere } from '../../src/sql/encryption.js'
import { stallMs } from '../../src/sql/server-connection.js'
import type { ServerDriver } from '../../src/sql/server-session.js'
import { interrupted } from '../../src/sql/server-waits.js'
import type { SqlRow } from '../../src/sql/session.js'
import type { ConnectionFields } from './connection-fields.js'
import {
  DEFAULT_PORT,
  DEFAULT_USER,
  describeConnection,
  passwordOf,
  socketPath,
} from './connection-fields.js'
import type { PgClient, PgResult } from './driver.js'
import { loadDriver } from './driver.js'
import { asLost, connectError } from './errors.js'
import { serverBackend } from './server-backend.js'

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 30_000
const BYTEA = 17

export interface Opened {
  readonly client: PgClient
  /** What is under TLS, where there is any. */
  readonly tcp: net.Socket
  /** Asks the server to stop what it does for this connection: over another one, which takes none of the places for sessions. */
  readonly cancel: () => Promise<void>
}

/** Whoever listens, or is an impostor, would have it. */
function plainPassword(where: string): RowshiftError {
  return new RowshiftError(
    'ACCESS_DENIED',
    `Cannot connect to ${where}: the server asks for the password in the clear. Use TLS that proves who the server is ` +
      '("sslmode=verify-full" with "sslrootcert=FILE"), or have the user log in by scram-sha-256.',
    { connection: where },
  )
}

async function connectAs(
  fields: ConnectionFields,
  { ssl }: Encryption,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const where = describeConnection(fields as unknown as Connection)
  if (signal?.aborted) throw interrupted(where)
  const { Client, Connection: PgConnection } = await loadDriver()
  const tcp = new net.Socket()
  const { host = '127.0.0.1' } = fields
  const port = Number(fields.port ?? DEFAULT_PORT)
  const path = socketPath(fields)
  const tls = path === null && ssl ? tlsOptions(ssl) : false
  const password = passwordOf(fields)
  const isSafe = path !== null || staysHere(fields) || (ssl?.rejectUnauthorized ?? false)
  let asksPlain = false
  const client = new Client({
    // A unix socket is named by its folder, and the rest of its name is made of the port.
    ...(path === null ? { host, port } : splitPath(path)),
    user: fields.user ?? DEFAULT_USER,
    database: fields.db,
    // Whatever is not given here is taken from variables and files of the user.
    password: () => {
      if (asksPlain && !isSafe) throw plainPassword(where)
      return password
    },
    application_name: 'rowshift',
    client_encoding: 'UTF8',
    ssl: tls,
    stream: tcp,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  })
  delete client.connectionParameters.options
  delete client.connectionParameters.replication
  client.connection.once('authenticationCleartextPassword', () => (asksPlain = true))
  // What is lost is reported by the query under way or the next one; without a listener it would be fatal.
  client.on('error', () => {})
  await loggedIn(client, tcp, where, Math.min(CONNECT_TIMEOUT_MS, stallMs(fields)), signal)
  const cancel = async () => {
    const other = new PgConnection({ ssl: tls, stream: new net.Socket() })
    await new Promise<void>((resolve) => {
      const send = () => other.cancel(client.processID!, client.secretKey)
      const timer = setTimeout(() => other.stream.destroy(), CONNECT_TIMEOUT_MS)
      const end = () => {
        clearTimeout(timer)
        resolve()
      }
      other.once('error', end)
      other.once('end', end)
      other.once('connect', () => (tls ? other.requestSsl() : send()))
      other.once('sslconnect', send)
      if (path === null) other.connect(port, host)
      else other.connect(path)
    })
  }
  return { client, tcp, cancel }
}

/** Ends also when the server accepts the connection and then says nothing. */
function loggedIn(
  client: PgClient,
  tcp: net.Socket,
  where: string,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      clearTimeout(timer)
      release()
      end()
    }
    const fail = (error: Error) => {
      settle(() => reject(error))
      tcp.destroy()
    }
    const timer = setTimeout(() => fail(new Error(`there was no answer within ${ms / 1000} s`)), ms)
    const release = onAbort(signal, () => queueMicrotask(() => fail(interrupted(where))))
    client.connect().then(() => settle(resolve), fail)
  })
}

function tlsOptions({ rejectUnauthorized, verifyIdentity, ca, cert, key }: SslOptions): object {
  return {
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(verifyIdentity ? {} : { checkServerIdentity: () => undefined }),
  }
}

function splitPath(path: string): { host: string; port: number } {
  const [, folder, port] = /^(.*)\/\.s\.PGSQL\.(\d+)$/.exec(path)!
  return { host: folder!, port: Number(port) }
}

/** Values come as the server writes them. */
const types = {
  getTypeParser: (type: number) => (value: string) => (type === BYTEA ? value.slice(2) : value),
}

/** `extended`: the server takes one statement only, without parameters. */
export function ask(
  client: PgClient,
  sql: string,
  extended = false,
): Promise<PgResult | readonly PgResult[]> {
  return client.query({ text: sql, rowMode: 'array', types, ...(extended && { queryMode: 'extended' }) })
}

/** Of the last of several statements. */
export function lastOf(result: PgResult | readonly PgResult[]): PgResult {
  return Array.isArray(result) ? (result as readonly PgResult[]).at(-1)! : (result as PgResult)
}

export function rowsOf(result: PgResult | readonly PgResult[]): readonly SqlRow[] {
  return lastOf(result).rows
}

export const driver: ServerDriver<Opened> = {
  describe: describeConnection,
  connect: connectAs,
  hasNoTls: (error) => /does not support SSL/.test((error as Error).message),
  connectError,
  ask: async ({ client }, sql) => rowsOf(await ask(client, sql)),
  hangUp({ client, tcp }) {
    // A session that only says goodbye to nobody would hold its place for a while.
    void client.end().catch(() => {})
    setTimeout(() => tcp.destroy(), 1_000).unref()
  },
  socket: ({ tcp }) => tcp,
  cut: ({ tcp }) => tcp.destroy(),
  cancel: ({ cancel }) => cancel(),
  asLost,
  side: serverBackend,
}
