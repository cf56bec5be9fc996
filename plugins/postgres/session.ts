import type { Socket } from 'node:net'
import type { Batch, Connection, Endpoint, ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import type { RowTarget } from '../../src/sql/row-stream.js'
import { RowStream } from '../../src/sql/row-stream.js'
import { selectSql } from '../../src/sql/select.js'
import { fieldsOf, stallMs } from '../../src/sql/server-connection.js'
import { ServerSide } from '../../src/sql/server-side.js'
import type { SessionOptions } from '../../src/sql/server-waits.js'
import { openingSignal, ServerWaits } from '../../src/sql/server-waits.js'
import type { SqlRow, SqlSelect, SqlSession } from '../../src/sql/session.js'
import { movementOf } from '../../src/sql/silence.js'
import { runStatements } from '../../src/sql/user-session.js'
import { ask, askAside, connect, lastOf, type Opened, rowsOf } from './connection.js'
import { describeConnection } from './connection-fields.js'
import { copyIn, copyOut } from './copy.js'
import { postgresDialect } from './dialect.js'
import type { PgResult } from './driver.js'
import { asLost, sqlState } from './errors.js'
import { oddValueError } from './odd-value.js'
import { serverBackend } from './server-backend.js'
import { checkSession, setUpSession, setZone } from './session-settings.js'
import { RowDecoder } from './transcode.js'

const SEARCH_MS = 2_000
const COMMIT_GRACE_MS = 1_000
const CANCELED = '57014'
const ROLLED_BACK = '40000'

/** One open session. Every wait in it ends: by the answer, when the user interrupts it, or when the server is gone. */
export class PostgresSession implements SqlSession {
  readonly dialect: SqlDialect = postgresDialect
  /** Without secrets, for messages. */
  readonly where: string
  readonly #opened: Opened
  readonly #side: ServerSide
  readonly #waits: ServerWaits
  #decoder: RowDecoder | null = null
  #spent = false
  /** Its readers keep it when they leave a result early, and after an error: its snapshot would go with it. */
  inSnapshot = false

  private constructor(opened: Opened, connection: Connection, options: SessionOptions) {
    const silentMs = stallMs(fieldsOf(connection))
    this.#opened = opened
    this.where = describeConnection(connection)
    this.#side = new ServerSide(serverBackend, (ms, use) => askAside(connection, ms, use), silentMs)
    this.#waits = new ServerWaits(
      {
        where: this.where,
        movement: () => movementOf(opened.tcp),
        look: () => this.#side.look(),
        cut: () => opened.tcp.destroy(),
        // The first takes no session; the second sees to it that all is over.
        end: () => opened.cancel().then(() => this.#side.end()),
        asLost: (thrown) => asLost(thrown, this.where),
      },
      silentMs,
      options,
    )
  }

  static async open(
    endpoint: Pick<Endpoint, 'connection' | 'session' | 'timeZone'>,
    options: SessionOptions = {},
  ): Promise<PostgresSession> {
    const opened = await connect(endpoint.connection, openingSignal(options))
    const session = new PostgresSession(opened, endpoint.connection, options)
    const query = (sql: string) => session.query(sql)
    try {
      await setUpSession(query)
      await session.#side.identify(query)
      await runStatements(session, endpoint.session, '"session"')
      if (endpoint.session.length > 0) await checkSession(query)
      if (endpoint.timeZone !== undefined) await setZone(query, endpoint.timeZone, session.where)
    } catch (error) {
      session.destroy()
      await session.close()
      throw session.dialect.error(error, 'session set-up')
    }
    return session
  }

  async query(sql: string, graceMs?: number): Promise<readonly SqlRow[]> {
    return rowsOf(await this.#ask(sql, false, graceMs))
  }

  /** The names of an EXPLAIN are looked up and its privileges checked as if it ran. */
  async check(sql: string): Promise<void> {
    await this.#ask(`EXPLAIN ${sql}`, true)
  }

  async run(sql: string): Promise<number> {
    return lastOf(await this.#ask(sql)).rowCount ?? 0
  }

  async search(select: SqlSelect): Promise<readonly SqlRow[] | null> {
    const [before] = await this.query('SHOW statement_timeout')
    await this.query(`SET statement_timeout = ${SEARCH_MS}`)
    try {
      return await this.query(selectSql(select))
    } catch (error) {
      if (sqlState(error) === CANCELED) return null
      throw error
    } finally {
      if (!this.spent) await this.query(`SET statement_timeout = '${before![0]}'`)
    }
  }

  stream(spec: ReadSpec, sql: string): AsyncIterable<Batch> {
    return new RowStream(this, spec, `COPY (${sql}) TO STDOUT`, oddValueError).batches()
  }

  giveUp(): void {
    this.#spent = true
  }

  get spent(): boolean {
    return this.#spent || this.#stream.destroyed
  }

  /** Whatever the session's default is: after waiting for a lock, a statement has to see what its holder has committed. */
  async begin(): Promise<void> {
    await this.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  }

  /** Waits for the answer a little after an interruption: it says whether the rows are there. */
  async commit(): Promise<void> {
    const { command } = lastOf(await this.#ask('COMMIT', false, COMMIT_GRACE_MS))
    // What the server says, without an error, where a statement of the transaction has failed.
    if (command === 'ROLLBACK')
      throw new RowshiftError('SERVER_ERROR', `${this.where} has rolled the transaction back.`, {
        sqlstate: ROLLED_BACK,
      })
  }

  /** It warns where no transaction is open. */
  async rollback(): Promise<void> {
    await this.query('ROLLBACK')
  }

  /** Opens a transaction that sees what the one that has exported the snapshot sees, and has done `first`, until the session is closed. */
  async joinSnapshot(id: string, first: () => Promise<void>): Promise<void> {
    await this.query('SET idle_in_transaction_session_timeout = 0')
    await this.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await this.query(`SET TRANSACTION SNAPSHOT ${this.dialect.text(id)}`)
    await first()
    await this.query('SAVEPOINT rowshift')
    this.inSnapshot = true
  }

  /** Of a COPY to the client. */
  readRows(sql: string, target: RowTarget): Promise<void> {
    const decoder = (this.#decoder ??= new RowDecoder())
    decoder.start(target)
    return this.#command(() => copyOut(this.#opened.client, sql, decoder))
  }

  /** Runs a COPY from the client, and resolves to how many rows the server has stored. When `pieces` throws, none of them are. */
  load(sql: string, pieces: AsyncIterable<Buffer>): Promise<number> {
    return this.#command(() => copyIn(this.#opened.client, sql, this.#waits.feed(pieces)))
  }

  pause(): void {
    this.#waits.paused = true
    this.#stream.pause()
  }

  resume(): void {
    this.#waits.paused = false
    this.#stream.resume()
  }

  bind(signal: AbortSignal): () => void {
    return this.#waits.bind(signal)
  }

  destroy(): void {
    this.#waits.destroy()
  }

  close(): Promise<void> {
    if (this.#stream.destroyed) return this.#waits.closed()
    return this.#waits.close(() => this.#opened.client.end().catch(() => {}))
  }

  #ask(sql: string, extended?: boolean, graceMs?: number): Promise<PgResult | readonly PgResult[]> {
    return this.#command(() => ask(this.#opened.client, sql, extended), graceMs)
  }

  /** An error ends the transaction, and a snapshot is one. */
  async #command<T>(command: () => Promise<T>, graceMs?: number): Promise<T> {
    try {
      return await this.#waits.run(command, graceMs)
    } catch (error) {
      if (this.inSnapshot && sqlState(error) !== null && !this.spent)
        await this.#waits.run(() => ask(this.#opened.client, 'ROLLBACK TO SAVEPOINT rowshift'))
      throw error
    }
  }

  get #stream(): Socket {
    return this.#opened.client.connection.stream
  }
}
