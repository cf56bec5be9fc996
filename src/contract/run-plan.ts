/** What planning decides about a run. */
import type { TableMarks } from './read.js'
import type { SourceSpec } from './source-spec.js'
import type { Column } from './table-schema.js'
import type { PipelinePlan } from './pipeline.js'
import type { TargetSpec } from './target-spec.js'
import type { RetryPolicy } from './waiting.js'

/** `sync` compares both tables and writes only what differs. */
export type Mode = 'init' | 'append' | 'increment' | 'sync'

/**
 * The immutable, serialisable result of planning. Holds no secret: whoever has the RunPlan, a split and the
 * Endpoints of source and target can copy that split, in this process or on another machine.
 */
export interface RunPlan {
  readonly mode: Mode
  readonly read: SourceSpec
  readonly write: TargetSpec
  /** What worker threads do to rows between reading and writing; null: rows are written as they are read. */
  readonly pipeline: PipelinePlan | null
  /** What becomes of rows that the source has deleted; null: nothing was asked for. */
  readonly deletions: Deletions | null
  readonly policy: RunPolicy
  /** Why each choice was made. */
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  /** Those of the warnings that say why an incremental run stays behind, by how much, and who holds it. */
  readonly delays: readonly string[]
  /** What the next incremental run tells by whether source and target are still the same tables; null: nothing is remembered. */
  readonly marks: TableMarks | null
}

/** How a run goes about its work. */
export interface RunPolicy {
  /** Most threads. */
  readonly workerNum: number
  /** With which it begins: fewer where it finds out on the way how many help. */
  readonly firstThreads: number
  /** `split`: every split is read at its own moment; `snapshot`: all of them at one. */
  readonly consistency: 'split' | 'snapshot'
  /** null: as fast as it goes. */
  readonly speed: SpeedLimits | null
  /** Splits leave checkpoints in the target, so that a run which ends early can be resumed. */
  readonly resumable: boolean
  /** Why a run that ends early goes on without checkpoints, or cannot, in words; null: it goes on with them, or is stored as a whole. */
  readonly unresumable: string | null
  /** What the user asked the run to do to the target beside writing rows, by the names of the params: only a run with checkpoints goes on with it. */
  readonly besideRows: readonly string[]
  /** Of which tables indexes come after the rows: of none, of those that the run creates, or of all that are empty. */
  readonly indexesLast: 'none' | 'created' | 'empty'
  /** What to remember of a run that succeeds: how far it has got, for the next run of either mode. */
  readonly watermarks: Readonly<Partial<Record<Mode, string>>>
  readonly retry: RetryPolicy
}

/** What a run, all its threads together, may ask of the servers. null in each: there is no limit. */
export interface SpeedLimits {
  /** Rows read per second. */
  readonly record: number | null
  /** Bytes read per second, in the wire format. */
  readonly byte: number | null
  /** No split begins while one of the servers has more statements under way, those of the run itself included. */
  readonly maxThreadsRunning: number | null
  /** No split begins while one of the servers, or one of `Params.replicas`, is a replica that is more seconds behind. */
  readonly maxLag: number | null
}

/** Rows that the source has deleted. */
export interface Deletions {
  /** Of the target: it says that a row is deleted. null: such rows are deleted there. */
  readonly flag: Column | null
  /** Conditions in the source's SQL, the user's `where` included; null: the source has no flag, deleted rows are not there. */
  readonly rows: { readonly live: string; readonly deleted: string } | null
}
