import type { Job, Worker } from 'bullmq'
import { RowshiftError } from '../../contract/errors.js'
import { within } from '../../contract/waiting.js'
import type { CopyJob, Failure, SplitCounts, SplitJob, SplitResult } from '../../engine/messages.js'
import { noneConnected } from '../../engine/messages.js'
import { settled } from '../../engine/progress.js'
import { lostWith, threadLost } from '../../engine/thread-lost.js'
import type { VerifyResult } from '../verify/messages.js'
import type { FoundConnections } from './connection-needs.js'
import type { HostBeat } from './host-beat.js'
import { failureWith, judged } from './host-failures.js'
import { RowRate } from './row-rate.js'
import type { QueuedJob, RunRecord } from './run-record.js'
import { anotherPlan, ServedTables } from './served-tables.js'
import { ServedThreads } from './served-threads.js'
import type { HostStore, TableState } from './store.js'
import type { HostSetup } from './thread-setup.js'
import { threadSetup } from './thread-setup.js'

/** A job that has ended so many workers is not given to another one. */
const MOST_LOSSES = 2
/** For which jobs in hand may go on when the worker is to stop. */
const GRACE_MS = 20_000
/** For which they take to end then. */
const END_MS = 3_000

export interface ServedOptions {
  readonly store: HostStore
  readonly record: RunRecord
  readonly planHash: string
  readonly found: FoundConnections
  /** What the first threads start with. */
  readonly setup: HostSetup
  /** Threads of this worker. */
  readonly threads: number
  /** How long a job is this worker's without a sign of life. */
  readonly lockMs: number
  /** Of this worker. */
  readonly name: string
  /** Tells all others. */
  readonly greet: (beat: HostBeat) => Promise<void>
  /** Whether no other worker takes part in the run. */
  readonly isAlone: () => Promise<boolean>
  /** It takes no part any more. */
  readonly onRefused: (error: RowshiftError) => void
}

/** A job in hand. `run`: of its table, or of all. */
interface Active {
  readonly run: string
  readonly index: number
  counts: SplitCounts | null
}

/** One run, as a worker takes part in it. */
export class ServedRun {
  readonly #options: ServedOptions
  readonly #worker: Worker<object, object>
  /** null: threads have started with it, and others need their own. Of several tables, all start with the same, and look at each table. */
  #setup: HostSetup | null
  readonly #abort = new AbortController()
  /** The run is to stop; otherwise it goes on without this worker. */
  #stopped = false
  /** Made when the first job comes, and again when threads have died. */
  #threads: Promise<ServedThreads> | null = null
  /** Those, once they are made. */
  #current: ServedThreads | null = null
  readonly #active = new Map<string, Active>()
  /** null: the run copies one table. */
  readonly #tables: ServedTables | null
  /** Of jobs that are done. */
  #rows = 0
  readonly #rate = new RowRate()
  /** Why it takes no part any more; null: it does. */
  refused: RowshiftError | null = null
  /** Of the threads of this worker, those that do the jobs of this run. */
  #allowed: number

