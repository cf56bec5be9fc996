import type { TextRow } from './driver.js'
import { setMaxListeners } from 'node:events'
import type mysql from 'mysql2'
import type { Batch, Connection, Endpoint, ReadSpec } from '../../src/contract/plugin.js'
import { onAbort } from '../../src/contract/plugin.js'
import { whereClause } from '../../src/sql/range.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { fieldsOf, stallMs } from '../../src/sql/server-connection.js'
import type { SqlSelect, SqlSession } from '../../src/sql/session.js'
import { askBounded } from './bounded.js'
import { ask, askAside, connect, cutOff, interrupted, type Opened, runStatement } from './connect.js'
import { describeConnection } from './connection-fields.js'
import { mysqlDialect } from './dialect.js'
import type { OkResult, ResultField, WireConnection } from './driver.js'
import { asLost, LostConnection, mapError } from './errors.js'
import { RowStream } from './row-stream.js'
import { queryRows } from './rows.js'
import { ServerThread } from './server-thread.js'
import { checkSession, setUpSession } from './session-settings.js'
import { movementOf, SilenceWatch } from './silence.js'
import type { ReusingSocket } from './socket.js'
import { text } from './sql.js'
import type { RowTarget } from './transcode.js'
import { RowDecoder } from './transcode.js'
import { loadData, probeWire, queryBytes } from './wire.js'

const GOODBYE_MS = 1_000
const COMMIT_GRACE_MS = 1_000

export interface SessionOptions {
  /** When it aborts, what the session waits for is given up, on the server as well, and nothing new begins. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for which answers are awaited all the same after that (0). */
  readonly graceMs?: number
}

/** Somebody waits for an answer. */
interface Wait {
  readonly reject: (error: Error) => void
  readonly graceMs: number
  timer?: NodeJS.Timeout
}

/** One open session. Every wait in it ends: by the answer, when the user interrupts it, or when the server is gone. */
export class Session implements SqlSession {
  readonly dialect: SqlDialect = mysqlDialect
  readonly #connection: mysql.Connection
  readonly #socket: ReusingSocket | null
  /** Without secrets, for messages. */
  readonly where: string
  readonly #signal: AbortSignal | undefined
  readonly #graceMs: number
  readonly #watch: SilenceWatch
  readonly #thread: ServerThread
  readonly #waits = new Set<Wait>()
  readonly #interrupt = () => this.interrupt()
  #unbind = () => {}
  #decoder: RowDecoder | null = null
  #paused = false
  #interrupted = false
  #spent = false
  /** A load waits for rows to send. */
  #starved = false
  /** The server's side of a session that was given up. */
  #ended: Promise<void> = Promise.resolve()

