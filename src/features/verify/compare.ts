import { DeferredRun } from '../../engine/deferred-rows.js'
import type { Progress } from '../../engine/progress.js'
import type { SplitCounts, PipelineSetup } from '../../engine/messages.js'
import { noCounts, noneConnected } from '../../engine/messages.js'
import type { Hosts, JobPool, OwnPoolOptions, PoolHooks } from '../../engine/job-pool.js'
import { WorkerPool } from '../../engine/pool.js'
import { Scheduler } from '../../engine/scheduler.js'
import { ThreadCount } from '../../engine/thread-count.js'
import type { RowshiftError } from '../../contract/errors.js'
import type { Throttle } from '../../engine/throttle.js'
import { rowBytes } from '../../plan/split-rows.js'
import type { Endpoint, Reader, Split, TableSchema, WriteMode } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { splitRanges } from './range-reads.js'
import { addFindings, areEqual, noFindings, withoutOthers } from './findings.js'
import type { Findings, VerifyJob, VerifyResult, VerifySetup } from './messages.js'
import type { VerifyPlan } from './plan.js'
import { RepairPool } from './repair-pool.js'

export interface CompareJob {
  readonly runId: string
  readonly plan: VerifyPlan
  /** How rows are written; null: only compare. */
  readonly repair: RunPlan | null
  /** Of each database. */
  readonly source: readonly Endpoint[]
  readonly target: readonly Endpoint[]
  readonly pipeline: PipelineSetup | null
  readonly repairPipeline: PipelineSetup | null
  /** The coordinator's own readers of the source, which compute the splits. */
  readonly readers: readonly Reader[]
  /** Percent of the splits to look at. */
  readonly sample: number
  /** How rows are written that the target lacks, when others may stay as they are; null: both tables are to be equal. */
  readonly completes: WriteMode | null
  /** Throws when so many extra rows may not be deleted; called before anything is changed. */
  readonly checkBeforeRepair: (findings: Findings) => void
  /** After that, before anything is repaired. */
  readonly prepare: () => Promise<void>
  readonly throttle: Throttle
  /** Default: threads of this process. */
  readonly hosts: Hosts | undefined
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
  /** So many rows more were written and deleted. */
  readonly onRepaired: (repaired: Repaired) => void
}

/** Rows that a repair has changed in the target. */
export interface Repaired {
  readonly written: number
  readonly deleted: number
}

export interface CompareResult {
  readonly found: Findings
  /** What is left after a repair; the same as `found` without one. */
  readonly left: Findings
  readonly progress: Progress
  readonly splitsSkipped: number
  /** Threads that stopped because a server took no more connections, in words; null: none. */
  readonly gaveUp: string | null
}

/** Fewer than any range has. */
const NONE = -1

/** Compares all ranges of both tables on a pool of worker threads, then repairs those that differ. */
export async function compareTables(job: CompareJob): Promise<CompareResult> {
  const comparison = new Comparison(job)
  try {
    return await comparison.run()
  } finally {
    await comparison.close()
  }
}

/** What is compared and repaired, in which order; the rest is the scheduler's. */
class Comparison {
  readonly #job: CompareJob
  readonly #scheduler: Scheduler<VerifyJob, VerifyResult>
  readonly #deferred = new DeferredRun()
  #skipped = 0

