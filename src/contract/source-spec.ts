/** The source of a run: one table, or several alike that are read as one. Plugins get one table at a time, as a {@link ReadSpec}. */
import type { ReadSpec, Split, Window } from './read.js'
import type { SplitKey, TableSchema } from './table-schema.js'

/** How rows of the source are read. Plain JSON without secrets. */
export interface SourceSpec extends ReadSpec {
  /** The tables that `table` stands for, as it was named: `log_{0..3}`. null: it is one table. */
  readonly sources: readonly SourceTable[] | null
}

/** One table of several, and what is different when it is read. */
export interface SourceTable {
  /** For people and reports: `log_3`, or `shard_0.log_3` where there are several databases. */
  readonly name: string
  /** Which of the databases. */
  readonly endpoint: number
  readonly table: string
  readonly identity: TableSchema['identity']
  readonly estimatedRows: number | null
  /** Its unique keys: tables that are alike may call them differently. */
  readonly keys: TableSchema['keys']
  /** What it is split by: the plan's key, or the column of its window. */
  readonly key: SplitKey | null
  readonly window: Window | null
}

/** A split of one of the tables of a source. */
export interface SourceSplit extends Split {
  /** Which of `SourceSpec.sources` it is of. Default: the source is one table. */
  readonly table?: number
  /** It is of the part of the window before the watermark. Default: of the rest, or of a window in one part. */
  readonly late?: boolean
}
