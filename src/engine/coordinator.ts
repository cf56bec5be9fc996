import { RowshiftError, withDoubt } from '../contract/errors.js'
import { partsOf, specOfPart } from './late-rows.js'
import { log } from '../log.js'
import type { RunPlan, Split } from '../contract/plugin.js'
import type { CoordinatorJob, CoordinatorResult } from './coordinator-job.js'
import { DeferredRun } from './deferred-rows.js'
import type { CopyJob, Failure, SplitCounts, SplitResult, WorkerMessage, WorkerSetup } from './messages.js'
import { noCounts, noneConnected } from './messages.js'
import { WorkerPool } from './pool.js'
import type { ProgressEvent } from './progress.js'
import { advance, noProgress } from './progress.js'
import { withRetries } from './retry.js'
import { SplitRows } from './split-size.js'
import { TransformWatch } from '../features/transform/watch.js'

/** A thread reads its next split while it writes the one before. */
const SPLITS_PER_THREAD = 2

/** What is left of a result when failures are thrown. */
type Settled = Exclude<SplitResult, Failure>

/** Copies all splits of a plan on a pool of worker threads. */
export async function copySplits(job: CoordinatorJob): Promise<CoordinatorResult> {
  const coordinator = new Coordinator(job)
  try {
    await coordinator.run()
  } finally {
    await coordinator.close()
  }
  return coordinator.result
}

class Coordinator {
  readonly #job: CoordinatorJob
  readonly #pool: WorkerPool<CopyJob, SplitResult>
  /** null: no user's function is called. */
  readonly #watch: TransformWatch | null
  readonly #stop = new AbortController()
  #progress = noProgress
  #error: RowshiftError | null = null
  readonly #splitRows: SplitRows
  readonly #splitsAhead: number
  readonly #deferred = new DeferredRun()
  #splits = 0
  /** Of the splits as they were first planned: the index of the last one, and those that held no row. */
  #last = -1
  readonly #empty = new Set<number>()
  readonly #busySeconds: number[] = []
  #position: string | null = null
  #ready = 0
  #onReady: () => void = () => {}

