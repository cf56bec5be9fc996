import type { Socket } from 'node:net'
import type { Batch, Endpoint, ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import type { RowTarget } from '../../src/sql/row-stream.js'
import { RowStream } from '../../src/sql/row-stream.js'
import { selectSql } from '../../src/sql/select.js'
import { openConnection, ServerSession } from '../../src/sql/server-session.js'
import type { SessionOptions } from '../../src/sql/server-waits.js'
import { openingSignal } from '../../src/sql/server-waits.js'
import type { SqlRow, SqlSelect, SqlSession } from '../../src/sql/session.js'
import { runStatements } from '../../src/sql/user-session.js'
import { ask, driver, lastOf, type Opened, rowsOf } from './connection.js'
import { copyIn, copyOut } from './copy.js'
import { postgresDialect } from './dialect.js'
import type { PgResult } from './driver.js'
import { sqlState } from './errors.js'
import { oddValueError } from './odd-value.js'
import { checkSession, setUpSession, setZone } from './session-settings.js'
import { RowDecoder } from './transcode.js'

const SEARCH_SECONDS = 2
const COMMIT_GRACE_MS = 1_000
const CANCELED = '57014'
const ROLLED_BACK = '40000'

/** One open session. An error would end its snapshot, which is a transaction. */
export class PostgresSession extends ServerSession<Opened> implements SqlSession {
  readonly dialect: SqlDialect = postgresDialect
  #decoder: RowDecoder | null = null

  static async open(
    { connection, session: statements, timeZone }: Pick<Endpoint, 'connection' | 'session' | 'timeZone'>,
    options: SessionOptions = {},
  ): Promise<PostgresSession> {
    const opened = await openConnection(driver, connection, openingSignal(options))
    const session = new PostgresSession(driver, opened, connection, options)
    const query = (sql: string) => session.query(sql)
    return session.setUp(
      () => setUpSession(query),
      async () => {
        await runStatements(session, statements, '"session"')
        if (statements.length > 0) await checkSession(query)
        if (timeZone !== undefined) await setZone(query, timeZone, session.where)
      },
    )
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

  /** Runs one statement; throws where there are more. */
  async runOne(sql: string): Promise<void> {
    await this.#ask(sql, true)
  }

  async search(select: SqlSelect, seconds = SEARCH_SECONDS): Promise<readonly SqlRow[] | null> {
    const [before] = await this.query('SHOW statement_timeout')
    await this.query(`SET statement_timeout = ${seconds * 1000}`)
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
    return this.#command(() => copyOut(this.opened.client, sql, decoder))
  }

  /** Runs a COPY from the client, and resolves to how many rows the server has stored. When `pieces` throws, none of them are. */
  load(sql: string, pieces: AsyncIterable<Buffer>): Promise<number> {
    return this.#command(() => copyIn(this.opened.client, sql, this.waits.feed(pieces)))
  }

  protected override goodbye(): Promise<void> {
    return this.opened.client.end().catch(() => {})
  }

  #ask(sql: string, extended?: boolean, graceMs?: number): Promise<PgResult | readonly PgResult[]> {
    return this.#command(() => ask(this.opened.client, sql, extended), graceMs)
  }

  /** An error ends the transaction, and a snapshot is one. */
  async #command<T>(command: () => Promise<T>, graceMs?: number): Promise<T> {
    try {
      return await this.waits.run(command, graceMs)
    } catch (error) {
      if (this.inSnapshot && sqlState(error) !== null && !this.spent)
        await this.waits.run(() => ask(this.opened.client, 'ROLLBACK TO SAVEPOINT rowshift'))
      throw error
    }
  }

  protected override get socket(): Socket {
    return this.opened.client.connection.stream
  }

  protected override get flow(): Socket {
    return this.socket
  }
}
