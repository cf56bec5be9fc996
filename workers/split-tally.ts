import { RowshiftError } from '../src/contract/errors.js'
import type { Batch } from '../src/contract/plugin.js'
import type { TargetCounts } from '../src/contract/target-spec.js'
import type { DeferredSplit } from '../src/engine/deferred-rows.js'
import type { SplitCounts, SplitJob } from '../src/engine/messages.js'
import { noCounts } from '../src/engine/messages.js'
import type { TargetMark } from '../src/features/shard/stored-parts.js'
import { settled } from '../src/engine/progress.js'
import { countsOf, partOf, splitState } from '../src/features/resume/run-state.js'
import type { DirtyRows } from './dirty-rows.js'
import { mismatch } from './split-errors.js'
import type { SplitSink } from './row-pipeline.js'

export interface SplitListener {
  readonly tell: (counts: SplitCounts) => void
  /** The split is about to leave its mark: all its rows are in their place. */
  readonly onMark: () => void
}

/** What becomes of the rows of one split, and what the split says of it in the target. */
export class SplitTally {
  readonly #split: SplitJob
  /** The table that the split is of, where the source is several. */
  readonly #table: string | null
  readonly #dirty: DirtyRows
  readonly #deferred: DeferredSplit
  readonly #told: SplitListener
  #rejected = 0
  /** What it has left there before. */
  #stored: string | null = null
  counts = noCounts
  /** It leaves a mark with its rows, by which anybody can tell whether it is stored. */
  marked = false
  readonly sink: SplitSink

  constructor(
    split: SplitJob,
    table: string | null,
    told: SplitListener & { readonly dirty: DirtyRows; readonly deferred: DeferredSplit },
  ) {
    const { dirty, deferred } = told
    this.#split = split
    this.#table = table
    this.#dirty = dirty
    this.#deferred = deferred
    this.#told = told
    this.sink = {
      split: split.index,
      read: ({ rows, bytes }) => {
        this.count({ rowsRead: this.counts.rowsRead + rows, bytes: this.counts.bytes + bytes.length })
      },
      filtered: (rows) => this.count({ rowsFiltered: this.counts.rowsFiltered + rows }),
      added: (rows) => this.count({ rowsAdded: this.counts.rowsAdded + rows }),
      missing: (rows) => this.count({ lookupMisses: this.counts.lookupMisses + rows }),
      reject: (row, error) => {
        dirty.addRead(row, error)
        this.#rejected++
      },
    }
  }

  count(change: Partial<SplitCounts>): void {
    this.counts = { ...this.counts, ...change }
    this.#told.tell(this.counts)
  }

  /** Of a row that the reader refuses. */
  reject(row: Batch, error: RowshiftError): void {
    this.sink.read(row)
    this.sink.reject(row, error)
  }

  get mark(): TargetMark | undefined {
    const { mark } = this.#split
    return (
      mark && {
        ...mark,
        state: (ended) => {
          this.#told.onMark()
          // Rows that wait for a unique value are in no transaction yet: the split is written again, which upsert may be.
          if (this.#deferred.rows > 0) return null
          this.marked = true
          return splitState(this.#split, this.#after(ended))
        },
        onStored: (state) => {
          this.#stored = state
        },
        parts: mark.parts ?? {},
        partState: (part, whole) => {
          this.#told.onMark()
          this.marked = true
          return splitState(this.#split, whole && this.#after(whole), part)
        },
        partIn: partOf,
        onKept: (rows, counts) => {
          const { rowsWritten, rowsUnchanged, rowsSkipped, dirtyRows } = counts
          const then = rowsWritten + rowsUnchanged + rowsSkipped + dirtyRows
          this.count({ rowsRead: this.counts.rowsRead + then - rows })
        },
      }
    )
  }

  /** `before`: the split was stored already, so nothing was written now. */
  wrote(ended: TargetCounts): 'now' | 'before' {
    if (this.#stored !== null) {
      this.#dirty.discard()
      this.counts = countsOf(this.#stored)
      return 'before'
    }
    // A plugin that does not call beforeCommit loses no row either.
    this.#dirty.save()
    this.counts = this.#after(ended)
    return 'now'
  }

  /** Throws COUNT_MISMATCH when rows are not accounted for. */
  #after(ended: TargetCounts): SplitCounts {
    const { late, index } = this.#split
    const counts = {
      ...this.counts,
      ...ended,
      dirtyRows: ended.dirtyRows + this.#rejected,
      rowsDeferred: this.#deferred.rows,
      rowsLate: late ? ended.rowsWritten : 0,
      ...(this.#table === null ? {} : { sources: { [this.#table]: this.counts.rowsRead } }),
    }
    if (settled(counts) !== counts.rowsRead) throw mismatch(index, counts)
    return counts
  }
}
