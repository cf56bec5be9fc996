import { BroadcastChannel, threadId } from 'node:worker_threads'
import type { Piscina, queueOptionsSymbol, TaskQueue } from 'piscina'
import type { ErrorReport } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'
import { retried } from '../contract/waiting.js'
import { log } from '../log.js'
import { InPlaceJobs } from './in-place-jobs.js'
import type { JobPool, PoolOptions } from './job-pool.js'
import type { JobOwner } from './job-queue.js'
import { JobQueue, WaitingJobs } from './job-queue.js'
import type { ControlMessage, Failure, ThreadMessage, WorkerMessage } from './messages.js'

const CLOSE_TIMEOUT_MS = 5_000
const ROOM_MS = 100
/** After so many attempts a thread gives up its connections. */
const ROOM_ATTEMPTS = 5
/** For so long it may be at its last job, before another one is told so. */
const LEAVING_MS = 10_000
/** Of jobs that are the only ones in their pool. */
const NOBODY: JobOwner = { run: '', rank: 0 }

/** What a job results in; it may have failed because its thread gave up. */
type JobResult = object | Failure

type Task = Parameters<TaskQueue['push']>[0]
type Balancer = NonNullable<Piscina['options']['loadBalancer']>

/** What a thread gets. */
type OfRun<Job> = Job & Pick<JobOwner, 'run'>

/** Worker threads that hold connections, and are told all together what to do about them. */
export class WorkerPool<Job, Result extends JobResult> implements JobPool<Job, Result> {
  readonly #options: PoolOptions
  #starting: Promise<Piscina<OfRun<Job>, Result>> | null = null
  /** null: no thread has started. */
  #pool: Piscina<OfRun<Job>, Result> | null = null
  #queue: JobQueue<Task> | null = null
  readonly #inPlace: InPlaceJobs<OfRun<Job>, Result>
  readonly #control: BroadcastChannel
  /** Ids of the threads that have opened connections and not closed them. */
  readonly #open = new Set<number>()
  /** Ids of the threads that count among those that have theirs (`ThreadSetup.connected`). */
  readonly #connected = new Set<number>()
  /** Those that take no more jobs, because a server takes no more connections. */
  readonly #retired = new Set<number>()
  #crowding: ErrorReport | null = null
  /** When one was told to make room. */
  #toldAt = -Infinity
  readonly #waiting = new WaitingJobs()
  /** Those that take jobs, and those that gave up; the most that there were. */
  #threads: number
  #most: number
  #aborted = false
  #closing = false
  #closed = false
  #onClosed: () => void = () => {}

  constructor(options: PoolOptions) {
    this.#options = options
    this.#threads = this.#most = options.threads
    this.#inPlace = new InPlaceJobs(options, (message) => this.#receive(message))
    // It keeps the process alive until it is closed.
    this.#control = new BroadcastChannel(options.setup.control)
    if (options.startsEarly !== 'none') this.#start().catch((error: unknown) => this.#died(error))
  }

  /** `inPlace`: in this thread, by `workers/in-place.ts`; for what is not worth the start of another. */
  async run(job: Job, inPlace: boolean, owner: JobOwner = NOBODY): Promise<Result> {
    const owned = { ...job, run: owner.run }
    this.#waiting.throwIfStopped(owner)
    const result = await (inPlace ? this.#inPlace.run(owned) : this.#runInThread(owned, owner))
    if ('gaveUp' in result && result.gaveUp !== null) this.retire(result.gaveUp, result.error)
    return result
  }

  async #runInThread(job: OfRun<Job>, owner: JobOwner): Promise<Result> {
    this.#inPlace.rest()
    const pool = await this.#start()
    this.#waiting.throwIfStopped(owner)
    return this.#waiting.race(owner, (waiting) => pool.run({ ...job, [this.#queue!.key]: waiting }))
  }

