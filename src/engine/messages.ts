import type { MessagePort } from 'node:worker_threads'
import type { SharedCells } from '../wire/cell-map.js'
import type { ErrorReport } from '../contract/errors.js'
import type { Endpoint, SplitMark, WriteCounts } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { TargetCounts } from '../contract/target-spec.js'
import type { SourceSplit } from '../contract/source-spec.js'
import { nothingWritten } from '../contract/plugin.js'
import type { TimeSpent } from '../contract/time-spent.js'
import type { LogLevel } from '../contract/transform.js'

/** The whole protocol between the coordinator and its worker threads. Row counts travel, rows never do. */

/** What a thread of any pool needs to know of it. */
export interface ThreadSetup {
  /** Name of the BroadcastChannel on which all threads listen for {@link ControlMessage}s. */
  readonly control: string
  /** In shared memory: how many threads have their connections. */
  readonly connected: Int32Array
}

export function noneConnected(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
}

/** What a thread needs to know of a copy. */
export interface CopySetup {
  readonly runId: string
  readonly plan: RunPlan
  /** null: the first row that the target rejects ends the run. */
  readonly dirty: DirtySetup | null
  /** null: the plan has no pipeline. */
  readonly pipeline: PipelineSetup | null
  /** Rows do not wait for unique values that other rows have: they would be written without a mark. Default: they may. */
  readonly defers?: false
}

/** What every worker thread starts with (`workerData`) that copies several tables: of each, it asks for a {@link CopySetup}. */
export interface TablesSetup extends ThreadSetup {
  /** Of each database. */
  readonly source: readonly Endpoint[]
  readonly target: readonly Endpoint[]
  /** Threads connect at once, and all see one moment. */
  readonly beginsSnapshot: boolean
  /** As of a {@link WorkerSetup}. */
  readonly snapshot?: string
}

/** What every worker thread of one copy starts with (`workerData`). */
export interface WorkerSetup extends ThreadSetup, CopySetup {
  /** Of each database. */
  readonly source: readonly Endpoint[]
  readonly target: readonly Endpoint[]
  /** A snapshot that has begun: a thread joins it when it opens its connections. Default: the thread is told of one, if there is one. */
  readonly snapshot?: string
}

/** What the threads share to keep the rows that the target refuses. */
export interface DirtySetup {
  /** Those that the target refuses are appended to it, as they were to be written. */
  readonly file: string
  /** Those that the pipeline refuses, as they were read; null: the plan has no pipeline. */
  readonly readFile: string | null
  /** Most such rows in the whole run. */
  readonly limit: number
  /** In shared memory: one number, how many there are so far. */
  readonly rows: BigUint64Array
}

/** What the threads share to make cells. */
export interface PipelineSetup {
  /** The databases that are looked into or written to beside the copy itself, by the names that the plan has for them. */
  readonly endpoints: Readonly<Record<string, Endpoint>>
  /** Lookups that are kept in memory, by the index of their cell in the plan. */
  readonly lookups: Readonly<Record<number, SharedCells>>
  /** In shared memory: how many threads have begun; and the first number that the run has reserved for them, when it has. */
  readonly threads: Int32Array
}

/** Rows that wait for a unique value, as they are to be written. They wait for the whole run, and are few. */
export interface DeferredRows {
  /** null: the target is one table. */
  readonly shard: string | null
  readonly rows: number
  readonly bytes: Uint8Array
}

/** For one thread, when all splits are written: rows of one table that have waited. */
export interface SettleJob {
  readonly index: number
  readonly settle: readonly DeferredRows[]
  /** It leaves nothing, but is committed only while the run has this attempt. */
  readonly mark?: SplitMarkJob | undefined
  /** As of a {@link SplitJob}. */
  readonly shrunk?: number
}

/** What a split is to leave in the target, without what only its thread knows. */
export interface SplitMarkJob extends Pick<SplitMark, 'run' | 'attempt' | 'split' | 'again'> {
  /** By shard: rows of the split that earlier attempts have stored. Default: none. */
  readonly parts?: Readonly<Record<string, WriteCounts>> | undefined
}

/** For one thread: to copy a split. */
export interface SplitJob extends SourceSplit {
  /** Default: it leaves nothing. */
  readonly mark?: SplitMarkJob | undefined
  /** How often statements were made smaller, because they may have been too large for the way to the target. Default: never. */
  readonly shrunk?: number
}

/** What a thread does. */
export type CopyJob = SplitJob | SettleJob

