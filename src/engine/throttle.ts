import { RowshiftError } from '../contract/errors.js'
import type { SpeedLimits } from '../contract/run-plan.js'
import { onAbort, pause } from '../contract/waiting.js'

/** How often the servers are asked whether they have too much to do. */
const LOOK_MS = 1_000
/** Servers that have too much to do for so long need somebody to look at them. */
const PATIENCE_MS = 30 * 60_000

/** Of a split. */
export interface Amount {
  readonly rows: number
  readonly bytes: number
}

export interface ThrottleOptions {
  readonly limits: SpeedLimits
  /** Of the first splits, as far as statistics tell. */
  readonly expected: Amount
  /** Says why a server has too much to do; null: none has. */
  readonly overload: () => Promise<string | null>
}

/**
 * Lets the splits of a run begin no faster than its limits allow, which hold for all threads together. A split is charged with what
 * the one before it held when it begins, and with the difference when its own amount is known.
 */
export class Throttle {
  readonly #options: ThrottleOptions
  #expected: Amount
  /** On the clock of `performance`: when all that has begun may have passed. */
  #paidAt = 0
  #lookedAt = -Infinity
  #turn: Promise<void> = Promise.resolve()
  /** Statistics may be far off, so the second split waits for what the first one turns out to hold. */
  #onFirst = () => {}
  readonly #first = new Promise<void>((resolve) => (this.#onFirst = resolve))
  #begun = false
  #pausedMs = 0

  constructor(options: ThrottleOptions) {
    this.#options = options
    this.#expected = options.expected
  }

  /** Asks the servers for the first time. Throws what keeps them from answering. */
  async look(): Promise<void> {
    await this.#options.overload()
  }

  /** For how long splits have waited because a server had too much to do. */
  get pausedSeconds(): number {
    return this.#pausedMs / 1000
  }

  /**
   * Resolves when a split may begin, one after another, to what it is charged with. `onWait`: a server has too much to do, and why;
   * null: no longer. Throws INTERRUPTED soon when `signal` aborts, and OVERLOADED.
   */
  begin(signal: AbortSignal, onWait: (reason: string | null) => void): Promise<Amount> {
    const begun = this.#turn.then(async () => {
      await this.#untilQuiet(signal, onWait)
      if (this.#begun) await untilAbort(this.#first, signal)
      this.#begun = true
      await held(this.#paidAt - performance.now(), signal)
      const charged = this.#expected
      this.#paidAt = Math.max(this.#paidAt, performance.now()) + this.#milliseconds(charged)
      return charged
    })
    this.#turn = begun.then(
      () => {},
      () => {},
    )
    return begun
  }

  /** After a split: what it held, in place of what it was charged with. */
  settle(charged: Amount, held: Amount): void {
    this.#paidAt += this.#milliseconds(held) - this.#milliseconds(charged)
    if (held.rows > 0) this.#expected = held
    this.#onFirst()
  }

  #milliseconds({ rows, bytes }: Amount): number {
    const { record, byte } = this.#options.limits
    return 1000 * Math.max(record === null ? 0 : rows / record, byte === null ? 0 : bytes / byte)
  }

  async #untilQuiet(signal: AbortSignal, onWait: (reason: string | null) => void): Promise<void> {
    const since = performance.now()
    if (since - this.#lookedAt < LOOK_MS) return
    for (let paused = false; ; paused = true) {
      const reason = await this.#options.overload().catch(unanswered)
      this.#lookedAt = performance.now()
      const waited = this.#lookedAt - since
      if (reason === null) {
        if (!paused) return
        this.#pausedMs += waited
        return onWait(null)
      }
      if (waited > PATIENCE_MS) throw overloaded(reason)
      onWait(reason)
      await held(LOOK_MS, signal)
    }
  }
}

async function untilAbort(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let release = () => {}
  const aborted = new Promise<void>((resolve) => (release = onAbort(signal, resolve)))
  await Promise.race([promise, aborted])
  release()
}

async function held(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await pause(milliseconds, signal)
  if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while the run was held back.')
}

/** A server that cannot be asked for the time being has too much to do, for all that we know. */
function unanswered(thrown: unknown): string {
  const error = RowshiftError.from(thrown)
  if (error.retryable) return error.message
  throw error
}

function overloaded(reason: string): RowshiftError {
  return new RowshiftError(
    'OVERLOADED',
    `${reason}; the run has waited ${PATIENCE_MS / 60_000} minutes for that to end and gives up. Run it again when the server has less to do, or raise the limit in "speed".`,
  )
}
