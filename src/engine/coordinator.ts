import { RowshiftError } from '../contract/errors.js'
import { failpoint } from '../failpoint.js'
import { divideSplit } from '../features/sources/splits.js'
import { log } from '../log.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { SourceSplit } from '../contract/source-spec.js'
import { onAbort } from '../contract/waiting.js'
import type { CoordinatorJob, CoordinatorResult } from './coordinator-job.js'
import { copyThreads, SPLITS_AHEAD, SPLITS_PER_THREAD, threadCount } from './copy-threads.js'
import { DeferredRun } from './deferred-rows.js'
import type { CopyJob, CopySetup, Failure, SplitResult, WorkerMessage, WorkerSetup } from './messages.js'
import { noneConnected } from './messages.js'
import type { Resuming } from '../features/sources/resumed-splits.js'
import type { Threads } from './job-pool.js'
import { WorkerPool } from './pool.js'
import type { Accepted } from './scheduler.js'
import { Scheduler } from './scheduler.js'
import { SnapshotStart } from './snapshot-start.js'
import { SplitSizer } from './split-sizer.js'
import type { ThreadShare } from './shared-threads.js'
import type { PlannedSplit } from '../features/resume/run-checkpoints.js'
import { TransformWatch } from '../features/transform/watch.js'

/** After Ctrl-C, splits that are nearly stored need not be read again by whoever resumes the run. */
const GRACE_MS = 2_000

type Done = Exclude<SplitResult, Failure>
type Copied = Extract<SplitResult, { outcome: 'copied' }>
type Oversized = Extract<SplitResult, { outcome: 'oversized' }>

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

/** What a copy's splits are, what becomes of each, and what the threads say meanwhile; the rest is the scheduler's. */
class Coordinator {
  readonly #job: CoordinatorJob
  readonly #scheduler: Scheduler<CopyJob, SplitResult>
  readonly #snapshot: SnapshotStart
  /** null: the threads copy no other table. */
  readonly #share: ThreadShare | null
  /** null: no user's function is called. */
  readonly #watch: TransformWatch | null
  readonly #splitSizer: SplitSizer
  readonly #threads: Threads
  readonly #deferred = new DeferredRun()
  /** Of the splits as they were first planned. */
  #last: SourceSplit | null = null
  /** The only split of the run: starting a thread would take longer. */
  #copiedHere = false
  readonly #empty = new WeakSet<SourceSplit>()
  readonly #busySeconds: number[] = []
  #position: string | null
  #readInstead = 0

