/** What cannot be done by several hosts, with what to do instead. */
import { RowshiftError } from '../../contract/errors.js'
import type { OwnPoolOptions } from '../../engine/job-pool.js'
import type { WorkerSetup } from '../../engine/messages.js'
import type { VerifySetup } from '../verify/messages.js'

/** Throws HOSTS_REFUSED. Nothing was written yet. */
export function refuseForHosts({ setup }: OwnPoolOptions): void {
  const why = isComparison(setup as WorkerSetup | VerifySetup)
    ? whyNotCompared(setup as VerifySetup)
    : whyNotCopied(setup as WorkerSetup)
  if (why === null) return
  throw new RowshiftError(
    'HOSTS_REFUSED',
    `This run cannot be shared among hosts: ${why}. Leave out --workers to run it in this process. Nothing was written.`,
  )
}

export function isComparison(setup: WorkerSetup | VerifySetup): setup is VerifySetup {
  return 'repair' in setup
}

function whyNotCompared({ repair }: VerifySetup): string | null {
  return repair === null
    ? null
    : 'a repair changes rows that no checkpoint protects from a worker that wakes up late'
}

/** A worker that was given up may wake up and commit: only a checkpoint in the target keeps that from happening twice. */
function whyNotCopied({ plan, dirty }: WorkerSetup): string | null {
  const { policy, pipeline, read, write } = plan
  const inSnapshot = policy.consistency === 'snapshot'
  if (write.unmarked !== undefined)
    return `${write.unmarked}, so nothing there keeps a split from being stored twice`
  if (policy.unresumable !== null && !inSnapshot)
    return `${policy.unresumable}, so nothing there keeps a split from being stored twice`
  if ((!policy.resumable && !inSnapshot) || read.key === null) return 'its rows are one split'
  if (dirty !== null)
    return 'rejected rows go to a file of one machine (leave out error_limit, and the first such row ends the run)'
  const fixed = pipeline?.cells.some(
    (cell) => cell.type === 'id' && cell.ids.type === 'snowflake' && cell.ids.worker !== null,
  )
  return fixed
    ? 'the "worker" of its snowflake ids is one number (leave it out, and each thread takes its own)'
    : null
}
