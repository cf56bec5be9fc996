import type { Column, SplitKey, TableSchema, Writer } from '../contract/plugin.js'
import type { ColumnPair, Computation } from './mapping.js'
import type { NamedConnections } from './named-connections.js'
import type { PlannedTransform } from '../features/transform/plan.js'

export interface PipelineRequest {
  /** null: no column gets new ids. */
  readonly writer: Writer | null
  readonly connections: NamedConnections
  readonly target: TableSchema
  /** Tables of the target that are there, in its first database. */
  readonly tables: readonly string[]
  readonly pairs: readonly ColumnPair[]
  /** What entries of `columns` take from each other. */
  readonly values: readonly Computation[]
  readonly key: SplitKey | null
  /** Columns that say in which shard a row belongs, and are not written. */
  readonly shardReads: readonly Column[]
  readonly workerNum: number
  /** Id maps that a repair creates; for a comparison, which looks ids up in them. */
  readonly created?: readonly TableSchema[]
  readonly transform: PlannedTransform | null
}
