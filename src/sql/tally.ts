import { RowshiftError } from '../contract/errors.js'
import { failpoint } from '../failpoint.js'
import type { WriteCounts, WriteOptions, WriteSpec } from '../contract/write.js'
import { addCounts, nothingWritten } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'

/** Rows that are deferred together at most: to find the one among them costs more than to write them later. */
const DEFERRED_TOGETHER = 64

/** What becomes of the rows of a split: each of them is counted once. */
export class Tally {
  readonly options: WriteOptions
  /** How many rows may be given to `reject` at a time when they fail with DUPLICATE_KEY. */
  readonly together: number
  counts: WriteCounts = nothingWritten
  #received = 0
  #last: Batch | null = null
  /** Rows that were handed to the target, for the progress. */
  #handed = 0
  /** Rows that wait for a unique value. */
  #deferred = 0

  constructor(options: WriteOptions, together = DEFERRED_TOGETHER) {
    this.options = options
    this.together = options.onDeferred ? together : 1
  }

  /** The same batches, which count as received. */
  async *receive(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
    failpoint('split-begun')
    for await (const batch of batches) {
      this.throwIfAborted()
      this.#received += batch.rows
      this.#last = batch
      yield batch
    }
  }

  /** So many rows went into the table without coming by. */
  receiveUnseen(rows: number): void {
    this.throwIfAborted()
    this.#received += rows
  }

  /** The one row that was received, and not rejected; null: there were more, or none. */
  get onlyRow(): Batch | null {
    return this.#received === 1 && this.counts.dirtyRows === 0 ? this.#last : null
  }

  add(more: Partial<WriteCounts>): void {
    this.counts = addCounts(this.counts, { ...nothingWritten, ...more })
  }

  /** Rows were handed to the target. */
  hand(rows: number): void {
    this.#handed += rows
    this.options.onProgress(this.#handed)
    failpoint('split-handed')
  }

  /** What is counted from here on is forgotten when the result is called. */
  mark(): () => void {
    const [counts, handed] = [this.counts, this.#handed]
    return () => {
      this.counts = counts
      this.#handed = handed
    }
  }

  /** Leaves rows out, one unless they are deferred. Throws when the run tolerates no more, and an error that no row is to blame for. */
  reject(rows: Batch, error: RowshiftError): void {
    if (!error.blamesRow) throw error
    const { onDirty, onDeferred } = this.options
    if (onDeferred && error.code === 'DUPLICATE_KEY') {
      onDeferred(rows, error)
      this.#deferred += rows.rows
    } else {
      onDirty(rows, error)
      this.add({ dirtyRows: rows.rows })
    }
  }

  throwIfAborted(): void {
    if (this.options.signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted before the commit.')
  }

  /** Throws when rows are not accounted for. */
  check({ table: { table } }: WriteSpec): void {
    failpoint('split-written')
    const { rowsWritten, rowsUnchanged, rowsSkipped, dirtyRows } = this.counts
    const stored = rowsWritten + rowsUnchanged + rowsSkipped
    const expected = this.#received - dirtyRows - this.#deferred
    if (stored === expected) return
    throw new RowshiftError(
      'COUNT_MISMATCH',
      `Table "${table}" took ${stored} of ${expected} rows, so the split was rolled back; look for a trigger on the table that drops rows`,
      { table, received: this.#received, stored },
    )
  }
}
