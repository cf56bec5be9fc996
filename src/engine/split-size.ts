/** What a split should hold: see `plan.ts`. */
const TARGET_BYTES = 8 << 20
/** A split is read to its end before it is written: with this many rows the first ones arrive within a second. */
const FIRST_ROWS = 20_000

/**
 * How many rows the next split gets. It begins small, so that all threads write soon, and goes up step by step to the plan's
 * figure. That stands on statistics, so the size follows what rows turn out to weigh: down at once when a split had to be
 * divided.
 */
export class SplitRows {
  readonly #most: number
  #rows: number

  constructor(planned: number) {
    this.#most = planned
    this.#rows = Math.min(planned, FIRST_ROWS)
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

  done(rows: number, bytes: number): void {
    const light = bytes * 2 < TARGET_BYTES && rows * 2 > this.#rows
    if (light) this.#rows = Math.min(this.#most, this.#rows * 2)
  }
}