  constructor(options: ServedOptions) {
    this.#options = options
    const { store, record, threads, lockMs } = options
    this.#setup = options.setup
    this.#allowed = threads
    const { signal } = this.#abort
    this.#tables = record.ofTables ? new ServedTables({ store, found: options.found, signal }) : null
    this.#worker = store.worker(record.runId, (job) => this.#process(job), {
      concurrency: threads * record.jobsPerThread,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: MOST_LOSSES,
      drainDelay: 1,
    })
  }

  /** So many threads do the jobs of this run from now on. */
  allow(threads: number): void {
    this.#allowed = threads
    this.#worker.concurrency = threads * this.#options.record.jobsPerThread
    void this.#threads?.then(({ pool }) => pool.allow(threads)).catch(() => {})
  }

  /** How far it is, for the coordinator. */
  beat(): HostBeat {
    const active = [...this.#active.values()].flatMap(({ run, index, counts }) =>
      counts ? [[run, index, counts] as const] : [],
    )
    const rows = active.reduce((sum, [, , counts]) => sum + settled(counts), this.#rows)
    const threads = this.resting ? 0 : this.#allowed
    const { name } = this.#options
    return {
      name,
      threads,
      rowsPerSecond: this.#rate.at(rows),
      active,
      refused: this.refused?.report() ?? null,
    }
  }

  get planHash(): string {
    return this.#options.planHash
  }

  get resting(): boolean {
    return this.#worker.isPaused()
  }

  /** The coordinator has not said anything for a while: nothing new begins until it does. */
  rest(): void {
    void this.#worker.pause(true).catch(() => {})
  }

  goOn(): void {
    void this.#worker.resume().catch(() => {})
  }

  /** The run stops: what is under way is given up. */
  abort(): void {
    this.#stopped = true
    this.#giveUp()
  }

  /** What the coordinator says of the tables under way. */
  heard(states: Readonly<Record<string, TableState>>): void {
    const isBusy = (run: string) => [...this.#active.values()].some((job) => job.run === run)
    this.#tables?.heard(states, this.#current, isBusy)
  }

  #giveUp(): void {
    if (this.#abort.signal.aborted) return
    this.#abort.abort()
    void this.#threads?.then((threads) => threads.abort()).catch(() => {})
  }

  /** Takes no more jobs; those in hand come to their end first. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#giveUp(), GRACE_MS)
    try {
      // While the store is away, it would wait to tell it what became of them.
      await within(GRACE_MS + END_MS, this.#worker.close())
    } finally {
      clearTimeout(timer)
    }
    const threads = await this.#threads?.catch(() => null)
    await threads?.close()
  }

  async #process({ data, attemptsStarted, stalledCounter }: Job<object, object>): Promise<object> {
    const { planHash, table, job } = data as QueuedJob
    if (table === null && planHash !== this.#options.planHash) return failureWith(anotherPlan(), false)
    const again = attemptsStarted > 1 || stalledCounter > 0
    const given = again ? inDoubt(job as SplitJob) : (job as SplitJob)
    const result = await this.#run(given, table, planHash)
    if (!hasFailed(result)) return result
    return judged(result, { shared: given.mark?.again ?? false, stopped: this.#stopped })
  }

  /** Never throws: what went wrong is the coordinator's to judge. */
  async #run(job: CopyJob, table: string | null, planHash: string): Promise<object> {
    const index = indexOf(job)
    const run = table ?? this.#options.record.runId
    const name = nameOf(run, index)
    this.#active.set(name, { run, index, counts: null })
    let threads: ServedThreads | null = null
    try {
      const owner = table === null ? undefined : await this.#tables!.of(table, planHash, this.#current)
      threads = await this.#whole()
      const result = await threads.pool.run(job, false, owner)
      // Its thread does nothing more of it; but the run may go on, where another worker has this job by now.
      if (hasFailed(result) && !result.repeatable) {
        if (table === null) threads.broken = true
        else threads.end(table)
        // Some databases say that a right is missing when it is used.
        if (table !== null && result.error.code === 'ACCESS_DENIED')
          return this.#refuse(RowshiftError.fromReport(result.error))
      }
      this.#rows += rowsOf(result as SplitResult | VerifyResult)
      return result
    } catch (thrown) {
      // Another thread in its place would make ids that somebody else makes, and would do so with the next job.
      if (threads?.pool.replaces === false) threads.broken = true
      if (thrown instanceof RowshiftError && this.#tables?.isRefusal(thrown)) return this.#refuse(thrown)
      if (thrown instanceof RowshiftError) return failureWith(thrown, threads === null && thrown.retryable)
      const death = threads?.attribute(run, thrown) ?? threadLost(thrown)
      return lostWith(death)
    } finally {
      this.#active.delete(name)
      if (threads?.broken) this.#forget(threads)
    }
  }

  /** Others may have what this host lacks for a table: it gives the job back, and takes no other, since such jobs would come again. Without others, the table fails. */
  async #refuse(error: RowshiftError): Promise<Failure> {
    const { name, greet, isAlone, onRefused } = this.#options
    const named = new RowshiftError(error.code, `On worker ${name}: ${error.message}`, error.details)
    const isFirst = this.refused === null
    this.refused ??= error
    this.rest()
    // It says so before it asks: of two that refuse at the same moment, neither would know of the other.
    const alone = greet(this.beat()).then(isAlone)
    if (!(await alone.catch(() => false))) {
      if (isFirst) onRefused(error)
      return failureWith(named, true)
    }
    this.refused = null
    this.goOn()
    void greet(this.beat()).catch(() => {})
    return failureWith(named, false)
  }

  /** A job may come before the threads are forgotten that another one has broken. */
  async #whole(): Promise<ServedThreads> {
    const threads = await (this.#threads ??= this.#open())
    if (!threads.broken) return threads
    this.#forget(threads)
    return this.#whole()
  }

  async #open(): Promise<ServedThreads> {
    const { record, found, threads } = this.#options
    try {
      const setup = this.#setup ?? (await threadSetup(record, found, threads, this.#abort.signal))
      this.#setup = this.#tables && { ...setup, connected: noneConnected() }
      return (this.#current = this.#start(setup))
    } catch (thrown) {
      this.#threads = null
      throw thrown
    }
  }

  #start(setup: HostSetup): ServedThreads {
    const tables = this.#tables
    const threads = new ServedThreads({
      record: this.#options.record,
      setup,
      threads: this.#allowed,
      setupOf: tables && ((run) => tables.setupOf(run)),
      onProgress: (run, index, counts) => {
        const job = this.#active.get(nameOf(run, index))
        if (job) job.counts = counts
      },
    })
    if (this.#abort.signal.aborted) threads.abort()
    return threads
  }

  /** The next job starts new ones. */
  #forget(threads: ServedThreads): void {
    if (this.#current !== threads) return
    this.#current = null
    this.#threads = null
    void threads.close()
  }
}

/** The host that had it before may have stored it. */
function inDoubt(job: SplitJob): SplitJob {
  return job.mark ? { ...job, mark: { ...job.mark, again: true } } : job
}

function indexOf(job: object): number {
  const { index, range } = job as { index?: number; range?: { index: number } }
  return index ?? range!.index
}

/** Copied or compared. */
function rowsOf(result: SplitResult | VerifyResult): number {
  if (result.outcome === 'copied') return settled(result.counts)
  return result.outcome === 'done' ? result.findings.sourceRows : 0
}

function hasFailed(result: object): result is Failure {
  return 'repeatable' in result
}

function nameOf(run: string, index: number): string {
  return `${run} ${index}`
}
