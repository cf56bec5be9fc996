import type { DeferredRows, Failure, SettleJob, PipelineSetup, ThreadSetup } from '../../engine/messages.js'
import type { ErrorReport } from '../../contract/errors.js'
import type { Endpoint, Split } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import type { Differences } from './row-comparison.js'
import type { VerifyPlan } from './plan.js'

/** What every worker thread of a verification starts with. */
export interface VerifySetup extends ThreadSetup {
  readonly runId: string
  readonly plan: VerifyPlan
  /** How rows are written; null: nothing is repaired. */
  readonly repair: RunPlan | null
  /** Where whoever repairs writes rows; null: nobody does. */
  readonly repaired: Pick<TargetSpec, 'sharding'> | null
  /** Of each database. */
  readonly source: readonly Endpoint[]
  readonly target: readonly Endpoint[]
  /** To make rows as `plan` says; null: they are compared as they are read. */
  readonly pipeline: PipelineSetup | null
  /** To make them as `repair` says. */
  readonly repairPipeline: PipelineSetup | null
}

export type VerifyJob = RangeJob | SettleJob

export interface RangeJob {
  readonly range: Split
  /** null: only compare; else the most rows of the range that may be deleted while it is repaired. */
  readonly mayDelete: number | null
  /** The range is, or was, repaired. */
  readonly repaired: boolean
}

/** What a range turned out to be. */
export interface Findings {
  readonly sourceRows: number
  readonly targetRows: number
  /** Rows of the source that a copy leaves out on purpose; not among `sourceRows`. */
  readonly filtered: number
  readonly differences: Differences
  /** The smallest ranges looked at that hold all differences. */
  readonly ranges: readonly DifferingRange[]
  /** Why a repair cannot write a row of the source: no table is for it, or none that may be created. null: a repair can write it. */
  readonly shardError: ErrorReport | null
}

export interface DifferingRange {
  readonly range: Split
  /** Most rows that its repair may delete: extra ones, and those whose row of the source gets a new id, by which it may belong elsewhere. */
  readonly deletable: number
}

/**
 * Findings are those after a repair, if there was one; rows that are deferred are not written yet. A repair that failed may have
 * changed rows too: those to be deleted and those to be written are committed in transactions of their own.
 */
export type VerifyResult = (
  | { readonly outcome: 'done'; readonly findings: Findings; readonly deferred: readonly DeferredRows[] }
  | Failure
) & {
  readonly written: number
  readonly deleted: number
}
