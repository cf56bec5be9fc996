import type { Queue, QueueEvents } from 'bullmq'
import { RowshiftError } from '../../contract/errors.js'
import { DEFAULT_RETRY, mayPass, pause, pauseAfter, retried, within } from '../../contract/waiting.js'
import type { JobPool, PoolHooks } from '../../engine/job-pool.js'
import type { JobOwner } from '../../engine/job-queue.js'
import type { ControlMessage, WorkerMessage } from '../../engine/messages.js'
import { log } from '../../log.js'
import type { HostBeat } from './host-beat.js'
import { BEAT_MS } from './host-beat.js'
import { failureWith, hasStopped, lost, noWorker } from './host-failures.js'
import { HostJobs } from './host-jobs.js'
import { HostPatience } from './host-patience.js'
import { HostStart } from './host-start.js'
import { HostTables } from './host-tables.js'
import type { HostThreads } from './host-threads.js'
import type { QueuedJob, RunRecord } from './run-record.js'
import { hashOf } from './run-record.js'
import { failureOfStore, passes } from './store-errors.js'
import type { CoordinatorBeat, HostStore } from './store.js'

/** Results come as events; now and then it is looked for some that an event has not told. */
const LOOK_MS = 10_000
/** Workers that give up what they have in hand say so within this time, or are not waited for. */
const ABORT_MS = 5_000
const CLOSE_MS = 5_000
/** Of results that are kept for who looks for them. */
const KEPT_RESULTS = 1_000

export interface HostPoolOptions extends PoolHooks {
  readonly store: HostStore
  readonly runId: string
  /** The run copies several tables, and each job is owned by one of them. */
  readonly ofTables: boolean
  /** Makes the record of the run; of several tables, that of one of them. */
  readonly recordOf: (run: string) => Promise<RunRecord>
  readonly hostThreads: HostThreads
  readonly onMessage: (message: WorkerMessage) => void
}

/** Does jobs on other hosts: each goes through a queue to whichever worker has room. */
export class HostPool<Job extends object, Result extends object> implements JobPool<Job, Result> {
  /** What a worker had in hand that ended is given to another one. */
  readonly replaces = true
  readonly gaveUp = null
  readonly #options: HostPoolOptions
  #record = ''
  #planHash = ''
  readonly #queue: Queue<object, object>
  readonly #events: Promise<QueueEvents>
  /** When the first job comes: by then the target is prepared, and a snapshot has begun. */
  readonly #started = new HostStart((owner) => this.#start(owner))
  /** Its record and its first beat are in the store. */
  #published = false
  /** Why nothing can be done any more; null: it can, as far as is known. */
  #lost: RowshiftError | null = null
  readonly #closing = new AbortController()
  readonly #jobs = new HostJobs<Result>()
  #threads = 0
  #waits = false
  #state: CoordinatorBeat['state'] = 'running'
  readonly #patience: HostPatience
  readonly #tables: HostTables
  readonly #told = new Set<string>()
  #beating: Promise<void> | null = null

