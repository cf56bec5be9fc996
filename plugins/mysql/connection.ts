import type { TextRow } from './driver.js'
import type mysql from 'mysql2'
import type { Batch, Endpoint, ReadSpec } from '../../src/contract/plugin.js'
import { whereClause } from '../../src/sql/range.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { fieldsOf } from '../../src/sql/server-connection.js'
import { openConnection, ServerSession } from '../../src/sql/server-session.js'
import type { SessionOptions } from '../../src/sql/server-waits.js'
import { openingSignal } from '../../src/sql/server-waits.js'
import type { SqlSelect, SqlSession } from '../../src/sql/session.js'
import type { RowTarget } from '../../src/sql/row-stream.js'
import { RowStream } from '../../src/sql/row-stream.js'
import { runStatements } from '../../src/sql/user-session.js'
import { ask, driver, type Opened, prepared, runStatement } from './connect.js'
import { mysqlDialect } from './dialect.js'
import type { OkResult, ResultField, WireConnection } from './driver.js'
import { checkReadWarnings } from './read-warnings.js'
import { queryRows } from './rows.js'
import { checkSession, setUpSession } from './session-settings.js'
import { text } from './sql.js'
import { RowDecoder } from './transcode.js'
import { loadData, probeWire, queryBytes, sendCommand } from './wire.js'

const SEARCH_SECONDS = 2
/** A statement was stopped for its time: MySQL, MariaDB. */
const STOPPED = new Set([3024, 1969])
const COMMIT_GRACE_MS = 1_000

/** One open session. */
export class Session extends ServerSession<Opened> implements SqlSession {
  readonly dialect: SqlDialect = mysqlDialect
  /** The user's `session` was run in it. */
  hasUserStatements = false
  #decoder: RowDecoder | null = null
  /** Of the result that was read last. */
  #warnings = 0

  static async open(
    { connection, session: statements }: Pick<Endpoint, 'connection' | 'session'>,
    options: SessionOptions = {},
  ): Promise<Session> {
    const opened = await openConnection(driver, connection, openingSignal(options))
    const session = new Session(driver, opened, connection, options)
    return session.setUp(
      async () => {
        await setUpSession(session)
        await session.waits.run(() => probeWire(session.#wire))
      },
      async () => {
        await runStatements(session, statements, '"session"')
        session.hasUserStatements = statements.length > 0
        if (session.hasUserStatements) await checkSession(session, fieldsOf(connection).db, statements)
      },
    )
  }

  /** The server takes `execute`. */
  get takesBulk(): boolean {
    return this.opened.bulk
  }

  query(
    sql: string,
    onFields?: (fields: readonly ResultField[]) => void,
    graceMs?: number,
  ): Promise<TextRow[]> {
    return this.waits.run(() => ask(this.#connection, sql, onFields), graceMs)
  }

  /** The statement stays prepared until the next one takes its name, or the session ends. */
  async check(sql: string): Promise<void> {
    await this.query(`PREPARE rowshift_probe FROM ${text(sql)}`)
  }

  run(sql: string): Promise<number> {
    return this.waits.run(() => runStatement(this.#connection, sql))
  }

  search({ select, from, where, tail = '' }: SqlSelect, seconds = SEARCH_SECONDS): Promise<TextRow[] | null> {
    // The first comment is for MariaDB, the second for MySQL.
    const limit = `/*M! SET STATEMENT max_statement_time = ${seconds} FOR */ SELECT /*+ MAX_EXECUTION_TIME(${seconds * 1000}) */`
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
    this.opened.socket?.readInto(decoder.chunk)
    try {
      this.#warnings = await this.waits.run(() => queryRows(this.#wire, sql, decoder.into(target)))
    } finally {
      this.opened.socket?.release()
    }
  }

  send(sql: Buffer): Promise<OkResult> {
    return this.waits.run(() => queryBytes(this.#wire, sql))
  }

  /** Its number. The statement is kept, so that it is prepared once. */
  prepare(sql: string): Promise<number> {
    return this.waits.run(() => prepared(this.#connection, sql))
  }

  /** Executes a prepared statement with many rows of parameters, which `BulkBuilder` has made. */
  execute(payload: Buffer): Promise<OkResult> {
    return this.waits.run(() => sendCommand(this.#wire, payload))
  }

  load(sql: string, pieces: AsyncIterable<Buffer>): Promise<OkResult> {
    return this.waits.run(() => loadData(this.#wire, sql, this.waits.feed(pieces)))
  }

  protected override goodbye(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.once('close', resolve)
      this.#connection.end(() => {})
    })
  }

  protected override get socket(): WireConnection['stream'] {
    return this.#wire.stream
  }

  protected override get flow(): mysql.Connection {
    return this.#connection
  }

  get #connection(): mysql.Connection {
    return this.opened.connection
  }

  get #wire(): WireConnection {
    return this.#connection as unknown as WireConnection
  }
}
