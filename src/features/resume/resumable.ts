import type { Reader, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { Params } from '../../task/params.js'

interface Planned {
  readonly params: Pick<Params, 'mode' | 'consistency'>
  readonly read: SourceSpec
  readonly write: TargetSpec
  readonly deletions: RunPlan['deletions']
}

/** Why a run that ends early can only be begun anew, in words; null: it can be resumed, or is one split. */
export function whyNotResumable(
  { params, read, write, deletions }: Planned,
  readers: readonly Reader[],
  writers: readonly Writer[],
): string | null {
  if (params.mode === 'sync') return null
  if (isOneSplit(read))
    return write.sharding === null
      ? null
      : 'rows without a key are one split, which its shards store one after another'
  if (params.consistency === 'snapshot') return 'the moment that a snapshot shows is gone when the run ends'
  if (deletions?.rows != null) return 'rows that the source flags as deleted are handled after their split'
  if (!writers.every(({ skills }) => skills.checkpoints !== undefined))
    return 'the target keeps no checkpoints'
  if (write.unmarked !== undefined) return write.unmarked
  if (!readers.every(({ skills }) => skills.splitAfter !== undefined))
    return 'the source cannot be split from a key on'
  return null
}

/** Without a key the whole table is one. */
export function isOneSplit({ key, sources }: SourceSpec): boolean {
  return key === null && sources == null
}

export function unresumableReasons(why: string | null): string[] {
  return why === null ? [] : [`if it ends early, it cannot be resumed: ${why}`]
}
