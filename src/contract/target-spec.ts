/** The target of a run: one table, or several that its rows are sorted into. Plugins get one table at a time, as a {@link PlannedWrite}. */
import type { Sharding } from './sharding.js'
import type { PlannedWrite, WriteCounts, WritePlan } from './write.js'

/** How rows of the target are written. Plain JSON without secrets. */
export type TargetSpec = PlannedWrite & {
  /** The tables that `table` stands for, as it was named, and by what rule rows go to them. null: it is one table. */
  readonly sharding: Sharding | null
  /** How rows enter each table of `sharding`, in its order. Default: it is one table. */
  readonly shards?: readonly WritePlan[]
}

/** What became of the rows of a split. */
export interface TargetCounts extends WriteCounts {
  /** By the name of the shard. Default: the target is one table. */
  readonly shards?: Readonly<Record<string, WriteCounts>>
}
