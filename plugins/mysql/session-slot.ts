import type { Endpoint } from '../../src/contract/plugin.js'
import type { SessionOptions } from './connection.js'
import { Session } from './connection.js'

type OpenSession = (endpoint: Endpoint, options: SessionOptions) => Promise<Session>

/** The one session of a reader or writer: opened when it is first needed, and again after it was given up. */
export class SessionSlot {
  readonly #endpoint: Endpoint
  readonly #open: OpenSession
  #session: Promise<Session> | null = null
  /** What the server still does for sessions that were dropped. */
  readonly #dropped = new Set<Promise<void>>()
  /** Of everything that is awaited here. */
  signal: AbortSignal | undefined

  constructor(endpoint: Endpoint, open: OpenSession = (at, options) => Session.open(at, options)) {
    this.#endpoint = endpoint
    this.#open = open
  }

  get(): Promise<Session> {
    this.#session ??= this.#open(this.#endpoint, { signal: this.signal }).catch((error: unknown) => {
      this.#session = null
      throw error
    })
    return this.#session
  }

  get empty(): boolean {
    return this.#session === null
  }

  /** It is of no more use: it stands in the middle of a result, or is lost. */
  drop(): void {
    if (this.#session === null) return
    const ended = this.#session
      .then((session) => {
        session.destroy()
        return session.close()
      })
      .catch(() => {})
      // A session holds a megabyte of memory to read into.
      .finally(() => this.#dropped.delete(ended))
    this.#dropped.add(ended)
    this.#session = null
  }

  /** Also of a session that is still being opened, and of what the server still does for those that were given up. */
  async close(): Promise<void> {
    const session = this.#session
    this.#session = null
    await Promise.allSettled([...this.#dropped, session?.then((open) => open.close())])
  }
}
