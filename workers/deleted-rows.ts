import { deletedRows, keysOnly } from '../src/engine/deletions.js'
import { recycle } from '../src/wire/builder.js'
import { readOf } from '../src/features/sources/splits.js'
import type { Batch, Reader } from '../src/contract/plugin.js'
import type { TableWrite } from '../src/features/shard/table-writes.js'
import type { Target } from '../src/features/shard/target.js'
import type { SourceSpec, SourceSplit } from '../src/contract/source-spec.js'
import type { RowshiftError } from '../src/contract/errors.js'
import type { RetryPolicy } from '../src/contract/waiting.js'
import { pauseAfter, retried } from '../src/contract/waiting.js'
import type { RunPlan } from '../src/contract/run-plan.js'

/** The rows of one split that the source has deleted by a flag: they are deleted in the target, or only counted where it has a flag too. */
export class DeletedRows {
  readonly #read: SourceSpec | null
  /** The target has a flag, too, which is written with the row. */
  readonly #flags: boolean
  readonly #batches: Batch[] = []
  readonly #retry: RetryPolicy
  #flagged = 0

  constructor(plan: RunPlan) {
    this.#read = deletedRows(plan)
    this.#flags = plan.deletions?.flag != null
    this.#retry = plan.policy.retry
  }

  /** In the same moment, or nearly so, as the other rows: one that is deleted in between belongs to the next window. */
  async find(readers: readonly Reader[], split: SourceSplit, signal: AbortSignal): Promise<void> {
    if (this.#read === null) return
    const { reader, spec } = readOf(readers, this.#read, split)
    for await (const batch of reader.read(spec, split, signal)) {
      if (this.#flags) {
        this.#flagged += batch.rows
        recycle(batch)
      } else this.#batches.push(batch)
    }
  }

  /** After the other rows were written; resolves to how many rows were deleted or flagged. */
  async settle(target: Target, signal: AbortSignal): Promise<number> {
    let rows = this.#flagged
    for (const batch of this.#batches) {
      rows += await this.#remove(await target.table(null, signal), batch, signal)
      recycle(batch)
    }
    return rows
  }

  /** Tried again by itself when it meets a lock: the other rows of the split are committed, and would not be counted a second time. */
  #remove({ writer, spec }: TableWrite, batch: Batch, signal: AbortSignal): Promise<number> {
    const next = (error: RowshiftError, retries: number) => pauseAfter(error, retries, this.#retry)
    return retried(() => writer.skills.deletes!.remove(keysOnly(spec), batch, signal), next, signal)
  }
}
