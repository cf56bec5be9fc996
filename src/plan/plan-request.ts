import type { ForeignKey, Reader, TableSchema, Writer } from '../contract/plugin.js'
import type { Params } from '../task/params.js'
import type { NamedConnections } from './named-connections.js'
import type { SavedWatermarks, WindowRequest } from './window.js'

export interface PlanRequest {
  readonly source: SourceEndpoint
  readonly target: TargetEndpoint
  readonly params: Params
  /** Of earlier runs; null: nothing is remembered. */
  readonly savedWatermarks?: SavedWatermarks | null
  /** A range to read again. Default: what is new. */
  readonly backfill?: WindowRequest['backfill']
  readonly connections: NamedConnections
  /** Other hosts do the work. Default: threads of this process do. */
  readonly elsewhere?: boolean
  /** As in `WriteSpec`. */
  readonly largeRows?: true
  /** Those that a table which is created is to have: see `CreateTableRequest`. */
  readonly foreignKeys?: readonly ForeignKey[]
  /** Ends what is waited for outside of the databases, which have it already. */
  readonly signal?: AbortSignal | undefined
}

/** What was asked about many tables of both ends at once. */
export interface KnownTables {
  readonly source: NonNullable<NamedTables['known']>
  readonly target: NonNullable<NamedTables['known']>
}

/** The tables of one endpoint. */
interface NamedTables {
  /** As the task names it: one table, or a pattern for several, `log_{0..3}`. */
  readonly table: string
  /** It stands for several tables, even where it finds one only. */
  readonly several: boolean
  /** What is known of tables by name; null: there is none. Default: they are described. */
  readonly known?: ReadonlyMap<string, TableSchema | null>
  /** What tells the databases of this endpoint apart; one empty name for a single database. */
  readonly databases: readonly string[]
}

export interface SourceEndpoint extends NamedTables {
  /** Of each database. */
  readonly readers: readonly Reader[]
}

export interface TargetEndpoint extends NamedTables {
  /** Of each database. */
  readonly writers: readonly Writer[]
}
