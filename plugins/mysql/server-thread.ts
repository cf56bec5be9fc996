import type { Sight } from '../../src/sql/silence.js'
import type { TextRow } from './driver.js'

export type Ask = (sql: string) => Promise<TextRow[]>
/** Over a second connection to the same place, for at most so many milliseconds. */
type Aside = <T>(ms: number, use: (ask: Ask) => Promise<T>) => Promise<T>

/** A second connection may lead to another server, where the number of the thread means nothing. */
const SERVER = "CONCAT_WS(':', @@hostname, @@port, @@datadir, @@server_id)"
const LOOK_MS = 10_000
const KILL_MS = 2_000

/** What threads do that are in the middle of sending or receiving: MySQL, MariaDB. */
const ON_THE_NETWORK = new Set([
  'Sending to client',
  'Receiving from client',
  'Writing to net',
  'Reading from net',
])
/** It is this machine that cannot open a connection. */
const OWN_FAULTS = new Set(['EAI_AGAIN', 'ENOTFOUND', 'EMFILE', 'ENFILE', 'EADDRNOTAVAIL'])

/** The server's side of a session. */
export class ServerThread {
  readonly #aside: Aside
  readonly #lookMs: number
  #id: string | null = null
  #server: string | null = null

  constructor(aside: Aside, lockWaitMs: number) {
    this.#aside = aside
    this.#lookMs = Math.min(LOOK_MS, lockWaitMs)
  }

  async identify(ask: Ask): Promise<void> {
    const [row] = await ask(`SELECT CONNECTION_ID(), ${SERVER}`)
    this.#id = row![0]!
    this.#server = row![1]!
  }

  async look(): Promise<Sight> {
    try {
      return await this.#aside(this.#lookMs, async (ask) => {
        const [row] = await ask(
          `SELECT ${SERVER}, COMMAND, STATE FROM (SELECT 1) one
           LEFT JOIN information_schema.PROCESSLIST ON ID = ${this.#id ?? 'NULL'}`,
        )
        const [server, command, state] = row!
        // Setting a session up takes no time, so its answer is lost.
        if (this.#id === null) return 'idle'
        if (server !== this.#server) return 'busy'
        if (command == null) return 'ended'
        if (command === 'Sleep') return 'idle'
        return ON_THE_NETWORK.has(state ?? '') ? 'blocked' : 'busy'
      })
    } catch (error) {
      return saysNothing(error) ? 'busy' : 'unreachable'
    }
  }

  /** Ends what the server does for the session; a server that cannot be asked for it finds out by itself. */
  async end(): Promise<void> {
    if (this.#id === null) return
    await this.#aside(KILL_MS, async (ask) => {
      const [row] = await ask(`SELECT ${SERVER}`)
      if (row![0] === this.#server) await ask(`KILL ${this.#id}`)
    }).catch(() => {})
  }
}

/** The server has answered with an error, or was not even asked. */
function saysNothing(thrown: unknown): boolean {
  const { cause = thrown } = thrown as Error
  const { errno = 0, code = '' } = cause as { errno?: number; code?: string }
  return errno > 0 || OWN_FAULTS.has(code)
}
