import { RowshiftError, withDoubt } from '../contract/errors.js'
import type { TimeSpent } from '../contract/time-spent.js'
import type { RetryPolicy } from '../contract/waiting.js'
import { onAbort } from '../contract/waiting.js'
import { log } from '../log.js'
import type { Failure, SplitCounts } from './messages.js'
import { noCounts } from './messages.js'
import type { JobPool, MakePool, Threads } from './job-pool.js'
import type { Progress, ProgressEvent } from './progress.js'
import { advance, moved, noProgress, progressAfter } from './progress.js'
import type { Attempt } from './retry.js'
import { withRetries } from './retry.js'
import { failedFirst } from './run-errors.js'
import { isSame, lostWith, threadLost } from './thread-lost.js'
import type { Amount, Throttle } from './throttle.js'

export interface SchedulerOptions<Job, Result> {
  readonly runId: string
  readonly pool: MakePool<Job, Result>
  readonly retry: RetryPolicy
  readonly threads: Threads
  /** Most jobs, for each thread, that threads have in hand, or that wait for one, at a time. */
  readonly aheadPerThread: number
  /** The user's. */
  readonly signal: AbortSignal
  /** For how long jobs in hand may go on after the user's signal, in milliseconds: what they have nearly done is done then. */
  readonly graceMs: number
  readonly onProgress: (progress: Progress) => void
  readonly throttle: Throttle
  /** What earlier attempts of the run have done. Default: nothing. */
  readonly earlier?: { readonly splits: number; readonly counts: SplitCounts } | null
  /** Why a thread died. Default: THREAD_LOST. */
  readonly attribute?: (death: unknown) => RowshiftError
}

/** What a job results in, but for a failure, which is thrown. */
type Done<Result> = Exclude<Result, Failure>

/** `shrunk`: how often the statements of a job are made smaller. */
export type JobAttempt = Pick<Attempt, 'inDoubt'> & { readonly shrunk: number }

/** What is different about some jobs. */
export interface Work<Item, Job, Result> {
  /** Asked for each attempt. `index`: no other job of the run has it. */
  readonly jobOf: (item: Item, index: number, attempt: JobAttempt) => Job
  /** Whether a job whose thread died may be done again: what it has left does no harm, or the next attempt finds it. Default: it may not. */
  readonly outlives?: (job: Job) => boolean
  /** Called with every result, of a failed attempt too. Default: nothing. */
  readonly onAttempt?: (result: Result) => void
  /** The one place where the result of a job is taken over; it is done then. */
  readonly accept: (result: Done<Result>, item: Item, index: number) => Accepted<Item>
  /** Whether the job is not worth a thread and runs in this one. Default: it is. */
  readonly inPlace?: (item: Item) => boolean
}

/** `parts`: nothing was done, and these are to be done instead. `read`: what was read where `counts` do not tell. */
export type Accepted<Item> =
  { readonly counts: SplitCounts; readonly read?: Amount } | { readonly parts: AsyncIterable<Item> }

/**
 * Runs jobs on a pool of worker threads, for a copy and for a comparison alike: a bounded number at a time, each again where that
 * helps, until all are done. The first failure ends the run, and what other threads have in hand is given up.
 */
export class Scheduler<Job, Result extends { readonly outcome: string; readonly spent?: TimeSpent }> {
  readonly pool: JobPool<Job, Result>
  readonly #options: SchedulerOptions<Job, Result>
  readonly #stop = new AbortController()
  /** Nothing new begins. */
  readonly #ending: AbortSignal
  #grace: NodeJS.Timeout | undefined
  readonly #release: () => void
  #progress = noProgress
  #error: RowshiftError | null = null
  /** It failed before the user interrupted it, if that has happened at all. */
  #failedFirst = false
  #jobs = 0
  /** Whether there are jobs that no thread has in hand. */
  #hasMore = false
  /** How often statements had to be made smaller until a job went through: all later ones begin with it. */
  #shrunk = 0

