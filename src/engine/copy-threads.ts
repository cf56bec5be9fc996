/** The worker threads of a copy, or of the copies of several tables. */
import type { RunPlan } from '../contract/run-plan.js'
import type { OwnPoolOptions } from './job-pool.js'
import type { CopyRequest } from './copy-request.js'
import { endpointsOf } from './endpoints.js'
import type { TablesSetup, ThreadSetup } from './messages.js'
import { noneConnected } from './messages.js'
import { ThreadCount } from './thread-count.js'

/** A thread reads its next split while it writes the one before. */
export const SPLITS_PER_THREAD = 2
/** One queued split per thread beyond those it holds, so that planning stays ahead but lazy. */
export const SPLITS_AHEAD = SPLITS_PER_THREAD + 1
/** Of more tables, however small, threads have something to do. */
const FEW = 20

/** They start as there are jobs for them. `plans`: of every table that they copy. */
export function copyThreads(plans: readonly RunPlan[], setup: ThreadSetup): OwnPoolOptions {
  const inSnapshot = plans.some(({ policy }) => policy.consistency === 'snapshot')
  const called = plans.some(({ pipeline }) => pipeline?.transform != null)
  return {
    worker: 'split.js',
    startsEarly: inSnapshot ? 'all' : lookSmall(plans) ? 'none' : 'first',
    replaces: plans.every(isReplaceable),
    jobsPerThread: SPLITS_PER_THREAD,
    // Where rows are not JavaScript objects, a larger young generation only makes each thread 10 MB heavier.
    maxYoungGenerationSizeMb: called ? 16 : 3,
    setup,
  }
}

/** What threads that copy several tables know from the start; `request`: of one of them. */
export function tablesSetup(runId: string, { from, to, params }: CopyRequest): TablesSetup {
  return {
    source: endpointsOf(from, params.session, params.timeZone),
    target: endpointsOf(to, params.session),
    beginsSnapshot: params.consistency === 'snapshot',
    control: `rowshift-${runId}`,
    connected: noneConnected(),
  }
}

export function threadCount(plans: readonly RunPlan[]): ThreadCount {
  const most = Math.max(...plans.map(({ policy }) => policy.workerNum))
  const first = Math.max(...plans.map(({ policy }) => policy.firstThreads))
  return new ThreadCount({ first, most })
}

/** Whether a new thread may take part in the run: it sees the moment that the others see, and makes no id that somebody else makes. */
function isReplaceable({ policy, pipeline }: RunPlan): boolean {
  const numbered =
    pipeline?.cells.some((cell) => cell.type === 'id' && cell.ids.type === 'snowflake') ?? false
  return policy.consistency !== 'snapshot' && !numbered
}

/** By statistics: that a table is small, is known when its only split is. Of several tables, together. */
export function lookSmall(plans: readonly RunPlan[]): boolean {
  const rows = plans.reduce(
    (sum, { read }) => sum + (read.window?.rows ?? read.table.estimatedRows ?? Infinity),
    0,
  )
  return plans.length <= FEW && rows < Math.min(...plans.map(({ read }) => read.splitRows))
}
