import { setTimeout as delay } from 'node:timers/promises'
import { BroadcastChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { RowshiftError } from '../errors.js'
import { log } from '../log.js'
import type { Endpoint, Plan, Reader, Split } from '../plugin.js'
import type { ControlMessage, DirtySetup, SplitResult, WorkerMessage, WorkerSetup } from './messages.js'
import type { Progress, ProgressEvent } from './progress.js'
import { advance, noProgress } from './progress.js'
import { SplitRows } from './split-size.js'

const WORKER = new URL('../../workers/split.js', import.meta.url).href
/** A thread reads its next split while it writes the one before. */
const SPLITS_PER_THREAD = 2
const CLOSE_TIMEOUT_MS = 5_000
/** Threads that write one table may get in each other's way, and so may other users of it. */
const MAX_RETRIES = 5
const RETRY_MS = 100

export interface CoordinatorJob {
  readonly runId: string
  readonly plan: Plan
  readonly source: Endpoint
  readonly target: Endpoint
  /** The coordinator's own reader, which computes the splits. */
  readonly reader: Reader
  /** The last thing before the first split: what it does, it does only when all threads can begin. */
  readonly prepare: () => Promise<void>
  /** null: the first row that the target refuses ends the run. */
  readonly dirty: DirtySetup | null
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

export interface CoordinatorResult {
  readonly progress: Progress
  /** The first failure; null when every split was copied. */
  readonly error: RowshiftError | null
  /** Seconds for which each thread had a split in hand. */
  readonly busySeconds: readonly number[]
  /** Of the snapshot, in the source's log of changes; null: there is none, or it is not known. */
  readonly position: string | null
}

/** What is left of a result when failures are thrown. */
type Settled = Exclude<SplitResult, { outcome: 'failed' }>

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

/** One split for every thread, starting threads as needed, before any thread gets its second one. */
function spread(threads: number): NonNullable<Piscina['options']['loadBalancer']> {
  return (_task, workers) => {
    const idle = workers.find(({ currentUsage }) => currentUsage === 0)
    if (idle || workers.length < threads) return idle ?? null
    return workers.find(({ currentUsage }) => currentUsage < SPLITS_PER_THREAD) ?? null
  }
}

class Coordinator {
  readonly #job: CoordinatorJob
  readonly #pool: Piscina<Split, SplitResult>
  readonly #control: BroadcastChannel
  readonly #stop = new AbortController()
  #progress = noProgress
  #error: RowshiftError | null = null
  #openThreads = 0
  #onClosed: () => void = () => {}
  readonly #splitRows: SplitRows
  #splits = 0
  readonly #busySeconds: number[] = []
  #position: string | null = null
  #ready = 0
  #onReady: () => void = () => {}

  constructor(job: CoordinatorJob) {
    this.#job = job
    this.#splitRows = new SplitRows(job.plan.splitRows)
    const control = `rowshift-${job.runId}`
    this.#control = new BroadcastChannel(control)
    const setup: WorkerSetup = {
      plan: job.plan,
      source: job.source,
      target: job.target,
      dirty: job.dirty,
      control,
    }
    this.#pool = new Piscina<Split, SplitResult>({
      filename: WORKER,
      minThreads: this.#snapshot ? job.plan.workerNum : 1,
      maxThreads: job.plan.workerNum,
      idleTimeout: Infinity,
      loadBalancer: spread(job.plan.workerNum),
      concurrentTasksPerWorker: SPLITS_PER_THREAD,
      // Idle threads hold sockets, so they must keep their event loops running.
      atomics: 'disabled',
      workerData: setup,
      // Rows are not JavaScript objects here; a larger young generation only makes each thread 10 MB heavier.
      resourceLimits: { maxYoungGenerationSizeMb: 3 },
    })
    // A thread that dies without a split in hand has no result that would say so.
    this.#pool.on('error', (error: unknown) => this.#fail(RowshiftError.from(error)))
    this.#pool.on('message', (message: WorkerMessage) => this.#receive(message))
  }

  get result(): CoordinatorResult {
    return {
      progress: this.#progress,
      error: this.#error,
      busySeconds: this.#busySeconds,
      position: this.#position,
    }
  }

  async run(): Promise<void> {
    const { plan, reader, signal } = this.#job
    const abort = () => this.#abort()
    signal.addEventListener('abort', abort)
    try {
      if (this.#snapshot) await this.#beginSnapshot()
      if (!this.#stopped) await this.#job.prepare()
      const running = new Set<Promise<void>>()
      // One queued split per thread beyond those it holds, so that planning stays ahead but lazy.
      const most = plan.workerNum * (SPLITS_PER_THREAD + 1)
      for await (const split of reader.split(plan, () => this.#splitRows.rows, signal)) {
        if (this.#stopped) break
        const copied = this.#copy(this.#numbered(split)).finally(() => running.delete(copied))
        running.add(copied)
        if (running.size >= most) await Promise.race(running)
        if (this.#stopped) break
      }
      await Promise.all(running)
    } catch (error) {
      this.#fail(RowshiftError.from(error))
    } finally {
      signal.removeEventListener('abort', abort)
    }
    if (signal.aborted) this.#error = new RowshiftError('INTERRUPTED', 'The run was interrupted.')
  }

  /** Lets the threads close their connections, so that servers do not log them as aborted. */
  async close(): Promise<void> {
    if (this.#openThreads > 0) {
      const closed = new Promise<void>((resolve) => {
        this.#onClosed = resolve
      })
      this.#tell('close')
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      })
      await Promise.race([closed, timeout])
      clearTimeout(timer)
    }
    this.#control.close()
    await this.#pool.destroy()
  }

  get #stopped(): boolean {
    return this.#error !== null || this.#job.signal.aborted
  }

  async #copy(split: Split): Promise<void> {
    this.#advance({ type: 'planned', split: split.index })
    try {
      const result = await this.#attempt(split)
      if (result.outcome === 'oversized') await this.#divide(split, result)
      else {
        this.#splitRows.done(result.counts.rowsRead, result.counts.bytes)
        this.#advance({ type: 'done', split: split.index, counts: result.counts })
      }
    } catch (error) {
      this.#advance({ type: 'failed', split: split.index })
      this.#fail(RowshiftError.from(error))
    }
  }

  /** A range with more bytes than a thread may hold is shared out among all of them. */
  async #divide(range: Split, { rows, bytes }: { rows: number; bytes: number }): Promise<void> {
    const { plan, reader, signal } = this.#job
    const size = this.#splitRows.divided(rows, bytes)
    this.#advance({ type: 'divided', split: range.index })
    const parts: Promise<void>[] = []
    for await (const part of reader.divide(plan, range, () => size, signal)) {
      if (this.#stopped) break
      parts.push(this.#copy(this.#numbered(part)))
    }
    await Promise.all(parts)
  }

  #numbered(split: Split): Split {
    return { ...split, index: this.#splits++ }
  }

  get #snapshot(): boolean {
    return this.#job.plan.consistency === 'snapshot'
  }

  /** Nobody may write to the source until every thread, and the reader that computes the splits, sees the same moment. */
  async #beginSnapshot(): Promise<void> {
    const { reader, plan } = this.#job
    // Threads take long to start, and writers should not have to wait for that.
    await this.#allReady()
    const lock = await reader.lock!(plan.source.table, this.#stop.signal)
    this.#position = lock.position
    try {
      // Not before the lock is there: it may have had to wait for transactions, and all must see what they wrote.
      const begun = this.#allReady()
      this.#tell('snapshot')
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

  /** Runs a split that lost against another's lock again, after a while. */
  async #attempt(split: Split): Promise<Settled> {
    for (let retries = 0; ; retries++) {
      const result = await this.#pool.run(split)
      if (result.outcome !== 'failed') return result
      const error = RowshiftError.fromReport(result.error)
      if (!result.repeatable || retries === MAX_RETRIES) throw error
      // Those that failed together should not meet again.
      const pause = RETRY_MS * 2 ** retries * (1 + Math.random())
      await delay(pause, undefined, { signal: this.#stop.signal }).catch(() => {})
      if (this.#stopped) throw error
      log.warn({ runId: this.#job.runId, split: split.index, retries: retries + 1 }, error.message)
      this.#advance({ type: 'retried', split: split.index })
    }
  }

  /** The first failure ends the run; what other threads have in hand is rolled back. */
  #fail(error: RowshiftError): void {
    this.#error ??= error
    this.#abort()
  }

  #abort(): void {
    this.#stop.abort()
    this.#tell('abort')
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'opened':
        this.#openThreads++
        // A thread that was still starting has not heard an earlier message.
        if (this.#stopped) this.#tell('abort')
        break
      case 'ready':
        if (message.error) this.#fail(RowshiftError.fromReport(message.error))
        else if (++this.#ready === this.#job.plan.workerNum) this.#onReady()
        break
      case 'progress':
        this.#advance({ type: 'moved', split: message.split, counts: message.counts })
        break
      case 'closed':
        this.#openThreads--
        this.#busySeconds.push(message.busySeconds)
        if (this.#openThreads === 0) this.#onClosed()
        break
      default:
        message satisfies never
    }
  }

  #advance(event: ProgressEvent): void {
    this.#progress = advance(this.#progress, event)
    this.#job.onProgress(this.#progress)
  }

  #tell(message: ControlMessage): void {
    this.#control.postMessage(message)
  }
}
