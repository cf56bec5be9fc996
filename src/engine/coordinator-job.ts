import type { RowshiftError } from '../contract/errors.js'
import type { Endpoint, Reader, Writer } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { RunCheckpoints } from '../features/resume/run-checkpoints.js'
import type { DirtySetup, PipelineSetup } from './messages.js'
import type { Hosts } from './job-pool.js'
import type { Progress } from './progress.js'
import type { SharedThreads } from './shared-threads.js'
import type { Throttle } from './throttle.js'

export interface CoordinatorJob {
  readonly runId: string
  readonly plan: RunPlan
  /** Of each database. */
  readonly source: readonly Endpoint[]
  readonly target: readonly Endpoint[]
  /** The coordinator's own, which compute the splits. */
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
  readonly checkpoints: RunCheckpoints
  /** null: threads of this process. */
  readonly hosts: Hosts | null
  /** The last thing before the first split: what it does, it does only when all threads can begin. */
  readonly prepare: () => Promise<void>
  /** null: the first row that the target rejects ends the run. */
  readonly dirty: DirtySetup | null
  /** null: the plan has no pipeline. */
  readonly pipeline: PipelineSetup | null
  readonly throttle: Throttle
  /** What it has together with the copies of other tables; null: nothing. */
  readonly shared: Sharing | null
  /** No more splits begin when it aborts. */
  readonly enough: AbortSignal | undefined
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/** What a copy has together with those of other tables, side by side. */
export interface Sharing {
  readonly threads: SharedThreads
  /** Among the tables: the lower, the sooner its splits get a thread. */
  readonly rank: number
  /** Whether a split that is the only one of its table runs in this thread: all tables together are not worth another. */
  readonly inPlace: boolean
  /** Of the snapshot that all threads see already; null: there is none, or it is not known. */
  readonly position: string | null
}

export interface CoordinatorResult {
  readonly progress: Progress
  /** The first failure; null when every split was copied. */
  readonly error: RowshiftError | null
  /** Seconds for which each thread had a split in hand. */
  readonly busySeconds: readonly number[]
  /** Of the snapshot, in the source's log of changes; null: there is none, or it is not known. */
  readonly position: string | null
  /** The last split held a row when it was planned, and none when it was read. */
  readonly lastRowsGone: boolean
  /** Splits whose rows were to stay in the server and passed through rowshift all the same. */
  readonly readInstead: number
  /** Threads that stopped because a server took no more connections, in words; null: none. */
  readonly gaveUp: string | null
  /** How the number of threads was found, in words; null: it was not changed. */
  readonly threads: string | null
}
