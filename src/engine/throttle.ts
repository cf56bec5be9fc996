import { RowshiftError } from '../contract/errors.js'
import type { ReadSpec, SpeedLimits } from '../contract/plugin.js'
import { pause } from '../contract/waiting.js'

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
  readonly onPause: (reason: string) => void
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
  #pausedMs = 0

  /** null: the run has no limits. */
  static of(limits: SpeedLimits | null, { splitRows, table }: ReadSpec): Throttle | null {
    const expected = { rows: splitRows, bytes: splitRows * (table.estimatedRowBytes ?? 0) }
    return (
      limits && new Throttle({ limits, expected, overload: () => Promise.resolve(null), onPause: () => {} })
    )
  }

  constructor(options: ThrottleOptions) {
    this.#options = options
    this.#expected = options.expected
  }

  /** For how long splits have waited because a server had too much to do. */
  get pausedSeconds(): number {
    return this.#pausedMs / 1000
  }

  /** Resolves when a split may begin, one after another, to what it is charged with. Throws INTERRUPTED soon when `signal` aborts, and OVERLOADED. */
  begin(signal: AbortSignal): Promise<Amount> {
    const begun = this.#turn.then(async () => {
      await this.#untilQuiet(signal)
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
  }

  #milliseconds({ rows, bytes }: Amount): number {
    const { record, byte } = this.#options.limits
    return 1000 * Math.max(record === null ? 0 : rows / record, byte === null ? 0 : bytes / byte)
  }

  async #untilQuiet(signal: AbortSignal): Promise<void> {
    const since = performance.now()
    if (since - this.#lookedAt < LOOK_MS) return
    for (let paused = false; ; paused = true) {
      const reason = await this.#options.overload()
      this.#lookedAt = performance.now()
      const waited = this.#lookedAt - since
      if (reason === null) {
        if (paused) this.#pausedMs += waited
        return
      }
      if (waited > PATIENCE_MS) throw overloaded(reason)
      if (!paused) this.#options.onPause(reason)
      await held(LOOK_MS, signal)
    }
  }
}

async function held(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await pause(milliseconds, signal)
  if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while the run was held back.')
}

function overloaded(reason: string): RowshiftError {
  return new RowshiftError(
    'OVERLOADED',
    `${reason}; the run has waited ${PATIENCE_MS / 60_000} minutes for that to end and gives up. Run it again when the server has less to do, or raise the limit in "speed".`,
  )
}
