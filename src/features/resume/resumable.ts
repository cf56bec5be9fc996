import type { Reader, Writer } from '../../contract/plugin.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { Params } from '../../task/params.js'

interface Planned {
  readonly params: Pick<Params, 'mode' | 'consistency'>
  readonly read: SourceSpec
  readonly write: TargetSpec
}

/** Why a run that ends early can only be begun anew, in words; null: it can be resumed, or is one split. */
export function whyNotResumable(
  { params, read, write }: Planned,
  readers: readonly Reader[],
  writers: readonly Writer[],
): string | null {
  if (params.mode === 'sync') return null
  if (isOneSplit(read))
    return write.sharding === null
      ? null
      : 'rows without a key are one split, which its shards store one after another'
  if (params.consistency === 'snapshot') return 'the moment that a snapshot shows is gone when the run ends'
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

/** What keeps the user of this connection from leaving checkpoints, in words; null: nothing. */
export async function whyNoCheckpoints(writers: readonly Writer[]): Promise<string | null> {
  for (const { skills } of writers) {
    const obstacle = (await skills.checkpoints!.obstacle?.()) ?? null
    if (obstacle !== null) return obstacle
  }
  return null
}

export function unresumableReasons(why: string | null, params: Pick<Params, 'mode'>): string[] {
  return why === null ? [] : [`if this run ends early, it ${wayOn(why, params)}`]
}

/** How one goes on with a run that has no checkpoints. Of an increment, a comparison of all rows would not move the watermark. */
export function wayOn(why: string, { mode }: Pick<Params, 'mode'>): string {
  const otherwise =
    mode === 'init'
      ? '"rowshift resume" compares both tables and writes what is missing'
      : 'it is run again from where it began, which takes write_mode "upsert" or "ignore" where rows of it are there'
  return `has no checkpoints to go on from (${why}): ${otherwise}`
}
