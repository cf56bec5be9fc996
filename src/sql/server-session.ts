import type { Connection } from '../contract/endpoint.js'
import type { Encryption } from './encryption.js'
import { encryptionOf, PLAIN } from './encryption.js'
import type { ServerFields } from './server-connection.js'
import { fieldsOf, stallMs } from './server-connection.js'
import type { Ask, ServerSideSql } from './server-side.js'
import { ServerSide } from './server-side.js'
import type { SessionOptions } from './server-waits.js'
import { ServerWaits, unlessAborted } from './server-waits.js'
import type { SqlDialect } from './dialect.js'
import type { MovingSocket } from './silence.js'
import { movementOf } from './silence.js'

/** How one driver makes connections of its own kind. */
export interface ServerDriver<Opened> {
  /** The connection without secrets. */
  describe(connection: Connection): string
  connect(fields: ServerFields, encryption: Encryption, signal: AbortSignal | undefined): Promise<Opened>
  /** Whether a connection failed for want of a TLS that both ends have. */
  hasNoTls(thrown: unknown): boolean
  connectError(thrown: unknown, where: string, encrypted: boolean): Error
  ask(opened: Opened, sql: string): ReturnType<Ask>
  /** Ends one that nothing is under way in. */
  hangUp(opened: Opened): void
  /** What is under TLS, where there is any. */
  socket(opened: Opened): MovingSocket
  /** Cuts it, whatever is under way. */
  cut(opened: Opened): void
  /** Asks the server to stop what it does for it, in a way that takes no session. Default: there is none. */
  cancel?(opened: Opened): Promise<void>
  /** What it says of a connection that has ended, as a `LostConnection`; anything else as it is. */
  asLost(thrown: unknown, where: string): Error
  readonly side: ServerSideSql
}

/** By TLS; without it where the server has none and the connection may do without. */
export async function openConnection<Opened>(
  driver: ServerDriver<Opened>,
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const fields = fieldsOf(connection)
  const encryption = encryptionOf(fields)
  const fail = (error: unknown, encrypted: boolean) => {
    throw driver.connectError(error, driver.describe(connection), encrypted)
  }
  try {
    return await driver.connect(fields, encryption, signal)
  } catch (error) {
    if (!encryption.optional || !driver.hasNoTls(error)) fail(error, encryption.ssl !== null)
  }
  return driver.connect(fields, PLAIN, signal).catch((error: unknown) => fail(error, false))
}

/** Over a second connection, which lasts as long as `use` and at most so many milliseconds. */
async function askAside<Opened, T>(
  driver: ServerDriver<Opened>,
  connection: Connection,
  ms: number,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(ms)
  const opened = await openConnection(driver, connection, signal)
  try {
    const work = use((sql) => driver.ask(opened, sql))
    return await unlessAborted(signal, driver.describe(connection), work)
  } finally {
    driver.hangUp(opened)
  }
}

/** What the sessions of all servers have alike. Every wait in one ends: by the answer, when the user interrupts it, or when the server is gone. */
export abstract class ServerSession<Opened> {
  abstract readonly dialect: SqlDialect
  /** Without secrets, for messages. */
  readonly where: string
  /** Its readers keep it when they leave a result early: its snapshot would go with it. */
  inSnapshot = false
  protected readonly opened: Opened
  protected readonly waits: ServerWaits
  readonly #side: ServerSide
  #spent = false

  protected constructor(
    driver: ServerDriver<Opened>,
    opened: Opened,
    connection: Connection,
    options: SessionOptions,
  ) {
    const silentMs = stallMs(fieldsOf(connection))
    const where = driver.describe(connection)
    const side = new ServerSide(driver.side, (ms, use) => askAside(driver, connection, ms, use), silentMs)
    const link = {
      where,
      movement: () => movementOf(driver.socket(opened)),
      look: () => side.look(),
      cut: () => driver.cut(opened),
      end: async () => {
        await driver.cancel?.(opened)
        // Sees to it that all is over.
        await side.end()
      },
      asLost: (thrown: unknown) => driver.asLost(thrown, where),
    }
    this.where = where
    this.opened = opened
    this.#side = side
    this.waits = new ServerWaits(link, silentMs, options)
  }

  /** Sends and gets bytes; another one after TLS has begun. */
  protected abstract readonly socket: { readonly destroyed: boolean }
  protected abstract readonly flow: { pause(): void; resume(): void }

  abstract query(sql: string): ReturnType<Ask>

  /** Says goodbye, and resolves when the server has hung up. */
  protected abstract goodbye(): Promise<void>

  /** Runs what a new session needs; closes it when that fails. */
  protected async setUp(before: () => Promise<void>, after: () => Promise<void>): Promise<this> {
    try {
      await before()
      await this.#side.identify((sql) => this.query(sql))
      await after()
      return this
    } catch (error) {
      this.destroy()
      await this.close()
      throw this.dialect.error(error, 'session set-up')
    }
  }

  giveUp(): void {
    this.#spent = true
  }

  get spent(): boolean {
    return this.#spent || this.socket.destroyed
  }

  pause(): void {
    this.waits.paused = true
    this.flow.pause()
  }

  resume(): void {
    this.waits.paused = false
    this.flow.resume()
  }

  bind(signal: AbortSignal): () => void {
    return this.waits.bind(signal)
  }

  destroy(): void {
    this.waits.destroy()
  }

  close(): Promise<void> {
    return this.socket.destroyed ? this.waits.closed() : this.waits.close(() => this.goodbye())
  }
}
