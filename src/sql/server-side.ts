/** The server's side of a session, seen from a second connection. */
import type { SqlRow } from './session.js'
import type { Sight } from './silence.js'

export type Ask = (sql: string) => Promise<readonly SqlRow[]>
/** Over a second connection to the same place, for at most so many milliseconds. */
type Aside = <T>(ms: number, use: (ask: Ask) => Promise<T>) => Promise<T>

/** What one kind of server is asked. A second connection may lead to another server, where the id means nothing. */
export interface ServerSideSql {
  /** The SQL of a text that tells servers apart. */
  readonly server: string
  /** The SQL of a text that names the session to all others of its server. */
  readonly id: string
  /** A query for what the server does for a session, in one row of columns that `sight` understands; no row: there is no such session. */
  look(id: string): string
  sight(row: SqlRow): Sight
  /** Ends the session; a second time, when it has ended already, it does nothing. */
  end(ask: Ask, id: string): Promise<unknown>
  /** The server itself has answered with an error. */
  isAnswer(thrown: unknown): boolean
}

const LOOK_MS = 10_000
const END_MS = 2_000

/** It is this machine that cannot open a connection. */
const OWN_FAULTS = new Set(['EAI_AGAIN', 'ENOTFOUND', 'EMFILE', 'ENFILE', 'EADDRNOTAVAIL'])

export class ServerSide {
  readonly #sql: ServerSideSql
  readonly #aside: Aside
  readonly #lookMs: number
  #id: string | null = null
  #server: string | null = null

  constructor(sql: ServerSideSql, aside: Aside, silentMs: number) {
    this.#sql = sql
    this.#aside = aside
    this.#lookMs = Math.min(LOOK_MS, silentMs)
  }

  async identify(ask: Ask): Promise<void> {
    const [row] = await ask(`SELECT ${this.#sql.id}, ${this.#sql.server}`)
    this.#id = row![0]!
    this.#server = row![1]!
  }

  async look(): Promise<Sight> {
    try {
      return await this.#aside(this.#lookMs, async (ask) => {
        const isSame = await this.#isSame(ask)
        // Setting a session up takes no time, so its answer is lost.
        if (this.#id === null) return 'idle'
        if (!isSame) return 'busy'
        const [row] = await ask(this.#sql.look(this.#id))
        return row ? this.#sql.sight(row) : 'ended'
      })
    } catch (error) {
      return this.#saysNothing(error) ? 'busy' : 'unreachable'
    }
  }

  /** Ends what the server does for the session; a server that cannot be asked for it finds out by itself. */
  async end(): Promise<void> {
    const id = this.#id
    if (id === null) return
    await this.#aside(END_MS, async (ask) => {
      if (await this.#isSame(ask)) await this.#sql.end(ask, id)
    }).catch(() => {})
  }

  async #isSame(ask: Ask): Promise<boolean> {
    const [row] = await ask(`SELECT ${this.#sql.server}`)
    return row![0] === this.#server
  }

  /** The server has answered with an error, or was not even asked. */
  #saysNothing(thrown: unknown): boolean {
    const { cause = thrown } = thrown as Error
    const { code = '' } = cause as { code?: string }
    return this.#sql.isAnswer(cause) || OWN_FAULTS.has(code)
  }
}
