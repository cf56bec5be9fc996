import { deletedRows, keysOnly } from '../src/engine/deletions.js'
import { recycle } from '../src/wire/builder.js'
import { readOf } from '../src/features/sources/splits.js'
import type { Batch, Reader, Removal } from '../src/contract/plugin.js'
import type { SourceSpec, SourceSplit } from '../src/contract/source-spec.js'
import type { RunPlan } from '../src/contract/run-plan.js'

/** The rows of one split that the source has deleted by a flag: they are deleted in the target, or only counted where it has a flag too. */
export class DeletedRows {
  readonly #plan: RunPlan
  readonly #read: SourceSpec | null
  /** The target has a flag, too, which is written with the row. */
  readonly #flags: boolean
  readonly #batches: Batch[] = []
  readonly #onFound: (rows: number) => void
  #flagged = 0

  /** `onFound` is told how many rows were deleted or flagged. */
  constructor(plan: RunPlan, onFound: (rows: number) => void) {
    this.#plan = plan
    this.#read = deletedRows(plan)
    this.#flags = plan.deletions?.flag != null
    this.#onFound = onFound
  }

  /** In the same moment, or nearly so, as the other rows: one that is deleted in between belongs to the next window. */
  async find(readers: readonly Reader[], split: SourceSplit, signal: AbortSignal): Promise<void> {
    if (this.#read === null) return
    const { reader, spec } = readOf(readers, this.#read, split)
    for await (const batch of reader.read(spec, split, signal)) {
      if (this.#flags) {
        this.#onFound((this.#flagged += batch.rows))
        recycle(batch)
      } else this.#batches.push(batch)
    }
  }

  /** That the transaction of the split removes. */
  get rows(): number {
    return this.#batches.reduce((sum, { rows }) => sum + rows, 0)
  }

  /** In the transaction of the other rows. */
  get removal(): Removal | undefined {
    if (this.#read === null || this.#flags) return undefined
    return { spec: keysOnly(this.#plan.write), rows: () => this.#batches, onRemoved: this.#onFound }
  }

  close(): void {
    for (const batch of this.#batches.splice(0)) recycle(batch)
  }
}