/** Coordinator to all threads. */
export type ControlMessage =
  /** The source's snapshot has begun: join it, by its token if it has one. */
  | { readonly type: 'snapshot'; readonly token: string | null }
  /** Give up what you are doing for this run; null: for all. */
  | { readonly type: 'abort'; readonly run: string | null }
  /** No more jobs of this run will come, and none is under way: forget it. */
  | { readonly type: 'end'; readonly run: string }
  /** Nothing more will come: close your connections. */
  | { readonly type: 'close' }
  /** The thread of this id closes its connections and takes no more jobs: one is needed for something else. */
  | { readonly type: 'giveUp'; readonly thread: number }

/** How far a split has got; each message replaces the one before. Until it is done, rows written are not yet committed. */
export interface SplitCounts extends TargetCounts {
  /** Rows read of each table, where the source is several; only when a split is done. */
  readonly sources?: Readonly<Record<string, number>>
  readonly rowsRead: number
  /** Left out by the pipeline on purpose. */
  readonly rowsFiltered: number
  /** Made by the pipeline beyond one for each row read. */
  readonly rowsAdded: number
  /** Rows whose key a lookup did not find, for each lookup. */
  readonly lookupMisses: number
  /** They wait for a unique value that another row has; negative for rows that have waited. */
  readonly rowsDeferred: number
  /** Those of the rows written that came late: of a split before the watermark. */
  readonly rowsLate: number
  /** In the source, by a flag: deleted in the target, or flagged there too. */
  readonly rowsDeleted: number
  /** In the wire format. */
  readonly bytes: number
}

export const noCounts: SplitCounts = {
  rowsRead: 0,
  rowsFiltered: 0,
  rowsAdded: 0,
  lookupMisses: 0,
  ...nothingWritten,
  rowsDeferred: 0,
  rowsLate: 0,
  rowsDeleted: 0,
  bytes: 0,
}

/**
 * Thread to its pool, by its id: it is about to open connections; it is about to count among those that have theirs; it has closed them.
 * Or it asks for what it needs to know of a run, to be answered through the port; null: the run is over.
 */
export type ThreadMessage =
  | { readonly type: 'opened' | 'connected' | 'closed'; readonly thread: number }
  | { readonly type: 'setup'; readonly run: string; readonly port: MessagePort }

/** For a snapshot, twice: both endpoints are open, and the snapshot has begun; or why not. `gaveUp` as in {@link Failure}. */
export interface ThreadReady {
  readonly type: 'ready'
  readonly error: ErrorReport | null
  readonly gaveUp: number | null
}

/** Thread to coordinator, at any time. */
export type WorkerMessage =
  | ThreadReady
  | RunMessage
  /** At its end: for how long it had a split in hand. */
  | { readonly type: 'busy'; readonly seconds: number }

/** About a run. */
export type RunMessage = { readonly run: string } & (
  | { readonly type: 'progress'; readonly split: number; readonly counts: SplitCounts }
  /** Before it loads a user's module: where it shows what that is doing (`ExecutionMarker`). */
  | { readonly type: 'calls'; readonly thread: number; readonly memory: SharedArrayBuffer }
  /** What a user's module has to say. */
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string }
)

/** What a thread says of a job that failed. Errors lose their fields when thrown across threads. */
export interface Failure {
  readonly outcome: 'failed'
  readonly error: ErrorReport
  /** It failed for a reason that may pass, and has left nothing that running it again would not fix. */
  readonly repeatable: boolean
  /** The thread, by its id, when it takes no more jobs because a server takes no more connections; another one may run this job. */
  readonly gaveUp: number | null
  /** Rows were being written, and none of them is stored. Default: that is not known. */
  readonly writing?: boolean
}

/** Thread to coordinator, as the result of a split, whatever became of it. */
export type SplitResult = SplitOutcome & {
  /** What the splits of the run have taken since the thread last said so. Default: nothing. */
  readonly spent?: TimeSpent
}

type SplitOutcome =
  | {
      readonly outcome: 'copied'
      readonly counts: SplitCounts
      readonly deferred: readonly DeferredRows[]
      /** Until its rows were read and made, from when it was its turn. */
      readonly milliseconds: number
    }
  /**
   * Given up, with nothing of it stored, and it can be divided: `rows` of it already have so many bytes. `error`: they are more than one
   * transaction may change; null: more than a thread may hold.
   */
  | {
      readonly outcome: 'oversized'
      readonly rows: number
      readonly bytes: number
      readonly error: ErrorReport | null
    }
  | Failure
