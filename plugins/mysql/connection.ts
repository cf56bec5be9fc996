import { isIP } from 'node:net'
import mysql from 'mysql2'
import type { Connection, Endpoint } from '../../src/plugin.js'
import type { ConnectionFields } from './connection-fields.js'
import { databaseOf, DEFAULT_PORT, describeConnection } from './connection-fields.js'
import type { OkResult, ResultField, WireConnection } from './driver.js'
import { mapConnectError, mapError } from './errors.js'
import type { Encryption } from './login.js'
import { authPluginsOf, encryptionOf, noTls, PLAIN, verifyAddress } from './login.js'
import { queryRows } from './rows.js'
import { checkSession, SET_UP } from './session-settings.js'
import { ReusingSocket } from './socket.js'
import type { RowTarget } from './transcode.js'
import { RowDecoder } from './transcode.js'
import { loadData, probeWire, queryBytes } from './wire.js'

const CONNECT_TIMEOUT_MS = 10_000
const GOODBYE_MS = 1_000

export type TextRow = readonly (string | null)[]

/** One open session. */
export class Session {
  readonly #connection: mysql.Connection
  readonly #socket: ReusingSocket | null
  /** Without secrets, for messages. */
  readonly where: string
  #decoder: RowDecoder | null = null
  #rejectRunning: (error: Error) => void = () => {}

  private constructor({ connection, socket }: Opened, where: string) {
    this.#connection = connection
    this.#socket = socket
    this.where = where
    // A lost connection is reported by the query under way or the next one; without a listener it would be fatal.
    connection.on('error', () => {})
  }

  static async open(endpoint: Pick<Endpoint, 'connection' | 'session'>): Promise<Session> {
    const where = describeConnection(endpoint.connection)
    const session = new Session(await connect(endpoint.connection, where), where)
    try {
      await runStatements(session, SET_UP, 'session set-up')
      await probeWire(session.#wire)
      await runStatements(session, endpoint.session, '"session"')
      if (endpoint.session.length > 0)
        await checkSession(session, databaseOf(endpoint.connection), endpoint.session)
    } catch (error) {
      session.destroy()
      throw error
    }
    return session
  }

  /** For small results. */
  query(sql: string, onFields?: (fields: readonly ResultField[]) => void): Promise<TextRow[]> {
    const options = {
      sql,
      rowsAsArray: true,
      typeCast: (field: { string(): string | null }) => field.string(),
    }
    return this.#run(
      () =>
        new Promise((resolve, reject) => {
          this.#connection.query(options, (error: Error | null, rows: unknown, fields: unknown) => {
            if (error) return reject(error)
            onFields?.(fields as ResultField[])
            resolve(Array.isArray(rows) ? (rows as TextRow[]) : [])
          })
        }),
    )
  }

  async readRows(sql: string, target: RowTarget): Promise<void> {
    const decoder = (this.#decoder ??= new RowDecoder())
    this.#socket?.readInto(decoder.chunk)
    try {
      await this.#run(() => queryRows(this.#wire, sql, decoder.into(target)))
    } finally {
      this.#socket?.release()
    }
  }

  send(sql: Buffer): Promise<OkResult> {
    return this.#run(() => queryBytes(this.#wire, sql))
  }

  load(sql: string, pieces: AsyncIterable<Buffer>): Promise<OkResult> {
    return this.#run(() => loadData(this.#wire, sql, pieces))
  }

  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  /** Cuts the connection; the server rolls back what was open. */
  destroy(): void {
    this.#connection.destroy()
    this.#rejectRunning(new Error('The connection was closed on our side'))
  }

  /** Says goodbye and waits for the server to hang up; one that does not answer is cut off. */
  close(): Promise<void> {
    if (this.#wire.stream.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.destroy(), GOODBYE_MS)
      this.#wire.stream.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      this.#connection.end(() => {})
    })
  }

  /** mysql2 never answers the command under way when its connection is destroyed, so that is done here. */
  #run<T>(command: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#rejectRunning = reject
      command().then(resolve, reject)
    })
  }

  get #wire(): WireConnection {
    return this.#connection as unknown as WireConnection
  }
}

interface Opened {
  readonly connection: mysql.Connection
  /** null under TLS, which has buffers of its own. */
  readonly socket: ReusingSocket | null
}

async function connect(connection: Connection, where: string): Promise<Opened> {
  const fields = connection as unknown as ConnectionFields
  const encryption = encryptionOf(fields)
  try {
    return await connectAs(fields, encryption)
  } catch (error) {
    if (!encryption.optional || !noTls(error)) throw mapConnectError(error, where, encryption.ssl !== null)
  }
  return connectAs(fields, PLAIN).catch((error: unknown) => {
    throw mapConnectError(error, where, false)
  })
}

function connectAs(fields: ConnectionFields, { ssl }: Encryption): Promise<Opened> {
  const options: mysql.ConnectionOptions = {
    user: fields.user ?? 'root',
    password: fields.password ?? '',
    database: fields.db,
    charset: 'utf8mb4',
    flags: ['-FOUND_ROWS'],
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Its compiled parsers pay for large results only, which do not come this way.
    disableEval: true,
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
    if (ssl?.verifyIdentity && isIP(host) !== 0) {
      verifyAddress(connection as unknown as WireConnection, ssl, host)
    }
    connection.connect((error) => (error ? reject(error) : resolve({ connection, socket })))
  })
}

/** Runs statements one after another, naming the one that fails. */
export async function runStatements(
  session: Session,
  statements: readonly string[],
  what: string,
): Promise<void> {
  for (const [index, sql] of statements.entries()) {
    await session.query(sql).catch((error: unknown) => {
      throw mapError(error, `${what}[${index}]`)
    })
  }
}
