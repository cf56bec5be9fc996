/** What a split should hold: see `plan.ts`. */
const TARGET_BYTES = 8 << 20
/** A split is read to its end before it is written: with this many rows the first ones arrive within a second. */
const FIRST_ROWS = 20_000
/** The same while nobody knows how long a user's function takes for a row. */
const FIRST_CALLED_ROWS = 2_000
/** How long a thread may be at the rows of a split with such a function: at the end, the others may wait for it. */
const CALLED_MS = 1_500
/** Splits get smaller towards the end, but not so small that what each costs (about 3 ms) would be felt. */
const LAST_MS = 100
/** Fewer rows tell too little about time, and a split has a cost of its own. */
const TIMED_ROWS = 500

/** Of a run in which threads that could wait for each other call a user's function. */
interface Called {
  /** That all threads together have in hand, or queued, at a time. */
  readonly splitsAhead: () => number
  /** That statistics expect; null: unknown. */
  readonly rows: number | null
}

/**
 * How many rows the next split gets. It begins small, so that all threads write soon, and goes up step by step to the plan's
 * figure. That stands on statistics, so the size follows what rows turn out to weigh: down at once when a split had to be
 * divided. With a user's function, it also follows the time that rows turn out to take, and the rows that are left.
 */
export class SplitSizer {
  #most: number
  readonly #mostMs: number
  readonly #splitsAhead: () => number
  #rows: number
  #fewest = FIRST_CALLED_ROWS
  #left: number

  constructor(planned: number, called: Called | null) {
    this.#most = planned
    this.#mostMs = called ? CALLED_MS : Infinity
    this.#splitsAhead = called?.splitsAhead ?? (() => 1)
    this.#rows = Math.min(planned, called ? FIRST_CALLED_ROWS : FIRST_ROWS)
    this.#left = called?.rows ?? Infinity
  }

  /** Each answer counts as rows that are handed out; one more than there are splits does no harm. */
  next(): number {
    const share = Math.ceil(this.#left / this.#splitsAhead())
    const rows = Math.min(this.#rows, Math.max(this.#fewest, share))
    this.#left = Math.max(0, this.#left - rows)
    return rows
  }

  /** A range was given up after so many rows and bytes; resolves to the rows that its parts should have. */
  divided(rows: number, bytes: number): number {
    const fitting = Math.max(1, Math.floor((rows * TARGET_BYTES) / bytes))
    this.#rows = Math.min(this.#rows, fitting)
    return fitting
  }

  /** So many rows were more than one transaction may change; resolves to the rows that its parts should have, and all splits at most. */
  halved(rows: number): number {
    this.#most = Math.min(this.#most, Math.max(1, rows >> 1))
    this.#rows = Math.min(this.#rows, this.#most)
    return this.#most
  }

  /** `milliseconds`: until its rows were read and made. */
  done(rows: number, bytes: number, milliseconds: number): void {
    const within = (most: number) => Math.max(TIMED_ROWS, Math.floor((rows * most) / milliseconds))
    const timed = rows >= TIMED_ROWS
    const fitting = timed ? within(this.#mostMs) : Infinity
    if (timed) this.#fewest = within(LAST_MS)
    if (fitting < this.#rows) this.#rows = fitting
    const light = bytes * 2 < TARGET_BYTES && this.#rows * 2 <= fitting && rows * 2 > this.#rows
    if (light) this.#rows = Math.min(this.#most, this.#rows * 2)
  }
}
