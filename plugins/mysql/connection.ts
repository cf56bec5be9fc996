import type { TextRow } from './driver.js'
import type mysql from 'mysql2'
import type { Batch, Connection, Endpoint, ReadSpec } from '../../src/contract/plugin.js'
import { whereClause } from '../../src/sql/range.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { fieldsOf, stallMs } from '../../src/sql/server-connection.js'
import { ServerSide } from '../../src/sql/server-side.js'
import type { ServerLink, SessionOptions } from '../../src/sql/server-waits.js'
import { openingSignal, ServerWaits } from '../../src/sql/server-waits.js'
import type { SqlSelect, SqlSession } from '../../src/sql/session.js'
import type { RowTarget } from '../../src/sql/row-stream.js'
import { RowStream } from '../../src/sql/row-stream.js'
import { movementOf } from '../../src/sql/silence.js'
import { runStatements } from '../../src/sql/user-session.js'
import { ask, askAside, connect, cutOff, type Opened, prepared, runStatement } from './connect.js'
import { describeConnection } from './connection-fields.js'
import { mysqlDialect } from './dialect.js'
import type { OkResult, ResultField, WireConnection } from './driver.js'
import { asLost } from './errors.js'
import { checkReadWarnings } from './read-warnings.js'
import { queryRows } from './rows.js'
import { serverThread } from './server-thread.js'
import { checkSession, setUpSession } from './session-settings.js'
import type { ReusingSocket } from './socket.js'
import { text } from './sql.js'
import { RowDecoder } from './transcode.js'
import { loadData, probeWire, queryBytes, sendCommand } from './wire.js'

const SEARCH_SECONDS = 2
/** A statement was stopped for its time: MySQL, MariaDB. */
const STOPPED = new Set([3024, 1969])
const COMMIT_GRACE_MS = 1_000

/** One open session. Every wait in it ends: by the answer, when the user interrupts it, or when the server is gone. */
export class Session implements SqlSession {
  readonly dialect: SqlDialect = mysqlDialect
  readonly #connection: mysql.Connection
  readonly #socket: ReusingSocket | null
  /** Without secrets, for messages. */
  readonly where: string
  /** The server takes `execute`. */
  readonly takesBulk: boolean
  readonly #thread: ServerSide
  readonly #waits: ServerWaits
  #decoder: RowDecoder | null = null
  #spent = false
  /** Of the result that was read last. */
  #warnings = 0

  private constructor(opened: Opened, connection: Connection, options: SessionOptions) {
    const silentMs = stallMs(fieldsOf(connection))
    this.#connection = opened.connection
    this.#socket = opened.socket
    this.where = describeConnection(connection)
    this.takesBulk = opened.bulk
    this.#thread = new ServerSide(serverThread, (ms, use) => askAside(connection, ms, use), silentMs)
    const link: ServerLink = {
      where: this.where,
      movement: () => movementOf(opened.tcp),
      look: () => this.#thread.look(),
      cut: () => cutOff(opened.connection),
      end: () => this.#thread.end(),
      asLost: (thrown) => asLost(thrown, this.where),
    }
    this.#waits = new ServerWaits(link, silentMs, options)
  }

  static async open(
    endpoint: Pick<Endpoint, 'connection' | 'session'>,
    options: SessionOptions = {},
  ): Promise<Session> {
    const opened = await connect(endpoint.connection, openingSignal(options))
    const session = new Session(opened, endpoint.connection, options)
    try {
      await setUpSession(session)
      await session.#waits.run(() => probeWire(session.#wire))
      await session.#thread.identify((sql) => session.query(sql))
      await runStatements(session, endpoint.session, '"session"')
      session.hasUserStatements = endpoint.session.length > 0
      if (session.hasUserStatements)
        await checkSession(session, fieldsOf(endpoint.connection).db, endpoint.session)
    } catch (error) {
      session.destroy()
      await session.close()
      throw session.dialect.error(error, 'session set-up')
    }
    return session
  }

