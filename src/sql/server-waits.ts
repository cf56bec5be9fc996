/** What a session waits for: each wait ends by the answer, when the user interrupts it, or when the server is gone. */
import { setMaxListeners } from 'node:events'
import { onAbort } from '../contract/waiting.js'
import { RowshiftError } from '../contract/errors.js'
import { LostConnection } from './error-classes.js'
import type { Sight } from './silence.js'
import { SilenceWatch } from './silence.js'

export interface SessionOptions {
  /** When it aborts, what the session waits for is given up, on the server as well, and nothing new begins. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for which answers are awaited all the same after that (0). */
  readonly graceMs?: number
}

const GOODBYE_MS = 1_000

/** The connection that a session has to its server. */
export interface ServerLink {
  /** Without secrets, for messages. */
  readonly where: string
  /** Changes whenever a byte comes or goes. */
  movement(): string
  /** How the session looks from a second connection. */
  look(): Promise<Sight>
  /** Cuts the connection. The driver need not answer what it was asked. */
  cut(): void
  /** Ends what the server does for the session; resolves when that is over. */
  end(): Promise<void>
  /** What the driver says of a connection that has ended, as a {@link LostConnection}; anything else as it is. */
  asLost(thrown: unknown): Error
}

/** Somebody waits for an answer. */
interface Wait {
  readonly reject: (error: Error) => void
  readonly graceMs: number
  timer?: NodeJS.Timeout
}

export class ServerWaits {
  /** It is us who keep the server waiting: its silence means nothing. */
  paused = false
  readonly #link: ServerLink
  readonly #signal: AbortSignal | undefined
  readonly #graceMs: number
  readonly #watch: SilenceWatch
  readonly #waits = new Set<Wait>()
  readonly #interruption = () => this.#interrupt()
  readonly #unbind: () => void
  #interrupted = false
  /** The server's side of a session that was given up. */
  #ended: Promise<void> = Promise.resolve()

  /** `silentMs`: for how long a server that says nothing is waited for. */
  constructor(link: ServerLink, silentMs: number, { signal, graceMs = 0 }: SessionOptions) {
    this.#link = link
    this.#signal = signal
    this.#graceMs = graceMs
    this.#watch = new SilenceWatch(
      {
        awaiting: () => this.#waits.size > 0 && !this.paused,
        movement: () => link.movement(),
        look: () => link.look(),
        onDead: (reason) => this.#giveUp(new LostConnection(link.where, reason)),
      },
      silentMs,
    )
    if (signal) setMaxListeners(0, signal)
    this.#unbind = onAbort(signal, this.#interruption)
  }

  run<T>(command: () => Promise<T>, graceMs = this.#graceMs): Promise<T> {
    if (this.#signal?.aborted && graceMs === 0) return Promise.reject(interrupted(this.#link.where))
    return new Promise((resolve, reject) => {
      const wait: Wait = { reject, graceMs }
      const done = () => {
        clearTimeout(wait.timer)
        this.#waits.delete(wait)
      }
      if (this.#waits.size === 0) this.#watch.reset()
      this.#waits.add(wait)
      if (this.#signal?.aborted) this.#interrupt()
      command()
        .finally(done)
        .then(resolve, (error: unknown) => reject(this.#link.asLost(error)))
    })
  }

  /** From now on the session is given up when `signal` aborts, as by its own signal; until what is returned is called. */
  bind(signal: AbortSignal): () => void {
    if (signal === this.#signal) return () => {}
    return onAbort(signal, this.#interruption)
  }

  /** Gives up what is awaited, after its time of grace. */
  #interrupt(): void {
    this.#interrupted = true
    if (this.#waits.size === 0 && this.#graceMs === 0) this.destroy()
    for (const wait of this.#waits) {
      wait.timer ??= setTimeout(() => this.#giveUp(interrupted(this.#link.where)), wait.graceMs)
    }
  }

  /** Cuts the connection; the server rolls back what was open. */
  destroy(): void {
    const error = new Error('The connection was closed on our side')
    // Whoever closes first must not keep the server at what was interrupted.
    if (this.#interrupted && this.#waits.size > 0) this.#giveUp(error)
    else this.#cut(error)
  }

  /** The server waits for rows while there are none. */
  async *feed(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.paused = true
    try {
      for await (const piece of pieces) {
        this.paused = false
        yield piece
        this.paused = true
      }
    } finally {
      this.paused = false
    }
  }

  /** Says goodbye, which resolves when the server has hung up; one that does not answer is cut off. */
  async close(goodbye: () => Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.destroy(), GOODBYE_MS)
    await goodbye()
    clearTimeout(timer)
    return this.closed()
  }

  /** The connection has ended; resolves when the server does nothing more for it. */
  closed(): Promise<void> {
    this.#release()
    return this.#ended
  }

  #release(): void {
    this.#watch.stop()
    this.#unbind()
  }

  /** A server that works, or waits for a lock, does not notice that its client is gone. */
  #giveUp(error: Error): void {
    this.#cut(error)
    this.#ended = this.#link.end()
  }

  #cut(error: Error): void {
    this.#release()
    this.#link.cut()
    for (const { reject, timer } of this.#waits) {
      clearTimeout(timer)
      reject(error)
    }
    this.#waits.clear()
  }
}

/** What ends the opening of a session. One that is opened after the interruption, for its time of grace, has that long. */
export function openingSignal({ signal, graceMs = 0 }: SessionOptions): AbortSignal | undefined {
  return signal?.aborted && graceMs > 0 ? AbortSignal.timeout(graceMs) : signal
}

/** What `work` resolves to, or INTERRUPTED as soon as the signal aborts. */
export function unlessAborted<T>(signal: AbortSignal, where: string, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    onAbort(signal, () => reject(interrupted(where)))
  })
  return Promise.race([work, aborted])
}

export function interrupted(where: string): RowshiftError {
  return new RowshiftError('INTERRUPTED', `Interrupted while waiting for ${where}.`)
}