  constructor(options: HostPoolOptions) {
    this.#options = options
    const { store, runId, recordOf } = options
    this.#tables = new HostTables({
      recordOf: async (run) => JSON.stringify(await recordOf(run)),
      keep: (run, text) => this.#patiently(() => store.keep(run, text)),
      drop: (runs) => store.drop(runs),
      onBegun: () => this.#beat(),
    })
    this.#patience = new HostPatience(store)
    this.#queue = store.queue(runId)
    this.#events = this.#listen()
    this.#events.catch(() => {})
  }

  get workingThreads(): number {
    return this.#threads
  }

  async run(job: Job, _inPlace: boolean, owner?: JobOwner): Promise<Result> {
    this.#throwIfStopped(owner)
    const { id, done } = this.#jobs.add(owner)
    try {
      await Promise.race([this.#add(id, job, owner), done])
      return (await done) as Result
    } catch (thrown) {
      const error =
        thrown instanceof RowshiftError
          ? thrown
          : failureOfStore('queueing a split', this.#options.store.where, thrown)
      if (passes(error) || mayPass(error)) return failureWith(error, true) as object as Result
      throw error
    } finally {
      this.#jobs.delete(id)
    }
  }

  async #add(id: string, job: Job, owner: JobOwner | undefined): Promise<void> {
    await this.#started.begin(owner, () => this.#throwIfStopped(owner))
    const planHash = owner ? await this.#tables.begin(owner.run) : this.#planHash
    // Its table may have stopped, and ended, meanwhile.
    if (!this.#jobs.has(id)) return
    const data: QueuedJob = { runId: this.#options.runId, planHash, table: owner?.run ?? null, job }
    await this.#queue.add('job', data, {
      jobId: id,
      ...(owner && { priority: owner.rank + 1 }),
      removeOnComplete: { count: KEPT_RESULTS },
      removeOnFail: { count: KEPT_RESULTS },
    })
    this.#jobs.isQueued(id)
  }

  #throwIfStopped(owner?: JobOwner): void {
    if (this.#lost !== null) throw this.#lost
    if (this.#state !== 'running' || (owner && this.#tables.isStopping(owner.run))) throw hasStopped()
  }

  /** Workers decide themselves how many threads they have. */
  allow(): void {}
  retire(): void {}
  tell(message: ControlMessage): void {
    if (message.type === 'end') void this.#tables.end(message.run).catch(() => {})
  }
  async terminate(): Promise<void> {}

  isAlive(): boolean {
    return true
  }

  withRoom<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
    // Workers make no room for it, but may be about to close some of theirs.
    const next = (error: RowshiftError, retries: number) =>
      error.code === 'CONNECTION_LIMIT' ? pauseAfter(error, retries, DEFAULT_RETRY) : null
    return retried(connect, next, signal)
  }

  abort(): void {
    if (this.#state !== 'running') return
    this.#state = 'stopping'
    this.#jobs.rejectUnqueued(undefined)
    void this.#beat().catch(() => {})
    void this.#rejectWaiting().catch(() => {})
    setTimeout(() => this.#jobs.rejectAll(undefined), ABORT_MS).unref()
  }

  /** The same for one table. */
  stop(owner: JobOwner): void {
    if (this.#state !== 'running' || this.#tables.isStopping(owner.run)) return
    this.#tables.stop(owner.run)
    this.#jobs.rejectUnqueued(owner)
    void this.#beat().catch(() => {})
    void this.#rejectWaiting(owner).catch(() => {})
    setTimeout(() => this.#jobs.rejectAll(owner), ABORT_MS).unref()
  }

  /** Nothing of the run is left in the store, unless that cannot be reached. */
  async close(): Promise<void> {
    this.#closing.abort()
    const { store, runId } = this.#options
    const closed = (async () => {
      await this.#beating
      this.#state = 'ended'
      await this.#beat()
      await this.#tables.endAll()
      await store.forget(runId)
      await this.#queue.close()
    })()
    await within(CLOSE_MS, closed)
    // It would wait for its next event, or for a store that is away, and the process with it.
    void this.#events.then((events) => events.close()).catch(() => {})
  }

  async #start(owner?: JobOwner): Promise<void> {
    const { store, runId, recordOf } = this.#options
    // The store may be lost before it hears of the run.
    this.#beating ??= this.#keepBeating()
    await this.#events
    this.#record = JSON.stringify({ ...(await recordOf(owner?.run ?? runId)), runId })
    this.#planHash = hashOf(this.#record)
    const publish = async () => {
      await store.publish(runId, this.#record)
      await this.#beat()
    }
    await this.#patiently(publish)
    this.#patience.begin()
    this.#published = true
  }

  /** A store that is away is waited for. */
  #patiently<T>(work: () => Promise<T>): Promise<T> {
    const again = (error: RowshiftError) => (this.#patience.bears(error) ? BEAT_MS : null)
    return retried(work, again, this.#closing.signal)
  }

  async #listen(): Promise<QueueEvents> {
    const events = await this.#options.store.events(this.#options.runId)
    events.on('completed', ({ jobId, returnvalue }) => this.#jobs.settle(jobId, returnvalue))
    events.on('failed', ({ jobId, failedReason }) => this.#jobs.settle(jobId, lost(failedReason)))
    return events
  }

  async #beat(): Promise<boolean> {
    const { store, runId } = this.#options
    const { states: tables } = this.#tables
    return store.beat(runId, { state: this.#state, planHash: this.#planHash, tables })
  }

  /** Until the pool is closed. */
  async #keepBeating(): Promise<void> {
    const { signal } = this.#closing
    let lookAt = performance.now() + LOOK_MS
    while (!signal.aborted) {
      await pause(BEAT_MS / 2, signal)
      if (signal.aborted) return
      try {
        if (this.#jobs.any) this.#patience.check()
        if (!this.#published) continue
        if (this.#options.store.lostMs > 0) {
          // What happened meanwhile is looked for at once when it is back.
          lookAt = 0
          continue
        }
        const { store, runId } = this.#options
        if (!(await this.#beat())) {
          await this.#tables.tellAgain()
          await store.publish(runId, this.#record)
        }
        this.#look(await store.hosts<HostBeat>(runId))
        if (performance.now() < lookAt) continue
        lookAt = performance.now() + LOOK_MS
        await this.#jobs.find(this.#queue, store.where)
      } catch (thrown) {
        const error = RowshiftError.from(thrown)
        if (this.#patience.bears(error) || this.#lost !== null) continue
        this.#lost = error
        this.#options.onError(error)
      }
    }
  }

  #look(hosts: ReadonlyMap<string, HostBeat>): void {
    const { hostThreads, onMessage, onRetired, onConnected, onWaiting } = this.#options
    let threads = 0
    for (const beat of hosts.values()) {
      if (beat.refused !== null) {
        this.#tellOnce(`worker ${beat.name} cannot take part in the run: ${beat.refused.message}`)
        continue
      }
      this.#tellOnce(`worker ${beat.name} takes part with ${beat.threads} threads`)
      threads += beat.threads
      hostThreads.took(beat.name, beat.threads)
      for (const [run, split, counts] of beat.active) onMessage({ type: 'progress', run, split, counts })
    }
    if ((threads === 0) !== this.#waits) {
      this.#waits = threads === 0
      onWaiting?.(this.#waits ? noWorker(this.#options.store.where) : null)
    }
    if (threads > 0 && this.#threads === 0) onConnected?.()
    this.#patience.heard([...hosts.values()], threads, this.#jobs.any)
    if (threads === this.#threads) return
    this.#threads = threads
    onRetired(threads)
  }

  #tellOnce(text: string): void {
    if (this.#told.has(text)) return
    this.#told.add(text)
    log.warn({ runId: this.#options.runId }, text)
  }

  /** Nobody has begun them. */
  async #rejectWaiting(owner?: JobOwner): Promise<void> {
    if (owner === undefined) await this.#queue.drain()
    const isThere = async (id: string) => {
      // One that a worker has in hand stays.
      if (owner) await this.#queue.remove(id)
      return (await this.#queue.getJobState(id)) !== 'unknown'
    }
    await this.#jobs.rejectUnless(isThere, owner)
  }
}
