import { RowshiftError } from '../contract/errors.js'

/** Whose jobs they are: of one run, or of one table of a run that copies several. */
export interface JobOwner {
  readonly run: string
  /** Of all jobs that wait, those of the lowest rank get a thread first. */
  readonly rank: number
}

/** A job that no thread has in hand. */
interface WaitingJob {
  readonly owner: JobOwner
  readonly reject: (error: RowshiftError) => void
}

/** What those wait for whose jobs no thread has in hand, so that it can end. */
export class WaitingJobs {
  readonly #jobs = new Set<WaitingJob>()
  readonly #stopped = new WeakSet<JobOwner>()
  #allStopped = false

  throwIfStopped(owner: JobOwner): void {
    if (this.#allStopped || this.#stopped.has(owner)) throw hasStopped()
  }

  /** What `run` resolves to, unless the owner is stopped before a thread has the job in hand. */
  async race<T>(owner: JobOwner, run: (waiting: object) => Promise<T>): Promise<T> {
    let waiting!: WaitingJob
    const stopped = new Promise<never>((_, reject) => (waiting = { owner, reject }))
    this.#jobs.add(waiting)
    return Promise.race([run(waiting), stopped]).finally(() => this.#jobs.delete(waiting))
  }

  /** A thread has it in hand. */
  delete(waiting: object | null): void {
    this.#jobs.delete(waiting as WaitingJob)
  }

  /** null: all of them. */
  stop(owner: JobOwner | null): void {
    if (owner === null) this.#allStopped = true
    else this.#stopped.add(owner)
    for (const job of this.#jobs) if (owner === null || job.owner === owner) job.reject(hasStopped())
  }
}

/**
 * The jobs that no thread has in hand, in the order in which they get one: by rank, then as they came. `Task`: Piscina's own, whose types are
 * not those of the package.
 */
export class JobQueue<Task extends object> {
  /** Of a task, leads to its {@link WaitingJob}. */
  readonly key: symbol
  #tasks: Task[] = []

  constructor(key: symbol) {
    this.key = key
  }

  get size(): number {
    return this.#tasks.length
  }

  push(task: Task): void {
    const rank = this.#rank(task)
    const after = this.#tasks.findLastIndex((other) => this.#rank(other) <= rank)
    this.#tasks.splice(after + 1, 0, task)
  }

  /** One that was taken out, and found no thread. */
  unshift(task: Task): void {
    const rank = this.#rank(task)
    const before = this.#tasks.findIndex((other) => this.#rank(other) >= rank)
    this.#tasks.splice(before === -1 ? this.#tasks.length : before, 0, task)
  }

  shift(): Task | null {
    return this.#tasks.shift() ?? null
  }

  remove(task: Task): void {
    this.#tasks = this.#tasks.filter((other) => other !== task)
  }

  /** Takes out all jobs of an owner: nobody waits for them any more. */
  drop(owner: JobOwner): void {
    this.#tasks = this.#tasks.filter((task) => this.#jobOf(task).owner !== owner)
  }

  #rank(task: Task): number {
    return this.#jobOf(task).owner.rank
  }

  #jobOf(task: Task): WaitingJob {
    return (task as Readonly<Record<symbol, WaitingJob>>)[this.key]!
  }
}

function hasStopped(): RowshiftError {
  return new RowshiftError('INTERRUPTED', 'The run has stopped.')
}
