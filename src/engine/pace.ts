/** How fast rows come, smoothed: they come split by split, and what is left is guessed from it. Values, never changed in place. */

export interface Pace {
  /** Milliseconds on any clock: when rows came first, and when they were looked at last. */
  readonly since: number
  readonly at: number
  readonly rows: number
  /** Rows that came and milliseconds that they took, the older the less of them. */
  readonly recentRows: number
  readonly recentMs: number
}

/** What happened so long ago counts for half. */
const HALF_LIFE_MS = 10_000
/** A shorter look tells too little. */
const LOOK_MS = 500
/** Threads start one after another, and their first splits are small. */
const SETTLED_MS = 3_000

/** The pace with one more look at the rows; null until there are any. */
export function paceAt(pace: Pace | null, now: number, rows: number): Pace | null {
  if (pace === null) return rows === 0 ? null : { since: now, at: now, rows, recentRows: 0, recentMs: 0 }
  const elapsed = now - pace.at
  if (elapsed < LOOK_MS) return pace
  const decay = 0.5 ** (elapsed / HALF_LIFE_MS)
  // A split that is run again takes its rows back.
  const recentRows = pace.recentRows * decay + Math.max(0, rows - pace.rows)
  return { ...pace, at: now, rows, recentRows, recentMs: pace.recentMs * decay + elapsed }
}

/** Seconds until all rows are there; null: nobody can tell yet, or there are more rows than were expected. */
export function secondsLeft(pace: Pace | null, expected: number | null): number | null {
  if (pace === null || expected === null || expected <= pace.rows) return null
  if (pace.at - pace.since < SETTLED_MS || pace.recentRows === 0) return null
  return ((expected - pace.rows) * pace.recentMs) / pace.recentRows / 1000
}
