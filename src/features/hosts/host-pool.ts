import type { Queue, QueueEvents } from 'bullmq'
import { RowshiftError } from '../../contract/errors.js'
import { pause, retried } from '../../contract/waiting.js'
import type { JobPool, PoolHooks } from '../../engine/job-pool.js'
import type { Failure, WorkerMessage } from '../../engine/messages.js'
import { log } from '../../log.js'
import type { HostBeat } from './host-beat.js'
import { BEAT_MS } from './host-beat.js'
import { failureWith, hasStopped, lost, noWorker, vanished } from './host-failures.js'
import { HostPatience } from './host-patience.js'
import type { HostThreads } from './host-threads.js'
import type { QueuedJob } from './run-record.js'
import { hashOf } from './run-record.js'
import { failureOfStore, passes } from './store-errors.js'
import { type CoordinatorBeat, type HostStore, within } from './store.js'

/** Results come as events; now and then it is looked for some that an event has not told. */
const LOOK_MS = 10_000
/** Workers that give up what they have in hand say so within this time, or are not waited for. */
const ABORT_MS = 5_000
const CLOSE_MS = 5_000
/** Of results that are kept for who looks for them. */
const KEPT_RESULTS = 1_000

interface InHand<Result> {
  readonly settle: (result: Result | Failure) => void
  readonly reject: (error: RowshiftError) => void
}

export interface HostPoolOptions extends PoolHooks {
  readonly store: HostStore
  readonly runId: string
  /** Makes the text of the run's record. */
  readonly record: () => Promise<string>
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
  #started: Promise<void> | null = null
  /** Its record and its first beat are in the store. */
  #published = false
  #giveUpStart: () => void = () => {}
  readonly #closing = new AbortController()
  readonly #inHand = new Map<string, InHand<Result>>()
  #next = 0
  #threads = 0
  #waits = false
  #state: CoordinatorBeat['state'] = 'running'
  readonly #patience: HostPatience
  readonly #told = new Set<string>()
  #beating: Promise<void> = Promise.resolve()

  constructor(options: HostPoolOptions) {
    this.#options = options
    const { store, runId } = options
    this.#patience = new HostPatience(store)
    this.#queue = store.queue(runId)
    this.#events = this.#listen()
    this.#events.catch(() => {})
  }

  get workingThreads(): number {
    return this.#threads
  }

