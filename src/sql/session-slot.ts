import type { SqlSession } from './session.js'

/** The one session of a reader or writer: opened when it is first needed, and again after it was given up. */
export class SessionSlot<S extends SqlSession> {
  readonly #open: (signal: AbortSignal | undefined) => Promise<S>
  #session: Promise<S> | null = null
  /** What the server still does for sessions that were dropped. */
  readonly #dropped = new Set<Promise<void>>()
  /** Of everything that is awaited here. */
  signal: AbortSignal | undefined

  constructor(open: (signal: AbortSignal | undefined) => Promise<S>) {
    this.#open = open
  }

  async get(): Promise<S> {
    const held = (this.#session ??= this.#begin())
    const session = await held
    if (!session.spent) return session
    // Others may have seen it too, and opened the next one already.
    if (this.#session === held) this.drop()
    return this.get()
  }

  /** There was a session, and it is of no more use. */
  async isLost(): Promise<boolean> {
    return (await this.#session)?.spent ?? true
  }

  #begin(): Promise<S> {
    const opened = this.#open(this.signal).catch((error: unknown) => {
      if (this.#session === opened) this.#session = null
      throw error
    })
    return opened
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
      // A session may hold a megabyte of memory to read into.
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