  constructor(job: CoordinatorJob) {
    this.#job = job
    const { plan, runId, signal, onProgress, checkpoints, hosts, readers, writers, shared } = job
    const called = plan.pipeline?.transform != null
    const { workerNum } = plan.policy
    const onMessage = (message: WorkerMessage) => this.#receive(message)
    this.#position = shared?.position ?? null
    const table = { setup: setupOf(job), readers, writers, onMessage }
    this.#share = shared?.threads.join({ ...table, rank: shared.rank }) ?? null
    this.#threads = this.#share ?? hosts?.threads ?? threadCount([plan])
    const elsewhere = shared?.threads.elsewhere ?? hosts !== null
    this.#splitSizer = new SplitSizer(
      plan.read.splitRows,
      called && (elsewhere || workerNum > 1)
        ? {
            splitsAhead: () => this.#threads.now * SPLITS_AHEAD,
            rows: plan.read.window?.rows ?? plan.read.table.estimatedRows,
          }
        : null,
    )
    const own = { ...copyThreads([plan], threadSetupOf(job)), onMessage }
    this.#scheduler = new Scheduler({
      runId,
      retry: plan.policy.retry,
      threads: this.#threads,
      aheadPerThread: elsewhere ? SPLITS_PER_THREAD : SPLITS_AHEAD,
      signal,
      onProgress,
      throttle: job.throttle,
      graceMs: GRACE_MS,
      earlier: checkpoints.earlier,
      pool: (hooks) =>
        this.#share?.withHooks(hooks) ??
        hosts?.pool(own, hooks, readers) ??
        new WorkerPool({ ...own, ...hooks }),
      ...(called && !elsewhere && { attribute: (death) => this.#watch!.attribute(death) }),
    })
    this.#snapshot = new SnapshotStart(this.#scheduler.pool, this.#scheduler.signal)
    this.#watch = called && !elsewhere ? this.#watchOver(plan) : null
  }

  get result(): CoordinatorResult {
    const { progress, error, pool } = this.#scheduler
    return {
      progress,
      error,
      busySeconds: this.#busySeconds,
      position: this.#position,
      lastRowsGone: this.#last !== null && this.#empty.has(this.#last),
      readInstead: this.#readInstead,
      gaveUp: pool.gaveUp,
      threads: this.#threads.reason,
    }
  }

  async run(): Promise<void> {
    const { readers, plan, prepare, hosts } = this.#job
    await this.#scheduler.step(async () => {
      // Of several tables, it has begun before.
      if (!this.#inSnapshot || this.#share) return
      const { table } = plan.read.table
      this.#position = await (
        hosts
          ? hosts.beginSnapshot([readers[0]!], [table], this.#scheduler.signal)
          : this.#snapshot.begin(async () => [readers[0]!], [table])
      ).then(({ position }) => position)
    })
    await this.#scheduler.step(prepare)
    failpoint('prepared')
    await this.#scheduler.run(this.#splits(), {
      jobOf: (planned, index, { inDoubt, shrunk }) => ({
        ...planned.split,
        index,
        mark: this.#job.checkpoints.mark(planned, inDoubt),
        shrunk,
      }),
      outlives: (split) => 'mark' in split && split.mark !== undefined && !this.#hasRejected,
      accept: (result, planned, index) => this.#accept(result, planned, index),
      inPlace: (planned) => this.#copiesHere(planned),
    })
    // Rows that wait for unique values come last: the rows that had those are written, in whatever thread.
    await this.#scheduler.run(this.#deferred.parts(), {
      jobOf: (settle, index, { shrunk }) => ({
        index,
        settle,
        mark: this.#job.checkpoints.mark({ path: [] }, false),
        shrunk,
      }),
      accept: (result) => ({ counts: (result as Copied).counts }),
      inPlace: () => this.#copiedHere,
    })
  }

  async close(): Promise<void> {
    this.#watch?.close()
    await this.#scheduler.close()
    await this.#job.hosts?.close()
  }

  async *#splits(): AsyncGenerator<PlannedSplit> {
    const size = () => Math.min(this.#splitSizer.next(), this.#job.throttle.splitRows)
    try {
      for await (const planned of this.#job.checkpoints.splits(size, this.#resuming)) {
        if (this.#job.enough?.aborted) return
        this.#last = planned.split
        yield planned
      }
    } finally {
      this.#share?.noMore()
    }
  }

  #accept(result: Done, planned: PlannedSplit, index: number): Accepted<PlannedSplit> {
    failpoint('split-accepted')
    if (result.outcome === 'oversized') {
      if (result.error) this.#scheduler.retrying(RowshiftError.fromReport(result.error), 1, index)
      return { parts: this.#partsOf(planned, result) }
    }
    const { counts, milliseconds, deferred } = result
    this.#deferred.add(deferred, index)
    if (this.#job.plan.write.inServer && counts.bytes > 0) this.#readInstead++
    if (counts.rowsRead === 0) this.#empty.add(planned.split)
    this.#splitSizer.done(counts.rowsRead, counts.bytes, milliseconds)
    return { counts }
  }

  /** Of a range with more than a thread may hold, or a transaction may change. */
  async *#partsOf(
    { split, path }: PlannedSplit,
    { rows, bytes, error }: Oversized,
  ): AsyncGenerator<PlannedSplit> {
    const { plan, readers, checkpoints } = this.#job
    const size = error ? this.#splitSizer.halved(rows) : this.#splitSizer.divided(rows, bytes)
    await checkpoints.begin()
    let index = 0
    for await (const part of divideSplit(readers, plan.read, split, () => size, this.#resuming))
      yield { split: part, path: [...path, index++] }
  }

  get #resuming(): Resuming {
    // A reader that is interrupted loses its snapshot, which other tables are read in.
    const { signal } = this.#inSnapshot && this.#share ? this.#job : this.#scheduler
    const onRetry = (error: RowshiftError, retries: number) => this.#scheduler.retrying(error, retries)
    return { retry: this.#job.plan.policy.retry, signal, onRetry }
  }

  /** Nobody knows which rejected rows are in the file already that a dead thread had in hand. */
  get #hasRejected(): boolean {
    const { dirty } = this.#job
    return dirty !== null && Atomics.load(dirty.rows, 0) > 0n
  }

  /** Without a key, a split may be of any size, unless it is a window whose rows were counted; and a user's function does not run in this thread. */
  #copiesHere({ only }: PlannedSplit): boolean {
    const { read, pipeline } = this.#job.plan
    const counted = read.window !== null && read.window.rows < read.window.countedTo
    const plain = (read.key !== null || counted) && pipeline === null && !this.#inSnapshot
    this.#copiedHere = only === true && plain && (this.#job.shared?.inPlace ?? true)
    return this.#copiedHere
  }

  get #inSnapshot(): boolean {
    return this.#job.plan.policy.consistency === 'snapshot'
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'ready':
        this.#snapshot.receive(message)
        break
      case 'progress':
        this.#scheduler.moved(message.split, message.counts)
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
    const { pool, signal } = this.#scheduler
    const watch = new TransformWatch({
      plan,
      isAlive: (thread) => pool.isAlive(thread),
      onOverdue: (thread) => void pool.terminate(thread),
    })
    onAbort(signal, () => watch.requestStop())
    return watch
  }
}

function setupOf({ runId, plan, dirty, pipeline }: CoordinatorJob): CopySetup {
  return { runId, plan, dirty, pipeline }
}

function threadSetupOf(job: CoordinatorJob): WorkerSetup {
  const { runId, source, target } = job
  return { ...setupOf(job), source, target, control: `rowshift-${runId}`, connected: noneConnected() }
}