  /** The user's `session` was run in it. */
  hasUserStatements = false

  /** Its readers keep it when they leave a result early: its snapshot would go with it. */
  inSnapshot = false

  query(
    sql: string,
    onFields?: (fields: readonly ResultField[]) => void,
    graceMs?: number,
  ): Promise<TextRow[]> {
    return this.#waits.run(() => ask(this.#connection, sql, onFields), graceMs)
  }

  async check(sql: string): Promise<void> {
    await this.query(`PREPARE rowshift_probe FROM ${text(sql)}`)
    await this.query('DEALLOCATE PREPARE rowshift_probe')
  }

  run(sql: string): Promise<number> {
    return this.#waits.run(() => runStatement(this.#connection, sql))
  }

  search({ select, from, where, tail = '' }: SqlSelect): Promise<TextRow[] | null> {
    // The first comment is for MariaDB, the second for MySQL.
    const limit = `/*M! SET STATEMENT max_statement_time = ${SEARCH_SECONDS} FOR */ SELECT /*+ MAX_EXECUTION_TIME(${SEARCH_SECONDS * 1000}) */`
    return this.query(`${limit} ${select.join(', ')} FROM ${from}${whereClause(where)}${tail}`).catch(
      (error: { errno?: number }) => {
        if (STOPPED.has(error.errno ?? 0)) return null
        throw error
      },
    )
  }

  async *stream(spec: ReadSpec, sql: string): AsyncGenerator<Batch> {
    yield* new RowStream(this, spec, sql).batches()
    if (this.#warnings > 0) await checkReadWarnings((asked) => this.query(asked), spec, this.#warnings)
  }

  giveUp(): void {
    this.#spent = true
  }

  get spent(): boolean {
    return this.#spent || this.#wire.stream.destroyed
  }

  async begin(): Promise<void> {
    await this.query('START TRANSACTION')
  }

  /** Waits for the answer a little after an interruption: it says whether the rows are there. */
  async commit(): Promise<void> {
    await this.query('COMMIT', undefined, COMMIT_GRACE_MS)
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK')
  }

  async readRows(sql: string, target: RowTarget): Promise<void> {
    const decoder = (this.#decoder ??= new RowDecoder())
    this.#socket?.readInto(decoder.chunk)
    try {
      this.#warnings = await this.#waits.run(() => queryRows(this.#wire, sql, decoder.into(target)))
    } finally {
      this.#socket?.release()
    }
  }

  send(sql: Buffer): Promise<OkResult> {
    return this.#waits.run(() => queryBytes(this.#wire, sql))
  }

  /** Its number. The statement is kept, so that it is prepared once. */
  prepare(sql: string): Promise<number> {
    return this.#waits.run(() => prepared(this.#connection, sql))
  }

  /** Executes a prepared statement with many rows of parameters, which `BulkBuilder` has made. */
  execute(payload: Buffer): Promise<OkResult> {
    return this.#waits.run(() => sendCommand(this.#wire, payload))
  }

  load(sql: string, pieces: AsyncIterable<Buffer>): Promise<OkResult> {
    return this.#waits.run(() => loadData(this.#wire, sql, this.#waits.feed(pieces)))
  }

  pause(): void {
    this.#waits.paused = true
    this.#connection.pause()
  }

  resume(): void {
    this.#waits.paused = false
    this.#connection.resume()
  }

  bind(signal: AbortSignal): () => void {
    return this.#waits.bind(signal)
  }

  destroy(): void {
    this.#waits.destroy()
  }

  close(): Promise<void> {
    const { stream } = this.#wire
    const goodbye = () =>
      new Promise<void>((resolve) => {
        stream.once('close', resolve)
        this.#connection.end(() => {})
      })
    return stream.destroyed ? this.#waits.closed() : this.#waits.close(goodbye)
  }

  get #wire(): WireConnection {
    return this.#connection as unknown as WireConnection
  }
}