  private constructor(opened: Opened, connection: Connection, { signal, graceMs = 0 }: SessionOptions) {
    this.#connection = opened.connection
    this.#socket = opened.socket
    this.where = describeConnection(connection)
    this.#signal = signal
    this.#graceMs = graceMs
    this.#thread = new ServerThread((ms, use) => askAside(connection, ms, use), stallMs(fieldsOf(connection)))
    this.#watch = new SilenceWatch(
      {
        awaiting: () => this.#waits.size > 0 && !this.#paused && !this.#starved,
        movement: () => movementOf(opened.tcp),
        look: () => this.#thread.look(),
        onDead: (reason) => this.#giveUp(new LostConnection(this.where, reason)),
      },
      stallMs(fieldsOf(connection)),
    )
    if (signal) setMaxListeners(0, signal)
    this.#unbind = onAbort(signal, this.#interrupt)
  }

  static async open(
    endpoint: Pick<Endpoint, 'connection' | 'session'>,
    options: SessionOptions = {},
  ): Promise<Session> {
    const { signal, graceMs = 0 } = options
    const late = signal?.aborted && graceMs > 0
    const opened = await connect(endpoint.connection, late ? AbortSignal.timeout(graceMs) : signal)
    const session = new Session(opened, endpoint.connection, options)
    try {
      await setUpSession(session)
      await session.#run(() => probeWire(session.#wire))
      await session.#thread.identify((sql) => session.query(sql))
      await runStatements(session, endpoint.session, '"session"')
      if (endpoint.session.length > 0)
        await checkSession(session, fieldsOf(endpoint.connection).db, endpoint.session)
    } catch (error) {
      session.destroy()
      await session.close()
      throw error
    }
    return session
  }

  /** Its readers keep it when they leave a result early: its snapshot would go with it. */
  inSnapshot = false

  query(
    sql: string,
    onFields?: (fields: readonly ResultField[]) => void,
    graceMs = this.#graceMs,
  ): Promise<TextRow[]> {
    return this.#run(() => ask(this.#connection, sql, onFields), graceMs)
  }

  async check(sql: string): Promise<void> {
    await this.query(`PREPARE rowshift_probe FROM ${text(sql)}`)
    await this.query('DEALLOCATE PREPARE rowshift_probe')
  }

  run(sql: string): Promise<number> {
    return this.#run(() => runStatement(this.#connection, sql))
  }

  search({ select, from, where, tail = '' }: SqlSelect): Promise<TextRow[] | null> {
    return askBounded(this, `${select.join(', ')} FROM ${from}${whereClause(where)}${tail}`)
  }

  async *stream(spec: ReadSpec, sql: string): AsyncGenerator<Batch> {
    const rows = new RowStream(this, spec, sql)
    let ended = false
    try {
      yield* rows.batches()
      ended = true
    } finally {
      // Reading the rest costs time, but a session given up would take its snapshot with it.
      if (!ended && this.inSnapshot) await rows.discard()
      else if (!ended) this.#spent = true
    }
  }

  get spent(): boolean {
    return this.#spent
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
      await this.#run(() => queryRows(this.#wire, sql, decoder.into(target)))
    } finally {
      this.#socket?.release()
    }
  }

  send(sql: Buffer): Promise<OkResult> {
    return this.#run(() => queryBytes(this.#wire, sql))
  }

  load(sql: string, pieces: AsyncIterable<Buffer>): Promise<OkResult> {
    return this.#run(() => loadData(this.#wire, sql, this.#fed(pieces)))
  }

  pause(): void {
    this.#paused = true
    this.#connection.pause()
  }

  resume(): void {
    this.#paused = false
    this.#connection.resume()
  }

  /** From now on the session is given up when `signal` aborts, as by its own signal; until what is returned is called. */
  bind(signal: AbortSignal): () => void {
    if (signal === this.#signal) return () => {}
    return onAbort(signal, this.#interrupt)
  }

  /** Gives up what is awaited, after its time of grace. */
  interrupt(): void {
    this.#interrupted = true
    if (this.#waits.size === 0 && this.#graceMs === 0) this.destroy()
    for (const wait of this.#waits) {
      wait.timer ??= setTimeout(() => this.#giveUp(interrupted(this.where)), wait.graceMs)
    }
  }

  /** Cuts the connection; the server rolls back what was open. */
  destroy(): void {
    const error = new Error('The connection was closed on our side')
    // Whoever closes first must not keep the server at what was interrupted.
    if (this.#interrupted && this.#waits.size > 0) this.#giveUp(error)
    else this.#cut(error)
  }

  /** Says goodbye and waits for the server to hang up; one that does not answer is cut off. */
  async close(): Promise<void> {
    if (this.#wire.stream.destroyed) {
      this.#release()
      return this.#ended
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.destroy(), GOODBYE_MS)
      this.#wire.stream.once('close', () => {
        clearTimeout(timer)
        this.#release()
        resolve(this.#ended)
      })
      this.#connection.end(() => {})
    })
  }

  /** mysql2 never answers the command under way when its connection is destroyed, so that is done here. */
  #run<T>(command: () => Promise<T>, graceMs = this.#graceMs): Promise<T> {
    if (this.#signal?.aborted && graceMs === 0) return Promise.reject(interrupted(this.where))
    return new Promise((resolve, reject) => {
      const wait: Wait = { reject, graceMs }
      const done = () => {
        clearTimeout(wait.timer)
        this.#waits.delete(wait)
      }
      if (this.#waits.size === 0) this.#watch.reset()
      this.#waits.add(wait)
      if (this.#signal?.aborted) this.interrupt()
      command()
        .finally(done)
        .then(resolve, (error: unknown) => reject(asLost(error, this.where)))
    })
  }

  async *#fed(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.#starved = true
    try {
      for await (const piece of pieces) {
        this.#starved = false
        yield piece
        this.#starved = true
      }
    } finally {
      this.#starved = false
    }
  }

  /** A server that works, or waits for a lock, does not notice that its client is gone. */
  #giveUp(error: Error): void {
    this.#cut(error)
    this.#ended = this.#thread.end()
  }

  #cut(error: Error): void {
    this.#release()
    cutOff(this.#connection)
    for (const { reject, timer } of this.#waits) {
      clearTimeout(timer)
      reject(error)
    }
    this.#waits.clear()
  }

  #release(): void {
    this.#watch.stop()
    this.#unbind()
  }

  get #wire(): WireConnection {
    return this.#connection as unknown as WireConnection
  }
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
