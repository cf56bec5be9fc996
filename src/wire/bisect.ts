import type { Batch } from './batch.js'
import { LF } from './batch.js'

export interface Bisection {
  /** Stores a part of the batch, or throws and leaves nothing of it. */
  readonly store: (part: Batch) => Promise<void>
  /** Whether the error is about some row of the part; any other error is thrown on. */
  readonly blamesRow: (error: unknown) => boolean
  /** A row that cannot be stored, alone, or a few together. What it throws ends the search. */
  readonly onBad: (rows: Batch, error: unknown) => void
  /** Rows that are given up together for this error, the bad one among them. Default: 1. */
  readonly together?: (error: unknown) => number
}

/**
 * Stores all rows of a batch but those that cannot be stored, which it finds by halving: a bad row among n costs about
 * 2·log2(n) attempts.
 */
export async function bisect(batch: Batch, bisection: Bisection): Promise<void> {
  try {
    await bisection.store(batch)
  } catch (error) {
    if (!bisection.blamesRow(error)) throw error
    if (batch.rows <= (bisection.together?.(error) ?? 1)) {
      bisection.onBad(batch, error)
      return
    }
    for (const half of halves(batch)) await bisect(half, bisection)
  }
}

function halves({ bytes, rows }: Batch): readonly [Batch, Batch] {
  const first = rows >> 1
  let at = 0
  for (let row = 0; row < first; row++) {
    // An escaped line feed is a letter, so each LF byte ends a row.
    at = bytes.indexOf(LF, at) + 1
  }
  return [
    { bytes: bytes.subarray(0, at), rows: first },
    { bytes: bytes.subarray(at), rows: rows - first },
  ]
}
