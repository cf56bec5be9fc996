import type { ErrorDetails } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'
import { log } from '../log.js'
import type { RunRecord, TaskStore } from '../contract/task-store.js'
import { pause } from '../contract/waiting.js'

const RENEW_MS = 10_000

/** What became of the lock of a run. */
export interface LockFate {
  /** No other run of the task has begun since it was taken. */
  readonly alone: boolean
  /** In words; null: it was held all the time. */
  readonly fate: string | null
}

/** The lock of a task for as long as one run lasts, seen to every few seconds. */
export class TaskLock {
  readonly #store: TaskStore
  readonly #run: Pick<RunRecord, 'run_id' | 'task_id'>
  readonly #ended = new AbortController()
  readonly #lost = new AbortController()
  #watching: Promise<void> | null = null
  /** The store does one thing at a time. */
  #asking: Promise<unknown> = Promise.resolve()
  #regained = false

  private constructor(store: TaskStore, run: Pick<RunRecord, 'run_id' | 'task_id'>) {
    this.#store = store
    this.#run = run
  }

  /** Throws TASK_RUNNING when another run has it. */
  static async take(store: TaskStore, run: Pick<RunRecord, 'run_id' | 'task_id'>): Promise<TaskLock> {
    const lock = new TaskLock(store, run)
    if (await store.lock(run.task_id)) return lock
    const holder = await lock.#otherRunning()
    throw new RowshiftError(
      'TASK_RUNNING',
      `Task ${run.task_id} is running already: ${holder ? describeRun(holder) : 'another run has just begun'}. Run it again when that has ended; a run whose process dies gives way by itself.`,
      holder ? detailsOf(holder) : { taskId: run.task_id },
    )
  }

  /** Aborted when another run has taken the lock; the reason is the error that says so. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Uses the store while the lock is watched. */
  async use(work: () => Promise<void>): Promise<void> {
    const before = this.#asking
    const now = before.then(work, work)
    this.#asking = now.catch(() => {})
    return now
  }

  watch(): void {
    this.#watching = this.#watch()
  }

  /** Looks a last time. */
  async end(): Promise<LockFate> {
    this.#ended.abort()
    await this.#watching
    await this.#asking
    await this.#renew()
    if (this.#lost.signal.aborted) {
      return { alone: false, fate: (this.#lost.signal.reason as RowshiftError).message }
    }
    if (!this.#regained) return { alone: true, fate: null }
    const { run_id: runId, task_id: taskId } = this.#run
    const [newest] = await this.#store.history(taskId, 1)
    const alone = newest?.run_id === runId
    const others = alone || !newest ? 'no other run began' : `${describeRun(newest)} began`
    const fate = `The connection to the task store was lost, and with it the lock of task ${taskId}; it was taken again, and ${others} meanwhile.`
    return { alone, fate }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await pause(RENEW_MS, signal)
      if (!signal.aborted && !this.#lost.signal.aborted) await this.use(() => this.#renew())
    }
  }

  /** A store that cannot be reached is asked again next time: the run itself does not need it. */
  async #renew(): Promise<void> {
    const { task_id: taskId, run_id: runId } = this.#run
    try {
      const state = await this.#store.renewLock(taskId)
      if (state === 'regained') this.#regained = true
      if (state !== 'lost') return
      // Without another run it is our own old connection that has it, until the server finds that to be gone.
      const other = await this.#otherRunning()
      if (other) this.#lost.abort(takenOver(other))
    } catch (thrown) {
      log.warn(
        { taskId, runId },
        `the lock of the task cannot be renewed: ${RowshiftError.from(thrown).message}`,
      )
    }
  }

  async #otherRunning(): Promise<RunRecord | undefined> {
    const runs = await this.#store.history(this.#run.task_id, 100)
    return runs.find(({ status, run_id }) => status === 'running' && run_id !== this.#run.run_id)
  }
}

/** `run … on host (process 1), since …` */
export function describeRun({ run_id, host, pid, start_time }: RunRecord): string {
  const where = host === null ? '' : ` on ${host} (process ${pid})`
  return `run ${run_id}${where}, since ${start_time} UTC`
}

function takenOver(other: RunRecord): RowshiftError {
  return new RowshiftError(
    'CONNECTION_LOST',
    `The connection to the task store was lost, and with it the lock of task ${other.task_id}; another run has it now: ${describeRun(other)}. What this one has committed stays.`,
    detailsOf(other),
  )
}

function detailsOf({ run_id, task_id, host, pid, start_time }: RunRecord): ErrorDetails {
  return { taskId: task_id, runId: run_id, host, pid, since: start_time }
}
