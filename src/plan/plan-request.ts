import type { Reader, Writer } from '../contract/plugin.js'
import type { Params } from '../task/params.js'
import type { NamedConnections } from './named-connections.js'
import type { Past, WindowRequest } from './window.js'

export interface PlanRequest {
  /** Of the first database of either end. */
  readonly reader: Reader
  readonly writer: Writer
  readonly sourceTable: string
  readonly targetTable: string
  readonly params: Params
  /** The databases of a source that is several tables. null: it is one table. */
  readonly origin?: SourcePlace | null
  /** The databases of a sharded target. null: it is one table. */
  readonly place?: ShardPlace | null
  /** Of earlier runs; null: nothing is remembered. */
  readonly past?: Past | null
  /** A range to read again. Default: what is new. */
  readonly backfill?: WindowRequest['backfill']
  readonly connections: NamedConnections
  /** Ends what is waited for outside of the databases, which have it already. */
  readonly signal?: AbortSignal | undefined
}

/** The databases that the tables of a source are in. */
export interface SourcePlace {
  /** Names that tell them apart; one empty name for a single database. */
  readonly databases: readonly string[]
  /** Of each database. */
  readonly readers: readonly Reader[]
}

/** The databases that a sharded target is spread over. */
export interface ShardPlace {
  /** Names that tell them apart; one empty name for a single database. */
  readonly databases: readonly string[]
  /** Of each database. */
  readonly writers: readonly Writer[]
}