  constructor(job: CoordinatorJob) {
    this.#job = job
    const { plan } = job
    const called = plan.pipeline?.transform != null
    // One queued split per thread beyond those it holds, so that planning stays ahead but lazy.
    this.#splitsAhead = plan.policy.workerNum * (SPLITS_PER_THREAD + 1)
    this.#splitRows = new SplitRows(
      plan.read.splitRows,
      called && plan.policy.workerNum > 1
        ? { splitsAhead: this.#splitsAhead, rows: plan.read.window?.rows ?? plan.read.table.estimatedRows }
        : null,
    )
    const setup: WorkerSetup = {
      runId: job.runId,
      plan,
      source: job.source,
      target: job.target,
      dirty: job.dirty,
      stage: job.stage,
      control: `rowshift-${job.runId}`,
      connected: noneConnected(),
    }
    this.#pool = new WorkerPool({
      worker: 'split.js',
      threads: plan.policy.workerNum,
      startAll: this.#snapshot,
      jobsPerThread: SPLITS_PER_THREAD,
      // Where rows are no JavaScript objects, a larger young generation only makes each thread 10 MB heavier.
      maxYoungGenerationSizeMb: called ? 16 : 3,
      setup,
      onMessage: (message) => this.#receive(message),
      onError: (error) => this.#fail(this.#watch?.blame(error) ?? error),
    })
    this.#watch = called ? this.#watchOver(plan) : null
  }

  get result(): CoordinatorResult {
    return {
      progress: this.#progress,
      error: this.#error,
      busySeconds: this.#busySeconds,
      position: this.#position,
      lastRowsGone: this.#empty.has(this.#last),
      gaveUp: this.#pool.gaveUp,
    }
  }

  async run(): Promise<void> {
    const { signal } = this.#job
    const abort = () => this.#abort()
    signal.addEventListener('abort', abort)
    const running = new Set<Promise<void>>()
    try {
      if (this.#snapshot) await this.#beginSnapshot()
      if (!this.#stopped) await this.#job.prepare()
      for await (const split of this.#plannedSplits()) {
        if (this.#stopped) break
        const numbered = this.#numbered(split)
        this.#last = numbered.index
        const copied = this.#copy(numbered).finally(() => running.delete(copied))
        running.add(copied)
        if (running.size >= this.#splitsAhead) await Promise.race(running)
        if (this.#stopped) break
      }
    } catch (error) {
      this.#fail(RowshiftError.from(error))
    } finally {
      await Promise.all(running)
      // Rows that wait for unique values come last: the rows that had those are written, in whatever thread.
      const waiting = this.#stopped ? [] : this.#deferred.jobs(() => this.#splits++)
      await Promise.all(waiting.map((job) => this.#copy(job)))
      signal.removeEventListener('abort', abort)
    }
    if (signal.aborted)
      this.#error = withDoubt(new RowshiftError('INTERRUPTED', 'The run was interrupted.'), this.#error)
  }

  close(): Promise<void> {
    this.#watch?.close()
    return this.#pool.close()
  }

  get #stopped(): boolean {
    return this.#error !== null || this.#job.signal.aborted
  }

  /** `insteadOf`: the index of the range that it is the first part of. */
  async #copy(job: CopyJob, insteadOf?: number): Promise<void> {
    const split = job.index
    this.#advance({ type: 'planned', split, insteadOf })
    try {
      const result = await this.#attempt(job)
      if (result.outcome === 'oversized') await this.#divide(job as Split, result)
      else {
        const { counts, milliseconds, deferred } = result
        this.#deferred.add(deferred, split)
        if (counts.rowsRead === 0) this.#empty.add(split)
        this.#splitRows.done(counts.rowsRead, counts.bytes, milliseconds)
        this.#advance({ type: 'done', split, counts })
      }
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      const committed = error.details['committed'] as SplitCounts['shards']
      this.#advance({ type: 'failed', split, committed })
      this.#fail(error)
    }
  }

  /** A range with more bytes than a thread may hold is shared out among all of them. */
  async #divide(range: Split, { rows, bytes }: { rows: number; bytes: number }): Promise<void> {
    const { plan, reader } = this.#job
    const size = this.#splitRows.divided(rows, bytes)
    const parts: Promise<void>[] = []
    for await (const part of reader.divide(
      specOfPart(plan.read, range),
      range,
      () => size,
      this.#stop.signal,
    )) {
      if (this.#stopped) break
      parts.push(
        this.#copy(
          this.#numbered({ ...part, late: range.late ?? false }),
          parts.length === 0 ? range.index : undefined,
        ),
      )
    }
    // Its rows may have been deleted meanwhile.
    if (parts.length === 0 && !this.#stopped)
      this.#advance({ type: 'done', split: range.index, counts: noCounts })
    await Promise.all(parts)
  }

  async *#plannedSplits(): AsyncGenerator<Split> {
    const { plan, reader } = this.#job
    const size = () => this.#splitRows.next()
    for (const late of partsOf(plan.read))
      for await (const split of reader.split(specOfPart(plan.read, { late }), size, this.#stop.signal))
        yield { ...split, late }
  }

  #numbered(split: Split): Split {
    return { ...split, index: this.#splits++ }
  }

  get #snapshot(): boolean {
    return this.#job.plan.policy.consistency === 'snapshot'
  }

  /** Nobody may write to the source until every thread, and the reader that computes the splits, sees the same moment. */
  async #beginSnapshot(): Promise<void> {
    const { reader, plan } = this.#job
    const { signal } = this.#stop
    // Threads take long to start, and writers should not have to wait for that.
    await this.#allReady()
    const lock = await this.#pool.withRoom(() => reader.lock!(plan.read.table.table, signal), signal)
    this.#position = lock.position
    try {
      // Not before the lock is there: it may have had to wait for transactions, and all must see what they wrote.
      const begun = this.#allReady()
      this.#pool.tell('snapshot')
      await Promise.all([reader.beginSnapshot!(), begun])
    } finally {
      await lock.release()
    }
  }

  /** Resolves when every thread has said that it is ready; rejects when one cannot be, or the run is stopped. */
  #allReady(): Promise<void> {
    const { signal } = this.#stop
    return new Promise((resolve, reject) => {
      const stop = () => reject(RowshiftError.from(signal.reason))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop)
      this.#ready = 0
      this.#onReady = resolve
    })
  }

  #attempt(job: CopyJob): Promise<Settled> {
    return withRetries(
      () =>
        this.#pool.run(job).catch((died: unknown) => {
          throw this.#watch?.blame(died) ?? died
        }),
      this.#stop.signal,
      ({ error }, retries) => {
        log.warn({ runId: this.#job.runId, split: job.index, retries }, error.message)
        this.#advance({ type: 'retried', split: job.index })
      },
    )
  }

  /** The first failure ends the run; what other threads have in hand is rolled back. */
  #fail(error: RowshiftError): void {
    this.#error = withDoubt(this.#error ?? error, error)
    this.#abort()
  }

  #abort(): void {
    this.#stop.abort()
    this.#watch?.hurry()
    this.#pool.abort()
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'ready':
        if (message.error === null) this.#ready++
        else if (message.gaveUp === null) this.#fail(RowshiftError.fromReport(message.error))
        else this.#pool.retire(message.gaveUp, message.error)
        if (this.#ready >= this.#pool.workingThreads) this.#onReady()
        break
      case 'progress':
        this.#advance({ type: 'moved', split: message.split, counts: message.counts })
        break
      case 'calls':
        this.#watch?.add(message.thread, message.memory)
        break
      case 'log':
        log[message.level]({ runId: this.#job.runId }, message.text)
        break
      case 'busy':
        this.#busySeconds.push(message.seconds)
        break
      default:
        message satisfies never
    }
  }

  #watchOver(plan: RunPlan): TransformWatch {
    return new TransformWatch({
      plan,
      isAlive: (thread) => this.#pool.isAlive(thread),
      onOverdue: (thread, error) => {
        // Before its jobs fail, which would be the error otherwise.
        this.#fail(error)
        void this.#pool.terminate(thread)
      },
    })
  }

  #advance(event: ProgressEvent): void {
    this.#progress = advance(this.#progress, event)
    this.#job.onProgress(this.#progress)
  }
}
