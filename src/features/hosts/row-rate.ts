/** Over how long it is measured. */
const WINDOW_MS = 5_000

/** How fast a number of rows grows. */
export class RowRate {
  #recent: readonly (readonly [at: number, rows: number])[] = []

  /** Rows per second of late, if there are so many now. */
  at(rows: number, now = performance.now()): number {
    // The last one that is older gives the window its full length.
    const from = Math.max(
      0,
      this.#recent.findLastIndex(([at]) => at <= now - WINDOW_MS),
    )
    this.#recent = [...this.#recent.slice(from), [now, rows]]
    const [[first, before]] = this.#recent as [[number, number]]
    const seconds = (now - first) / 1000
    // Rows of a split that is given up do not count any more.
    return seconds > 0 ? Math.max(0, rows - before) / seconds : 0
  }
}