  constructor(job: CompareJob) {
    this.#job = job
    const { runId, plan, signal, onProgress, hosts } = job
    this.#scheduler = new Scheduler({
      runId,
      retry: plan.retry,
      threads: hosts?.threads ?? new ThreadCount({ first: plan.workerNum, most: plan.workerNum }),
      aheadPerThread: 2,
      signal,
      onProgress,
      throttle: job.throttle,
      graceMs: 0,
      pool: (hooks) => poolOf(job, hooks),
    })
  }

  close(): Promise<void> {
    return this.#scheduler.close()
  }

  async run(): Promise<CompareResult> {
    const compared = this.#sampled(this.#coveringSplits())
    const found = await this.#all(compared, (range) => ({ range, mayDelete: null, repaired: false }), true)
    let left = found
    const { repair, plan } = this.#job
    const differ = !areEqual(found.differences)
    if (repair !== null && (differ || plan.created.length > 0)) {
      this.#job.checkBeforeRepair(found)
      await this.#job.prepare()
    }
    if (repair !== null && differ) {
      left = await this.#all(found.ranges, ({ range, deletable }) => ({
        range,
        mayDelete: this.#job.completes === null ? deletable : NONE,
        repaired: true,
      }))
      // The rows that had the unique values they wait for are repaired or deleted by now.
      const waiting = this.#deferred.parts()
      if (waiting.length > 0) {
        await this.#all(waiting, (settle, index) => ({ index, settle }))
        left = await this.#all(found.ranges, ({ range }) => ({ range, mayDelete: null, repaired: true }))
      }
    }
    return {
      found,
      left,
      progress: this.#scheduler.progress,
      splitsSkipped: this.#skipped,
      gaveUp: this.#scheduler.pool.gaveUp,
    }
  }

  /** Runs a job for each item, and adds up what they find. `counted`: as progress, too. Throws what has ended the run. */
  async #all<T>(
    items: AsyncIterable<T> | Iterable<T>,
    jobOf: (item: T, index: number) => VerifyJob,
    counted = false,
  ): Promise<Findings> {
    let sum = noFindings
    await this.#scheduler.run(items, {
      jobOf,
      // What a dead thread has repaired is not known, and is to be said.
      outlives: (range) => 'range' in range && range.mayDelete === null,
      // What a failed repair has changed is committed all the same.
      onAttempt: ({ written, deleted }) => {
        if (written + deleted > 0) this.#job.onRepaired({ written, deleted })
      },
      accept: ({ findings, deferred }, _item, index) => {
        this.#deferred.add(deferred, index)
        const { completes } = this.#job
        sum = addFindings(sum, completes === null ? findings : withoutOthers(findings, completes))
        const rows = findings.sourceRows + findings.filtered
        const { table } = this.#job.plan.source
        // Databases that compare by themselves send no rows.
        const read = { rows, bytes: rows * rowBytes(table) }
        return { counts: counted ? countsOf(findings, table) : noCounts, read }
      },
    })
    const { error } = this.#scheduler
    if (error) throw error
    return sum
  }

  /** Evenly over the table; what lies above the source's last key is always looked at. */
  async *#sampled(splits: AsyncIterable<Split>): AsyncGenerator<Split> {
    const share = this.#job.sample / 100
    let index = 0
    for await (const split of splits) {
      const chosen = Math.ceil((index + 1) * share) > Math.ceil(index * share)
      index++
      if (chosen || split.upper === null) yield split
      else this.#skipped++
    }
  }

  /**
   * The source's splits, and what they leave out of the target: rows above the source's last key, and rows whose key is NULL
   * where the source's cannot be.
   */
  async *#coveringSplits(): AsyncGenerator<Split> {
    const { plan, readers, throttle } = this.#job
    const { source, target, retry } = plan
    const { signal } = this.#scheduler
    const onRetry = (error: RowshiftError, retries: number) => this.#scheduler.retrying(error, retries)
    const size = () => Math.min(source.splitRows, throttle.splitRows)
    let last: readonly string[] | null = null
    let index = 0
    for await (const split of splitRanges(readers, source, size, {
      retry,
      signal,
      onRetry,
    })) {
      yield { ...split, index: index++ }
      last = split.upper ?? last
    }
    if (source.key === null) return
    if (target.key!.nullable && !source.key.nullable) {
      yield { index: index++, lower: null, upper: null, nullKey: true }
    }
    yield { index, lower: last, upper: null }
  }
}

function poolOf(job: CompareJob, hooks: PoolHooks): JobPool<VerifyJob, VerifyResult> {
  const { hosts, readers, repair, plan } = job
  const own: OwnPoolOptions = { worker: 'comparison.js', replaces: true, setup: setupOf(job) }
  if (hosts === undefined) return new WorkerPool({ ...own, ...hooks })
  // They find what the repair cannot write, too.
  const compared = { ...own, setup: { ...own.setup, repair: null, repairPipeline: null } }
  const pool = hosts.pool<VerifyJob, VerifyResult>(compared, hooks, readers)
  if (repair === null) return pool
  // They start when there is something to repair.
  const { onError } = hooks
  const few = { threads: plan.workerNum, startsEarly: 'none', onError, onRetired: () => {} } as const
  return new RepairPool(pool, new WorkerPool({ ...own, ...few }))
}

function countsOf({ sourceRows, filtered }: Findings, { estimatedRowBytes }: TableSchema): SplitCounts {
  const rowsRead = sourceRows + filtered
  const bytes = rowsRead * (estimatedRowBytes ?? 0)
  return { ...noCounts, rowsRead, rowsFiltered: filtered, rowsWritten: sourceRows, bytes }
}

function setupOf(job: CompareJob): VerifySetup {
  const { runId, plan, repair, source, target, pipeline, repairPipeline } = job
  const control = `rowshift-verify-${runId}`
  return {
    runId,
    plan,
    repair,
    repaired: repair && { sharding: repair.write.sharding },
    source,
    target,
    pipeline,
    repairPipeline,
    control,
    connected: noneConnected(),
  }
}
