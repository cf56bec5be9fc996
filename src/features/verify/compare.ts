import { RowshiftError } from '../../contract/errors.js'
import { DeferredRun } from '../../engine/deferred-rows.js'
import { WorkerPool } from '../../engine/pool.js'
import type { Progress, ProgressEvent } from '../../engine/progress.js'
import { advance, noProgress } from '../../engine/progress.js'
import type { StageSetup } from '../../engine/messages.js'
import { noCounts, noneConnected } from '../../engine/messages.js'
import { withRetries } from '../../engine/retry.js'
import { log } from '../../log.js'
import type { Endpoint, RunPlan, Split } from '../../contract/plugin.js'
import type { RangeSource } from '../sources/range-reader.js'
import { addFindings, areEqual, noFindings } from './findings.js'
import type { Findings, VerifyJob, VerifyResult, VerifySetup } from './messages.js'
import type { VerifyPlan } from './plan.js'

export interface CompareJob {
  readonly runId: string
  readonly plan: VerifyPlan
  /** How rows are written; null: only compare. */
  readonly repair: RunPlan | null
  readonly source: Endpoint
  readonly target: Endpoint
  readonly stage: StageSetup | null
  readonly repairStage: StageSetup | null
  /** The coordinator's own reader of the source, which computes the splits. */
  readonly reader: RangeSource
  /** Percent of the splits to look at. */
  readonly sample: number
  /** Throws when so many extra rows may not be deleted; called before anything is changed. */
  readonly guard: (findings: Findings) => void
  /** After that, before anything is repaired. */
  readonly prepare: () => Promise<void>
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

/** Compares all ranges of both tables on a pool of worker threads, then repairs those that differ. */
export async function compareTables(job: CompareJob): Promise<CompareResult> {
  const comparison = new Comparison(job)
  const abort = () => comparison.abort()
  job.signal.addEventListener('abort', abort)
  try {
    return await comparison.run()
  } finally {
    job.signal.removeEventListener('abort', abort)
    await comparison.close()
  }
}

class Comparison {
  readonly #job: CompareJob
  readonly #pool: WorkerPool<VerifyJob, VerifyResult>
  readonly #stop = new AbortController()
  #progress = noProgress
  readonly #deferred = new DeferredRun()
  #error: RowshiftError | null = null
  #skipped = 0

  constructor(job: CompareJob) {
    this.#job = job
    const { runId, plan, repair, source, target, stage, repairStage } = job
    const control = `rowshift-verify-${runId}`
    const connected = noneConnected()
    const setup: VerifySetup = {
      runId,
      plan,
      repair,
      source,
      target,
      stage,
      repairStage,
      control,
      connected,
    }
    this.#pool = new WorkerPool({
      worker: 'comparison.js',
      threads: plan.workerNum,
      setup,
      onError: (error) => this.#fail(error),
    })
  }

  abort(): void {
    this.#stop.abort()
    this.#pool.abort()
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  async run(): Promise<CompareResult> {
    const compared = this.#sampled(coveringSplits(this.#job, this.#stop.signal))
    const found = await this.#all(compared, (range) => ({ range, mayDelete: null, repaired: false }), true)
    let left = found
    const { repair, plan } = this.#job
    const differ = !areEqual(found.differences)
    if (repair !== null && (differ || plan.created.length > 0)) {
      this.#job.guard(found)
      await this.#job.prepare()
    }
    if (repair !== null && differ) {
      left = await this.#all(found.ranges, ({ range, deletable }) => ({
        range,
        mayDelete: deletable,
        repaired: true,
      }))
      // The rows that had the unique values they wait for are repaired or deleted by now.
      const waiting = this.#deferred.jobs(() => 0)
      if (waiting.length > 0) {
        await this.#all(waiting, (job) => job)
        left = await this.#all(found.ranges, ({ range }) => ({ range, mayDelete: null, repaired: true }))
      }
    }
    return {
      found,
      left,
      progress: this.#progress,
      splitsSkipped: this.#skipped,
      gaveUp: this.#pool.gaveUp,
    }
  }

  /** Runs a job for each item, with a bounded number of them waiting, and adds up what they find. `counted`: as progress, too. */
  async #all<T>(
    items: AsyncIterable<T> | Iterable<T>,
    jobOf: (item: T) => VerifyJob,
    counted = false,
  ): Promise<Findings> {
    const { plan, signal } = this.#job
    const running = new Set<Promise<void>>()
    let sum = noFindings
    let index = 0
    try {
      for await (const item of items) {
        if (this.#error || signal.aborted) break
        const done = this.#one(index++, jobOf(item), counted)
          .then((findings) => void (sum = addFindings(sum, findings)))
          .catch((thrown: unknown) => this.#fail(RowshiftError.from(thrown)))
          .finally(() => running.delete(done))
        running.add(done)
        if (running.size >= plan.workerNum * 2) await Promise.race(running)
      }
    } catch (thrown) {
      this.#fail(RowshiftError.from(thrown))
    }
    await Promise.all(running)
    if (this.#error) throw this.#error
    if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'The run was interrupted.')
    return sum
  }

  async #one(split: number, job: VerifyJob, counted: boolean): Promise<Findings> {
    this.#advance({ type: 'planned', split })
    const { findings, deferred } = await withRetries(
      () => this.#attempt(job),
      this.#stop.signal,
      ({ error }, retries) => {
        log.warn({ runId: this.#job.runId, split, retries }, error.message)
        this.#advance({ type: 'retried', split })
      },
    )
    this.#deferred.add(deferred, split)
    const { sourceRows, filtered } = counted ? findings : noFindings
    const rowsRead = sourceRows + filtered
    // Databases that compare by themselves send no rows.
    const bytes = rowsRead * (this.#job.plan.source.table.estimatedRowBytes ?? 0)
    const counts = { rowsRead, rowsFiltered: filtered, rowsWritten: sourceRows, bytes }
    this.#advance({ type: 'done', split, counts: { ...noCounts, ...counts } })
    return findings
  }

  /** What a failed repair has changed is committed all the same. */
  async #attempt(job: VerifyJob): Promise<VerifyResult> {
    const result = await this.#pool.run(job)
    const { written, deleted } = result
    if (written + deleted > 0) this.#job.onRepaired({ written, deleted })
    return result
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

  /** The first failure ends the run. */
  #fail(error: RowshiftError): void {
    this.#error ??= error
    this.abort()
  }

  #advance(event: ProgressEvent): void {
    this.#progress = advance(this.#progress, event)
    this.#job.onProgress(this.#progress)
  }
}

/**
 * The source's splits, and what they leave out of the target: rows above the source's last key, and rows whose key is NULL
 * where the source's cannot be.
 */
async function* coveringSplits({ plan, reader }: CompareJob, signal: AbortSignal): AsyncGenerator<Split> {
  const { source, target } = plan
  let last: readonly string[] | null = null
  let index = 0
  for await (const split of reader.split(source, () => source.splitRows, signal)) {
    yield { ...split, index: index++ }
    last = split.upper ?? last
  }
  if (source.key === null) return
  if (target.key!.nullable && !source.key.nullable) {
    yield { index: index++, lower: null, upper: null, nullKey: true }
  }
  yield { index, lower: last, upper: null }
}
