/** Tells a server that is gone from one that is busy. */

/** How a session looks from a second connection while an answer is due in it. */
export type Sight =
  /** The server works on the statement, or nobody can say that it does not. */
  | 'busy'
  /** The second connection got no answer. */
  | 'unreachable'
  /** The server has ended the session. */
  | 'ended'
  /** The server waits for the next statement. */
  | 'idle'
  /** The server waits for the network. */
  | 'blocked'

const SAID: Readonly<Record<Exclude<Sight, 'busy'>, string>> = {
  unreachable: 'and a second connection gets no answer either',
  ended: 'and the server has ended the session',
  idle: 'and the server waits for a statement: the last one, or its answer, was lost on the way',
  blocked: 'and the server waits for the network',
}

export interface Watched {
  /** Whether an answer is due, or bytes that were sent have not left yet. */
  awaiting(): boolean
  /** Changes whenever a byte comes or goes. */
  movement(): string
  look(): Promise<Sight>
  /** Called once, with the reason as an end of a sentence. */
  onDead(reason: string): void
}

/** Looks at a connection now and then. */
export class SilenceWatch {
  readonly #watched: Watched
  readonly #limitMs: number
  readonly #timer: NodeJS.Timeout
  #movement = ''
  #since = 0
  #nextLook = 0
  #looking = false
  #dead = 0

  /** A server that is gone is given up after `limitMs`, or one look later. */
  constructor(watched: Watched, limitMs: number) {
    this.#watched = watched
    this.#limitMs = limitMs
    this.#timer = setInterval(() => void this.#tick(), limitMs / 8).unref()
  }

  /** A new wait begins. */
  reset(): void {
    this.#since = performance.now()
    this.#nextLook = this.#since + this.#limitMs / 2
    this.#dead = 0
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Twice in a row: an answer may arrive while we look, and a machine that was suspended has to catch up first. */
  async #tick(): Promise<void> {
    if (this.#moved() || this.#looking || performance.now() < this.#nextLook) return
    this.#looking = true
    const sight = await this.#watched.look()
    this.#looking = false
    if (this.#moved()) return
    this.#nextLook = performance.now() + this.#limitMs / 4
    this.#dead = sight === 'busy' ? 0 : this.#dead + 1
    if (sight === 'busy' || this.#dead < 2) return
    this.stop()
    const seconds = Math.round((performance.now() - this.#since) / 1000)
    this.#watched.onDead(`it has been silent for ${seconds} s, ${SAID[sight]}`)
  }

  #moved(): boolean {
    const movement = this.#watched.movement()
    if (this.#watched.awaiting() && movement === this.#movement) return false
    this.#movement = movement
    this.reset()
    return true
  }
}

/** The part of a TCP or unix socket that says whether anything moves. */
export interface MovingSocket {
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly writableLength: number
  /** Node's own: bytes that the kernel has not taken yet. */
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

/** How much a socket has taken and given: a large statement leaves it piece by piece. */
export function movementOf({ bytesRead, bytesWritten, writableLength, _handle }: MovingSocket): string {
  return [bytesRead, bytesWritten, writableLength, _handle?.writeQueueSize].join()
}
