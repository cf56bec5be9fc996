import { RowshiftError } from '../contract/errors.js'
import type { SpeedLimits } from '../contract/run-plan.js'
import { onAbort, pause } from '../contract/waiting.js'
import { LIMITED_SECONDS } from '../plan/split-rows.js'

/** How often the servers are asked whether they have too much to do. */
const LOOK_MS = 1_000
/** Servers that have too much to do for so long need somebody to look at them. */
const PATIENCE_MS = 30 * 60_000

/** Of a split. */
export interface Amount {
  readonly rows: number
  readonly bytes: number
}

/** What can be changed while a run is under way. null in each: there is no limit. */
export type RateLimits = Pick<SpeedLimits, 'record' | 'byte'>

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
  #limits: RateLimits
  #expected: Amount
  /** What has begun and may not have passed yet, at that moment on the clock of `performance`. */
  #owed: Amount = { rows: 0, bytes: 0 }
  #owedAt = 0
  #changed = new AbortController()
  #lookedAt = -Infinity
  #turn: Promise<void> = Promise.resolve()
  /** Statistics may be far off, so the second split waits for what the first one turns out to hold. */
  #onFirst = () => {}
  readonly #first = new Promise<void>((resolve) => (this.#onFirst = resolve))
  #begun = false
  #pausedMs = 0

  constructor(options: ThrottleOptions) {
    this.#options = options
    this.#limits = options.limits
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

  get limits(): RateLimits {
    return this.#limits
  }

  /** From now on these limits hold, for splits that wait to begin too. */
  change(limits: RateLimits): void {
    this.#milliseconds()
    this.#limits = limits
    this.#changed.abort()
    this.#changed = new AbortController()
  }

  /** Most rows of a split: each begins as a whole, and rows should not come in bursts. */
  get splitRows(): number {
    const { record, byte } = this.#limits
    const { rows, bytes } = this.#expected
    const perSecond = Math.min(
      record ?? Infinity,
      byte === null ? Infinity : (byte * rows) / Math.max(bytes, 1),
    )
    return Math.max(1, Math.floor(perSecond * LIMITED_SECONDS))
  }

  /**
   * Resolves when a split may begin, one after another, to what it is charged with. `onWait`: a server has too much to do, and why;
   * null: no longer. Throws INTERRUPTED soon when `signal` aborts, and OVERLOADED.
   */
  begin(signal: AbortSignal, onWait: (reason: string | null) => void): Promise<Amount> {
    const begun = this.#turn.then(async () => {
      await this.#untilQuiet(signal, onWait)
      const { record, byte } = this.#limits
      if (this.#begun && (record ?? byte) !== null) await orAbort(this.#first, signal)
      this.#begun = true
      await this.#untilPaid(signal)
      const charged = this.#expected
      this.#owe(charged)
      return charged
    })
    this.#turn = begun.then(
      () => {},
      () => {},
    )
    return begun
  }

  /** Does `work`, a split, as soon as it may begin: see {@link begin}. `heldBy`: what it turned out to hold; one that fails holds nothing. */
  async limited<T>(
    signal: AbortSignal,
    onWait: (reason: string | null) => void,
    work: () => Promise<T>,
    heldBy: (done: T) => Amount,
  ): Promise<T> {
    const charged = await this.begin(signal, onWait)
    let held: Amount = { rows: 0, bytes: 0 }
    try {
      const done = await work()
      held = heldBy(done)
      return done
    } finally {
      // Splits of other tables may wait for it, which go on where this one has failed.
      this.settle(charged, held)
    }
  }

  /** After a split: what it held, in place of what it was charged with. */
  settle(charged: Amount, held: Amount): void {
    this.#milliseconds()
    this.#owe({ rows: held.rows - charged.rows, bytes: held.bytes - charged.bytes })
    if (held.rows > 0) this.#expected = held
    this.#onFirst()
  }

  async #untilPaid(signal: AbortSignal): Promise<void> {
    for (let left = this.#milliseconds(); left > 0; left = this.#milliseconds()) {
      await held(left, signal, this.#changed.signal)
    }
  }

  #owe({ rows, bytes }: Amount): void {
    this.#owed = { rows: this.#owed.rows + rows, bytes: this.#owed.bytes + bytes }
  }

  /** Until all that has begun may have passed. What may have by now is no longer owed. */
  #milliseconds(): number {
    const now = performance.now()
    const seconds = (now - this.#owedAt) / 1000
    const { record, byte } = this.#limits
    const left = (owed: number, limit: number | null) =>
      limit === null ? 0 : Math.max(0, owed - limit * seconds)
    this.#owed = { rows: left(this.#owed.rows, record), bytes: left(this.#owed.bytes, byte) }
    this.#owedAt = now
    return 1000 * Math.max(this.#owed.rows / (record ?? Infinity), this.#owed.bytes / (byte ?? Infinity))
  }

  async #untilQuiet(signal: AbortSignal, onWait: (reason: string | null) => void): Promise<void> {
    const since = performance.now()
    if (since - this.#lookedAt < LOOK_MS) return
    for (let paused = false; ; paused = true) {
      const reason = await orAbort(this.#options.overload().catch(unanswered), signal)
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

/** Whoever is asked may not answer for long. */
async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let release = () => {}
  const aborted = new Promise<never>((_, reject) => {
    release = onAbort(signal, () => reject(interrupted()))
  })
  return Promise.race([promise, aborted]).finally(release)
}

/** `woken`: ends it early. */
async function held(milliseconds: number, signal: AbortSignal, ...woken: AbortSignal[]): Promise<void> {
  await pause(milliseconds, AbortSignal.any([signal, ...woken]))
  if (signal.aborted) throw interrupted()
}

function interrupted(): RowshiftError {
  return new RowshiftError('INTERRUPTED', 'Interrupted while the run was held back.')
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
