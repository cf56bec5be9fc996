/** What cannot be done by several hosts, with what to do instead. */
import { RowshiftError } from '../../contract/errors.js'
import type { OwnPoolOptions } from '../../engine/job-pool.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { CopySetup, WorkerSetup } from '../../engine/messages.js'
import type { VerifySetup } from '../verify/messages.js'

type HostSetup = WorkerSetup | VerifySetup

/** Throws HOSTS_REFUSED. Nothing was written yet. */
export function refuseForHosts({ setup }: OwnPoolOptions): void {
  const why = isComparison(setup as HostSetup) ? null : whyNotCopied((setup as WorkerSetup).plan)
  if (why === null) return
  throw new RowshiftError(
    'HOSTS_REFUSED',
    `This run cannot be shared among hosts: ${why}. Leave out --workers to run it in this process. Nothing was written.`,
  )
}

export function isComparison(setup: WorkerSetup | CopySetup | VerifySetup): setup is VerifySetup {
  return 'repair' in setup
}

/** In words; null: it can. A worker that was given up may wake up and commit: only a checkpoint in the target keeps that from happening twice. */
export function whyNotCopied({ policy, pipeline, read, write }: RunPlan): string | null {
  const inSnapshot = policy.consistency === 'snapshot'
  if (write.unmarked !== undefined)
    return `${write.unmarked}, so nothing there keeps a split from being stored twice`
  if (policy.unresumable !== null && !inSnapshot)
    return `${policy.unresumable}, so nothing there keeps a split from being stored twice`
  if ((!policy.resumable && !inSnapshot) || read.key === null) return 'its rows are one split'
  if (write.errorLimit.record > 0)
    return 'rejected rows go to a file of one machine (leave out error_limit, and the first such row ends the run)'
  const fixed = pipeline?.cells.some(
    (cell) => cell.type === 'id' && cell.ids.type === 'snowflake' && cell.ids.worker !== null,
  )
  return fixed
    ? 'the "worker" of its snowflake ids is one number (leave it out, and each thread takes its own)'
    : null
}