  /** Piscina is loaded when it is needed: a small copy has no threads. */
  #start(): Promise<Piscina<OfRun<Job>, Result>> {
    this.#starting ??= import('piscina').then(({ Piscina: Threads, queueOptionsSymbol: queueOptions }) => {
      const { worker, startsEarly, jobsPerThread = 1, maxYoungGenerationSizeMb, setup } = this.#options
      this.#queue = new JobQueue<Task>(queueOptions)
      const pool = new Threads<OfRun<Job>, Result>({
        filename: new URL(`../../workers/${worker}`, import.meta.url).href,
        minThreads: startsEarly === 'all' ? this.#threads : 1,
        maxThreads: this.#threads,
        idleTimeout: Infinity,
        recordTiming: false,
        taskQueue: this.#queue,
        loadBalancer: this.#spread(jobsPerThread, queueOptions),
        concurrentTasksPerWorker: jobsPerThread,
        // Idle threads hold sockets, so they must keep their event loops running.
        atomics: 'disabled',
        workerData: setup,
        resourceLimits: maxYoungGenerationSizeMb === undefined ? {} : { maxYoungGenerationSizeMb },
      })
      pool.on('message', (message: ThreadMessage | WorkerMessage) => this.#receive(message))
      pool.on('error', (error: unknown) => this.#died(error))
      // One that calls process.exit is not an error to Piscina. Results of jobs, and the event above, know more and come first.
      pool.on('workerDestroy', () => setImmediate(() => this.#died(new Error('a worker thread ended'))))
      this.#pool = pool
      return pool
    })
    return this.#starting
  }

  /** A thread has given up, and why: others do its work. */
  retire(thread: number, error: ErrorReport): void {
    this.#crowding ??= error
    this.#connected.delete(thread)
    if (this.#retired.has(thread)) return
    this.#retired.add(thread)
    // It counted on the connections of one that only rests, or has died: that one, or a new one, takes its place.
    if (this.workingThreads === 0) this.allow(1)
    log.warn(this.gaveUp!)
    this.#options.onRetired(this.workingThreads)
  }

  /** From now on so many threads take jobs: more are started as jobs come, or the last ones rest. */
  allow(threads: number): void {
    this.#threads = threads + this.#retired.size
    this.#most = Math.max(this.#most, this.#threads)
    if (this.#pool && !this.#aborted) this.#pool.options.maxThreads = this.#threads
  }

  get replaces(): boolean {
    return this.#options.replaces
  }

  get workingThreads(): number {
    return this.#threads - this.#retired.size
  }

  /** What happened to the threads that gave up, for people; null: none did. */
  get gaveUp(): string | null {
    if (this.#crowding === null) return null
    return `went on with ${this.workingThreads} of ${this.#most} threads: ${this.#crowding.message.replace(/\.$/, '')}`
  }

  /** For a connection beside those of the threads: where the server takes no more of them, a thread gives up its own. */
  withRoom<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const next = (error: RowshiftError, retries: number) => {
      if (error.code !== 'CONNECTION_LIMIT') return null
      // A server takes a moment to see that a connection was closed.
      if ((retries + 1) % ROOM_ATTEMPTS === 0) this.#makeRoom(error)
      return ROOM_MS
    }
    return retried(connect, next, signal)
  }

  #makeRoom(error: RowshiftError): void {
    const working = [...this.#open].filter((thread) => !this.#retired.has(thread))
    // One that was told so closes its own when it has done what it has in hand, unless it is needed.
    const leaving = working.length < this.#open.size && performance.now() - this.#toldAt < LEAVING_MS
    if (leaving) return
    const [last] = working.reverse()
    if (last === undefined || working.length === 1) throw error
    this.#toldAt = performance.now()
    this.retire(last, error.report())
    this.tell({ type: 'giveUp', thread: last })
  }

  abort(): void {
    this.#aborted = true
    this.tell({ type: 'abort', run: null })
    // Piscina would look for a thread only when one has ended a job, which may never happen.
    if (this.#pool) this.#pool.options.maxThreads = 0
    this.#waiting.stop(null)
  }

  /** The same for the jobs of one owner: those of others go on. */
  stop(owner: JobOwner): void {
    this.tell({ type: 'abort', run: owner.run })
    this.#queue?.drop(owner)
    this.#waiting.stop(owner)
  }

  tell(message: ControlMessage): void {
    if (!this.#closed) this.#control.postMessage(message)
  }

  isAlive(thread: number): boolean {
    return this.#threadOf(thread) !== undefined || (thread === threadId && this.#inPlace.begun)
  }

  /** Ends a thread, whatever it is at; the jobs that it has in hand are rejected. */
  async terminate(thread: number): Promise<void> {
    await this.#threadOf(thread)?.terminate()
  }

  #threadOf(thread: number) {
    return this.#pool?.threads.find(({ threadId: id }) => id === thread)
  }

  /** Lets the threads close their connections, so that servers do not log them as aborted. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#openThreads > 0) {
      const closed = new Promise<void>((resolve) => {
        this.#onClosed = resolve
      })
      this.tell({ type: 'close' })
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      })
      await Promise.race([closed, timeout])
      clearTimeout(timer)
    }
    this.#closed = true
    this.#control.close()
    await (await this.#starting?.catch(() => null))?.destroy()
  }

  /** A thread that died has no connections any more. */
  get #openThreads(): number {
    return [...this.#open].filter((thread) => this.isAlive(thread)).length
  }

  #receive(message: ThreadMessage | WorkerMessage): void {
    switch (message.type) {
      case 'opened':
        // One that starts so late has not heard `close`, and is not waited for.
        if (!this.#closing) this.#open.add(message.thread)
        // A thread that was still starting has not heard an earlier message.
        if (this.#aborted) this.tell({ type: 'abort', run: null })
        break
      case 'connected':
        this.#connected.add(message.thread)
        this.#options.onConnected?.()
        break
      case 'closed':
        this.#open.delete(message.thread)
        this.#connected.delete(message.thread)
        if (this.#openThreads === 0) this.#onClosed()
        break
      case 'setup':
        message.port.postMessage(this.#aborted ? null : (this.#options.setupOf?.(message.run) ?? null))
        break
      default:
        this.#options.onMessage?.(message)
    }
  }

  /** One job for every thread, starting threads as needed, before any thread gets its second one. */
  #spread(jobsPerThread: number, key: typeof queueOptionsSymbol): Balancer {
    const choose: Balancer = (_task, all) => {
      const workers = this.#working(all)
      const idle = workers.find(({ currentUsage }) => currentUsage === 0)
      if (idle || all.length < this.#threads) return idle ?? null
      return workers.find(({ currentUsage }) => currentUsage < jobsPerThread) ?? null
    }
    return (task, all) => {
      const chosen = this.#aborted ? null : choose(task, all)
      if (chosen) this.#waiting.delete(task[key])
      return chosen
    }
  }

  /** The first ones that have not given up. */
  #working<Worker extends { readonly id: number }>(all: readonly Worker[]): Worker[] {
    const able = all.filter(({ id }) => !this.#retired.has(id))
    if (able.length <= this.workingThreads) return able
    return able.sort((a, b) => a.id - b.id).slice(0, this.workingThreads)
  }

  #died(error: unknown): void {
    this.#forgetDead()
    // None is left when those that were to take its place have died as they began: Piscina starts no more then.
    const replaced = this.#options.replaces && (this.#pool?.threads.length ?? 0) > 0
    if (!this.#closing && !replaced) this.#options.onError(RowshiftError.from(error))
    if (this.#openThreads === 0) this.#onClosed()
  }

  /** The others would count on the connections of those that died. */
  #forgetDead(): void {
    for (const thread of [...this.#open, ...this.#connected]) {
      if (this.isAlive(thread)) continue
      this.#open.delete(thread)
      if (this.#connected.delete(thread)) Atomics.sub(this.#options.setup.connected, 0, 1)
    }
  }
}
