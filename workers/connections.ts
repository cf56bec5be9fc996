import { RowshiftError } from '../src/contract/errors.js'
import { backoff, retried } from '../src/contract/waiting.js'

/** Other threads may hold one connection each and wait for their second, so each of them tries again after a time of its own. */
const MOST_RETRIES = 5
const RETRY_MS = 300

/**
 * Whether a thread has its connections. Where a server takes no more of them, it gives up as long as another thread has its own:
 * at least one always goes on.
 */
export class ThreadConnections {
  /** In shared memory: how many threads have theirs. */
  readonly #connected: Int32Array
  /** Called before the thread is counted: should it die in between, others count on too few, not on too many. */
  readonly #onConnected: () => void
  #counted = false
  #gaveUp = false

  constructor(connected: Int32Array, onConnected: () => void) {
    this.#connected = connected
    this.#onConnected = onConnected
  }

  /** It has closed its connections, or is about to, and takes no more jobs. */
  get gaveUp(): boolean {
    return this.#gaveUp
  }

  /** By `open`, which leaves nothing open when it throws. */
  async open(open: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const next = (error: RowshiftError, retries: number) => {
      if (!isCrowded(error)) return null
      const others = Atomics.load(this.#connected, 0) > (this.#counted ? 1 : 0)
      this.#gaveUp = others && retries > 0
      if (this.#gaveUp || retries === MOST_RETRIES) return null
      return backoff(others ? 0 : retries, RETRY_MS)
    }
    await retried(open, next, signal)
    if (this.#counted) return
    this.#onConnected()
    Atomics.add(this.#connected, 0, 1)
    this.#counted = true
  }

  /** It is about to close them, and opens them again if it gets another job. */
  leave(): void {
    if (this.#counted) Atomics.sub(this.#connected, 0, 1)
    this.#counted = false
  }

  /** Whether a job that failed so may be run again: by another thread, or here when others have made room. */
  isRepeatable(error: RowshiftError): boolean {
    return isCrowded(error) && (this.#counted || this.#gaveUp)
  }

  /** Whether it gives up for this reason. */
  givesUp(error: RowshiftError): boolean {
    return isCrowded(error) && this.giveUp()
  }

  /** False where no other thread has connections. */
  giveUp(): boolean {
    if (this.#gaveUp || !this.#counted) return this.#gaveUp
    if (Atomics.sub(this.#connected, 0, 1) > 1) {
      this.#gaveUp = true
      this.#counted = false
    } else Atomics.add(this.#connected, 0, 1)
    return this.#gaveUp
  }
}

function isCrowded(error: unknown): boolean {
  return error instanceof RowshiftError && error.code === 'CONNECTION_LIMIT'
}
