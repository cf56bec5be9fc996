import type { ResolvedConnection } from '../config/config.js'
import type { ForeignKey } from '../contract/plugin.js'
import type { Resume } from '../features/resume/find-run.js'
import type { RunMemory } from '../features/resume/run-memory.js'
import type { Backfill } from '../plan/bounds.js'
import type { SavedWatermarks } from '../plan/window.js'
import type { Params } from '../task/params.js'
import type { TableAt } from './endpoints.js'
import type { Hosts } from './job-pool.js'

export interface CopyRequest {
  readonly runId: string
  /** null: a copy without a stored task. */
  readonly taskId: number | null
  readonly from: TableAt
  readonly to: TableAt
  readonly params: Params
  /** What earlier runs have left for incremental modes; null: nothing is remembered. */
  readonly savedWatermarks?: SavedWatermarks | null
  /** A range that incremental modes are to read again; then nothing is remembered. Default: what is new. */
  readonly backfill?: Backfill | null
  /** Default: a new run begins. */
  readonly resume?: Resume
  /** It is a measurement: no more splits begin when `enough` aborts, and no checkpoints are left. Default: it is not. */
  readonly trial?: { readonly enough: AbortSignal }
  /** Default: nobody remembers runs. */
  readonly memory?: RunMemory
  /** Where `"in": "source"` looks values up, when rows come from elsewhere: from a file. Default: `from`. */
  readonly lookupSource?: ResolvedConnection
  /** Those that a table which is created is to have. Default: as for a table that is copied alone. */
  readonly foreignKeys?: readonly ForeignKey[]
  /** Databases beside the two endpoints that `params` look values up in, by what they call them. Default: none. */
  readonly others?: Readonly<Record<string, ResolvedConnection>>
  /** Whose threads copy it. Default: those of this process. */
  readonly hosts?: Hosts
  /** It is one of several tables, which the threads of other hosts copy together. Default: `hosts` says whose threads copy it. */
  readonly elsewhere?: true
}

/** Makes the hosts of a run, which nobody else has. */
export type HostsOf = (run: Pick<CopyRequest, 'runId' | 'from' | 'to' | 'others' | 'params'>) => Hosts
