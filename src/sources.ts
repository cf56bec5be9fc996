/** A source that is several tables, read as one. Part of the plugin contract, though plugins get one table at a time. */
import type { Window } from './read.js'
import type { SplitKey, TableSchema } from './schema.js'

export interface SourceTable {
  /** For people and reports: `log_3`, or `shard_0.log_3` where there are several databases. */
  readonly name: string
  /** Which of the databases. */
  readonly endpoint: number
  readonly table: string
  readonly identity: TableSchema['identity']
  readonly estimatedRows: number | null
  /** What it is split by: the plan's key, or the column of its window. */
  readonly key: SplitKey | null
  readonly window: Window | null
}
