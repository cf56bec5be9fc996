/** What a split leaves in each shard of a target, so that nobody writes its rows there again. */
import type { SplitMark, WriteCounts } from '../../contract/plugin.js'
import type { TargetCounts } from '../../contract/target-spec.js'

/** By the name of the shard: rows of one split that are stored there. */
export type StoredParts = Readonly<Record<string, WriteCounts>>

/** The rows of a split for one shard. */
export interface SplitPart {
  readonly shard: string
  readonly counts: WriteCounts
  /** They may be some of these rows only, which nobody can tell from the others. */
  readonly piece: boolean
}

/** As for a writer, of a whole split; where the target is several tables, each has a mark of its own, too. */
export interface TargetMark extends Omit<SplitMark, 'state'> {
  readonly state: (counts: TargetCounts) => string | null
  /** What earlier attempts have stored. */
  readonly parts: StoredParts
  /** What the rows for one shard leave there; with `whole`, all of the split is stored. */
  readonly partState: (part: SplitPart, whole: TargetCounts | null) => string
  readonly partIn: (state: string) => SplitPart
  /** So many rows were read again that are stored; `counts`: as they were then. */
  readonly onKept: (rows: number, counts: WriteCounts) => void
}

/** What the rows of a split for one table are known by. */
export function partName(split: string, table: string, go: number): string {
  return `${split}@${table}${go === 0 ? '' : `#${go}`}`
}

/** By which a line of rejected rows tells whether its split, or part of one, is stored. */
export function markName(attempt: number, split: string): string {
  return `${attempt}:${split}`
}

/** The split that such rows are of. */
export function splitOf(name: string): string {
  return name.split('@')[0]!
}