  constructor(options: SchedulerOptions<Job, Result>) {
    this.#options = options
    if (options.earlier) this.#progress = progressAfter(options.earlier)
    const { threads } = options
    this.#progress = { ...this.#progress, threads: threads.now }
    this.pool = options.pool({
      threads: threads.now,
      onError: (death) => this.fail(this.#attribute(death)),
      onRetired: (working) => this.#take(threads.limit(working)),
      onWaiting: (reason) => this.#advance({ type: 'waiting', reason }),
    })
    this.#ending = AbortSignal.any([options.signal, this.#stop.signal])
    this.#release = onAbort(options.signal, () => this.#interrupt())
  }

  get progress(): Progress {
    return this.#progress
  }

  /** The first failure, or that the user has interrupted the run; null: neither. */
  get error(): RowshiftError | null {
    if (this.#failedFirst) return failedFirst(this.#error!)
    if (!this.#options.signal.aborted) return this.#error
    return withDoubt(new RowshiftError('INTERRUPTED', 'The run was interrupted.'), this.#error)
  }

  /** Aborts when all that is under way is to stop, for whatever reason. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** What is done beside the jobs; an error ends the run. Not begun when it has stopped. Never throws. */
  async step(work: () => Promise<void>): Promise<void> {
    if (this.#ending.aborted) return
    await work().catch((error: unknown) => this.fail(error))
  }

  /** Makes a job of each item, lazily, and resolves when all are done or the run has stopped. Never throws. */
  async run<Item>(items: AsyncIterable<Item> | Iterable<Item>, work: Work<Item, Job, Result>): Promise<void> {
    if (this.#ending.aborted) return
    const running = new Set<Promise<void>>()
    const { threads, aheadPerThread } = this.#options
    const isFull = () => running.size >= threads.now * aheadPerThread && !this.#ending.aborted
    this.#hasMore = true
    try {
      for await (const item of items) {
        if (this.#ending.aborted) break
        const done = this.#one(item, work).finally(() => running.delete(done))
        running.add(done)
        while (isFull()) await Promise.race(running)
        if (this.#ending.aborted) break
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#hasMore = false
      await Promise.all(running)
    }
  }

  /** The first failure ends the run; what other threads have in hand is rolled back. */
  fail(thrown: unknown): void {
    this.#keep(RowshiftError.from(thrown))
    this.#abort()
  }

  /** What failed is tried again; `split` null: the next split could not be found. */
  retrying(error: RowshiftError, retries: number, split: number | null = null): void {
    log.warn({ runId: this.#options.runId, split, retries }, error.message)
    this.#advance({ type: 'retried', split, code: error.code })
    if (error.code === 'LOCK_CONFLICT') this.#take(this.#options.threads.refused())
  }

  /** What a thread says of a job that it has in hand. */
  moved(split: number, counts: SplitCounts): void {
    this.#advance({ type: 'moved', split, counts })
  }

  close(): Promise<void> {
    clearTimeout(this.#grace)
    this.#release()
    return this.pool.close()
  }

  /** `insteadOf`: the index of the job that it is the first part of. */
  async #one<Item>(item: Item, work: Work<Item, Job, Result>, insteadOf?: number): Promise<void> {
    const split = this.#jobs++
    this.#advance({ type: 'planned', split, insteadOf })
    try {
      const onWait = (reason: string | null) => {
        this.#advance({ type: 'waiting', reason })
        if (reason !== null) this.#take(this.#options.threads.refused())
      }
      const attempt = async () => work.accept(await this.#attempt(item, split, work), item, split)
      const accepted = await this.#options.throttle.limited(this.#ending, onWait, attempt, amountOf)
      if ('parts' in accepted) await this.#divide(accepted.parts, work, split)
      else this.#advance({ type: 'done', split, counts: accepted.counts })
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      const committed = error.details['committed'] as SplitCounts['shards']
      this.#advance({ type: 'failed', split, committed })
      this.#failed(error)
    }
  }

  /** One that is too large for a thread is shared out among all of them. */
  async #divide<Item>(
    parts: AsyncIterable<Item>,
    work: Work<Item, Job, Result>,
    whole: number,
  ): Promise<void> {
    const done: Promise<void>[] = []
    try {
      for await (const part of parts) {
        if (this.#ending.aborted) break
        done.push(this.#one(part, work, done.length === 0 ? whole : undefined))
      }
    } catch (error) {
      // The parts that have begun end soon, then.
      this.#failed(error)
      throw error
    } finally {
      await Promise.all(done)
    }
    // Its rows may have been deleted meanwhile.
    if (done.length === 0 && !this.#ending.aborted)
      this.#advance({ type: 'done', split: whole, counts: noCounts })
  }

  async #attempt<Item>(item: Item, split: number, work: Work<Item, Job, Result>): Promise<Done<Result>> {
    const { retry } = this.#options
    const before = this.#shrunk
    let shrunk = before
    let waits = false
    let death: RowshiftError | null = null
    const run = async ({ inDoubt, tooLarge }: Attempt): Promise<Result | Failure> => {
      shrunk = Math.max(this.#shrunk, before + tooLarge)
      if (waits) this.#advance({ type: 'waiting', reason: null })
      waits = false
      const job = work.jobOf(item, split, { inDoubt, shrunk })
      try {
        const result = await this.pool.run(job, work.inPlace?.(item) ?? false)
        work.onAttempt?.(result)
        if (result.spent) this.#advance({ type: 'spent', time: result.spent })
        return result
      } catch (thrown) {
        if (thrown instanceof RowshiftError) throw thrown
        const before = death
        death = this.#attribute(thrown)
        if (!this.#outlives(job, work) || isSame(death, before)) throw death
        return lostWith(death)
      }
    }
    const onRetry = (error: RowshiftError, retries: number) => {
      this.retrying(error, retries, split)
      waits = error.reaction === 'wait'
      if (waits) this.#advance({ type: 'waiting', reason: error.message })
    }
    const result = await withRetries(run, retry, this.#ending, onRetry)
    this.#shrunk = Math.max(this.#shrunk, shrunk)
    return result as Done<Result>
  }

  /** Whether a job whose thread died is done again, by another one. */
  #outlives<Item>(job: Job, work: Work<Item, Job, Result>): boolean {
    return this.pool.replaces && !this.#ending.aborted && work.outlives?.(job) === true
  }

  #attribute(death: unknown): RowshiftError {
    return this.#options.attribute?.(death) ?? threadLost(death)
  }

  /** That something was given up because the user said so does not end what others have in hand. */
  #failed(thrown: unknown): void {
    const error = RowshiftError.from(thrown)
    this.#keep(error)
    if (error.code !== 'INTERRUPTED' || !this.#options.signal.aborted) this.#abort()
  }

  #keep(error: RowshiftError): void {
    if (!this.#options.signal.aborted) this.#failedFirst = true
    this.#error = withDoubt(this.#error ?? error, error)
  }

  /** Whoever gives another reason than the user's wish, for instance that another run has taken over, leaves no time. */
  #interrupt(): void {
    const { signal, graceMs } = this.#options
    if (signal.reason instanceof RowshiftError) this.#abort()
    else this.#grace = setTimeout(() => this.#abort(), graceMs)
  }

  #abort(): void {
    this.#stop.abort()
    this.pool.abort()
  }

  #advance(event: ProgressEvent): void {
    this.#progress = advance(this.#progress, event)
    this.#options.onProgress(this.#progress)
    // With the last jobs in hand, another number would have nothing to do.
    if (this.#hasMore) this.#take(this.#options.threads.look(moved(this.#progress).rows))
  }

  #take(changed: boolean): void {
    if (!changed) return
    const threads = this.#options.threads.now
    log.info({ runId: this.#options.runId, threads }, 'number of threads')
    this.pool.allow(threads)
    this.#advance({ type: 'threads', threads })
  }
}

/** What was read of an item whose parts are to be read again counts with them. */
function amountOf<Item>(accepted: Accepted<Item>): Amount {
  if ('parts' in accepted) return { rows: 0, bytes: 0 }
  return accepted.read ?? { rows: accepted.counts.rowsRead, bytes: accepted.counts.bytes }
}