  async run(job: Job): Promise<Result> {
    if (this.#state !== 'running') throw hasStopped()
    await (this.#started ??= Promise.race([this.#start(), this.#stoppedBefore()]))
    if (this.#state !== 'running') throw hasStopped()
    const id = `job-${this.#next++}`
    const done = new Promise<Result | Failure>((settle, reject) => this.#inHand.set(id, { settle, reject }))
    done.catch(() => {})
    const { runId } = this.#options
    const data: QueuedJob = { runId, planHash: this.#planHash, job }
    try {
      const options = {
        jobId: id,
        removeOnComplete: { count: KEPT_RESULTS },
        removeOnFail: { count: KEPT_RESULTS },
      }
      await Promise.race([this.#queue.add('job', data, options), done])
      return (await done) as Result
    } catch (thrown) {
      if (thrown instanceof RowshiftError) throw thrown
      const error = failureOfStore('queueing a split', this.#options.store.where, thrown)
      if (passes(error)) return failureWith(error, true) as object as Result
      throw error
    } finally {
      this.#inHand.delete(id)
    }
  }

  /** Workers decide themselves how many threads they have. */
  allow(): void {}
  retire(): void {}
  tell(): void {}
  async terminate(): Promise<void> {}

  isAlive(): boolean {
    return true
  }

  withRoom<T>(connect: () => Promise<T>): Promise<T> {
    return connect()
  }

  abort(): void {
    if (this.#state !== 'running') return
    this.#state = 'stopping'
    this.#giveUpStart()
    void this.#beat().catch(() => {})
    void this.#rejectWaiting().catch(() => {})
    setTimeout(() => this.#rejectAll(), ABORT_MS).unref()
  }

  /** Nothing of the run is left in the store, unless that cannot be reached. */
  async close(): Promise<void> {
    this.#closing.abort()
    const { store, runId } = this.#options
    const closed = (async () => {
      await this.#beating
      this.#state = 'ended'
      await this.#beat()
      await store.forget(runId)
    })()
    await within(CLOSE_MS, closed)
    // It would wait for its next event, or for a store that is away, and the process with it.
    void this.#events.then((events) => events.close()).catch(() => {})
  }

  async #start(): Promise<void> {
    const { store, runId, record } = this.#options
    // The store may be lost before it hears of the run.
    this.#beating = this.#keepBeating()
    await this.#events
    this.#record = await record()
    this.#planHash = hashOf(this.#record)
    const publish = async () => {
      await store.publish(runId, this.#record)
      await this.#beat()
    }
    const again = (error: RowshiftError) => (this.#patience.bears(error) ? BEAT_MS : null)
    await retried(publish, again, this.#closing.signal)
    this.#patience.begin()
    this.#published = true
  }

  /** Rejects when the run stops while the store is waited for. */
  #stoppedBefore(): Promise<never> {
    return new Promise((_, reject) => {
      this.#giveUpStart = () => reject(hasStopped())
    })
  }

  async #listen(): Promise<QueueEvents> {
    const events = await this.#options.store.events(this.#options.runId)
    events.on('completed', ({ jobId, returnvalue }) => this.#settle(jobId, returnvalue))
    events.on('failed', ({ jobId, failedReason }) => this.#settle(jobId, lost(failedReason)))
    return events
  }

  #settle(id: string, result: unknown): void {
    const value: unknown = typeof result === 'string' ? JSON.parse(result) : result
    this.#inHand.get(id)?.settle(value as Result | Failure)
  }

  async #beat(): Promise<boolean> {
    const { store, runId } = this.#options
    return store.beat(runId, { state: this.#state, planHash: this.#planHash })
  }

  /** Until the pool is closed. */
  async #keepBeating(): Promise<void> {
    const { signal } = this.#closing
    let lookAt = performance.now() + LOOK_MS
    while (!signal.aborted) {
      await pause(BEAT_MS / 2, signal)
      if (signal.aborted) return
      try {
        this.#patience.check()
        if (!this.#published) continue
        if (this.#options.store.lostMs > 0) {
          // What happened meanwhile is looked for at once when it is back.
          lookAt = 0
          continue
        }
        const { store, runId } = this.#options
        if (!(await this.#beat())) await store.publish(runId, this.#record)
        this.#look(await store.hosts<HostBeat>(runId))
        if (performance.now() < lookAt) continue
        lookAt = performance.now() + LOOK_MS
        await this.#findResults()
      } catch (thrown) {
        const error = RowshiftError.from(thrown)
        if (!this.#patience.bears(error)) this.#options.onError(error)
      }
    }
  }

  #look(hosts: ReadonlyMap<string, HostBeat>): void {
    const { hostThreads, onMessage, onRetired, onWaiting } = this.#options
    let threads = 0
    for (const beat of hosts.values()) {
      if (beat.refused !== null) {
        this.#tellOnce(`worker ${beat.name} cannot take part in the run: ${beat.refused.message}`)
        continue
      }
      this.#tellOnce(`worker ${beat.name} takes part with ${beat.threads} threads`)
      threads += beat.threads
      hostThreads.took(beat.name, beat.threads)
      for (const [split, counts] of beat.active)
        onMessage({ type: 'progress', run: this.#options.runId, split, counts })
    }
    if ((threads === 0) !== this.#waits) {
      this.#waits = threads === 0
      onWaiting?.(this.#waits ? noWorker(this.#options.store.where) : null)
    }
    this.#patience.heard([...hosts.values()], threads)
    if (threads === this.#threads) return
    this.#threads = threads
    onRetired(threads)
  }

  #tellOnce(text: string): void {
    if (this.#told.has(text)) return
    this.#told.add(text)
    log.warn({ runId: this.#options.runId }, text)
  }

  /** An event may be lost with a connection, and a job with the memory of a server that keeps nothing on its disk. */
  async #findResults(): Promise<void> {
    for (const id of this.#inHand.keys()) {
      const state = await this.#queue.getJobState(id)
      if (state !== 'completed' && state !== 'failed' && state !== 'unknown') continue
      const job = state === 'unknown' ? undefined : await this.#queue.getJob(id)
      if (state === 'completed' && job?.returnvalue) this.#settle(id, job.returnvalue)
      else
        this.#settle(
          id,
          state === 'failed' ? lost(job?.failedReason ?? '') : vanished(this.#options.store.where),
        )
    }
  }

  /** Nobody has begun them. */
  async #rejectWaiting(): Promise<void> {
    await this.#queue.drain()
    for (const [id, { reject }] of this.#inHand) {
      if ((await this.#queue.getJobState(id)) === 'unknown') reject(hasStopped())
    }
  }

  #rejectAll(): void {
    for (const { reject } of this.#inHand.values()) reject(hasStopped())
  }
}
