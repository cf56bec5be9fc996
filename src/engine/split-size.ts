/** What a split should hold: see `plan.ts`. */
const TARGET_BYTES = 8 << 20
/** A split is read to its end before it is written: with this many rows the first ones arrive within a second. */
const FIRST_ROWS = 20_000
/** The same while nobody knows how long a user's function takes for a row. */
const FIRST_CALLED_ROWS = 2_000
/** How long a thread may be at the rows of a split with such a function: at the end, the others may wait for it. */
const CALLED_MS = 500
/** Fewer rows tell too little about time, and a split has a cost of its own. */
const TIMED_ROWS = 500

/**
 * How many rows the next split gets. It begins small, so that all threads write soon, and goes up step by step to the plan's
 * figure. That stands on statistics, so the size follows what rows turn out to weigh: down at once when a split had to be
 * divided. With a user's function, it also follows the time that rows turn out to take.
 */
export class SplitRows {
  readonly #most: number
  readonly #mostMs: number
  #rows: number

  /** `called`: threads that could wait for each other call a user's function. */
  constructor(planned: number, called: boolean) {
    this.#most = planned
    this.#mostMs = called ? CALLED_MS : Infinity
    this.#rows = Math.min(planned, called ? FIRST_CALLED_ROWS : FIRST_ROWS)
  }

  get rows(): number {
    return this.#rows
  }

  /** A range was given up after so many rows and bytes; resolves to the rows that its parts should have. */
  divided(rows: number, bytes: number): number {
    const fitting = Math.max(1, Math.floor((rows * TARGET_BYTES) / bytes))
    this.#rows = Math.min(this.#rows, fitting)
    return fitting
  }

  /** `milliseconds`: until its rows were read and made. */
  done(rows: number, bytes: number, milliseconds: number): void {
    const fitting = rows < TIMED_ROWS ? Infinity : Math.max(TIMED_ROWS, (rows * this.#mostMs) / milliseconds)
    if (fitting < this.#rows) this.#rows = Math.floor(fitting)
    const light = bytes * 2 < TARGET_BYTES && this.#rows * 2 <= fitting && rows * 2 > this.#rows
    if (light) this.#rows = Math.min(this.#most, this.#rows * 2)
  }
}
