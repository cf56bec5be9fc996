/** What the console knows and does, for its pages, its API and its schedules alike. */
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { Task, TaskFields, TaskStore } from '../contract/task-store.js'
import { changeLimits, type LimitChange } from '../engine/run-control.js'
import type { RateLimits } from '../engine/throttle.js'
import { checkedFields, taskWith } from '../task/task-change.js'
import { cronOf } from '../task/cron.js'
import { Children, errorIn, runIdOf } from './children.js'
import { lastRuns } from './last-runs.js'
import { LiveRuns } from './live-runs.js'
import type { RunDetail, RunSummary, TaskSummary, Verification } from './run-records.js'
import { detailOf, liveSummary, shownTask, summaryOf, utc, verificationOf } from './run-records.js'
import { StoreAccess } from './store-access.js'

const MOST_VERIFICATIONS = 100
/** How often, and how long, the end of a run is waited for. */
const SETTLE_FIRST_MS = 100
const SETTLE_MOST_MS = 2_000
const SETTLE_MS = 120_000
const HIDDEN = /:\*\*\*@/

export interface ConsoleSetup {
  readonly config: () => Config
  /** `-c etc -e local`, for child processes and for what pages show. */
  readonly configArgs: readonly string[]
  readonly openStore: () => Promise<TaskStore>
  /** Marks runs whose process is gone; resolves to their ids. */
  readonly markDead: (store: TaskStore, taskIds: readonly number[]) => Promise<ReadonlySet<string>>
  readonly program: readonly [node: string, ...args: string[]]
}

/** What a run is asked for beside what its task says. */
export interface RunAsked {
  readonly mode?: string | undefined
  readonly where?: string | undefined
  readonly param?: readonly string[] | undefined
  readonly restart?: boolean | undefined
}

interface Events {
  /** Something about runs or tasks is not as it was. */
  changed: []
}

export class ConsoleService extends EventEmitter<Events> {
  readonly live = new LiveRuns()
  readonly children: Children
  readonly #setup: ConsoleSetup
  readonly #store: StoreAccess
  readonly #verifications = new Map<string, Verification>()
  #closed = false

  constructor(setup: ConsoleSetup) {
    super()
    this.setMaxListeners(0)
    this.#setup = setup
    this.#store = new StoreAccess(setup.openStore)
    const changed = () => {
      if (!this.#closed) this.emit('changed')
    }
    this.children = new Children(setup.program, this.live, changed)
    this.live.on('began', changed)
    this.live.on('ended', (runId) => {
      changed()
      void this.#settled(runId).then(changed)
    })
  }

  get configArgs(): readonly string[] {
    return this.#setup.configArgs
  }

  use<T>(work: (store: TaskStore) => Promise<T>, again = true): Promise<T> {
    return this.#store.use(work, again)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.children.close()
    this.live.close()
    await this.#store.close()
  }

  async tasks(): Promise<TaskSummary[]> {
    const { tasks, runs } = await this.use(async (store) => {
      const all = await store.list()
      return { tasks: all, runs: await lastRuns(store, all) }
    })
    return Promise.all(
      tasks.map(async (task) => {
        const last = runs.get(task.id)
        const rule = await cronOf(task.params).catch(() => null)
        const next = task.online_status === 1 ? (rule?.next(new Date()) ?? null) : null
        return {
          task: shownTask(task),
          running: last?.status === 'running',
          next: next && utc(next),
          cron: rule && `${rule.at} (${rule.timeZone})`,
          lastRun: last ? { runId: last.run_id, status: last.status, began: last.start_time } : null,
        }
      }),
    )
  }

  async task(id: number): Promise<Task> {
    return shownTask(await this.#find(id))
  }

  /** Newest first; those without a task before them. */
  async runs(taskId: number | null, limit: number): Promise<RunSummary[]> {
    const { listed, dead } = await this.use(async (store) => {
      const found = await store.history(taskId, limit)
      const unseen = found.filter(({ status, run_id }) => status === 'running' && !this.live.get(run_id))
      const tasks = unseen.map(({ task_id }) => task_id)
      return {
        listed: found,
        dead: tasks.length > 0 ? await this.#setup.markDead(store, tasks) : new Set<string>(),
      }
    })
    const known = new Set(listed.map(({ run_id }) => run_id))
    const free = this.live
      .list()
      .filter(({ hello }) => taskId === null && hello.taskId === null && !known.has(hello.runId))
    return [
      ...free.map(liveSummary),
      ...listed.map((run) => {
        const record = dead.has(run.run_id) ? { ...run, status: 'interrupted' as const } : run
        return summaryOf(record, record.status === 'running' ? this.live.get(run.run_id) : null)
      }),
    ]
  }

  /** Throws TASK_NOT_FOUND. */
  async run(runId: string): Promise<RunDetail> {
    const live = this.live.get(runId)
    const record = await this.use((store) => store.run(runId))
    if (record) {
      const shown = record.status === 'running' ? live : null
      return detailOf(summaryOf(record, shown), record, shown)
    }
    if (live && (live.hello.taskId === null || this.#verifications.has(runId)))
      return detailOf(liveSummary(live), null, live)
    throw new RowshiftError('TASK_NOT_FOUND', `The history has no run ${JSON.stringify(runId)}.`)
  }

  async addTask(value: unknown): Promise<Task> {
    const fields = await taskWith(this.#fields(value), null, this.#setup.config())
    const id = await this.use((store) => store.add(fields), false)
    this.emit('changed')
    return this.task(id)
  }

  async changeTask(id: number, value: unknown): Promise<Task> {
    const change = this.#fields(value)
    await taskWith(change, await this.#find(id), this.#setup.config())
    // Only what was said: others may have changed the rest since it was read.
    await this.use((store) => store.change(id, change))
    this.emit('changed')
    return this.task(id)
  }

  async cloneTask(id: number): Promise<Task> {
    const { id: _, task_status: __, ...fields } = await this.#find(id)
    const copy = await this.use((store) => store.add({ ...fields, online_status: 0 }), false)
    this.emit('changed')
    return this.task(copy)
  }

  async removeTask(id: number): Promise<void> {
    await this.#find(id)
    await this.use(async (store) => {
      if (!(await store.lock(id)))
        throw new RowshiftError('TASK_RUNNING', `Task ${id} is running: remove it when that has ended.`)
      await store.remove(id).finally(() => store.unlock(id))
    })
    this.emit('changed')
  }

  /** Resolves to the id of the run; null: it has ended already. */
  async startRun(id: number, { mode, where, param = [], restart }: RunAsked): Promise<string | null> {
    await this.#find(id)
    const args = [
      ...(mode === undefined ? [] : [`--mode=${mode}`]),
      ...(where === undefined ? [] : [`--where=${where}`]),
      ...param.map((pair) => `--param=${pair}`),
      ...(restart === true ? ['--restart'] : []),
    ]
    return this.#begun(['run', String(id), ...args, ...this.configArgs])
  }

  async resume(runId: string): Promise<string | null> {
    await this.run(runId)
    return this.#begun(['resume', runId, ...this.configArgs])
  }

  async plan(id: number): Promise<unknown> {
    await this.#find(id)
    const { result, errors } = await this.children.start(['plan', String(id), ...this.configArgs]).ended
    if (result === null) throw errorIn(errors)
    return result
  }

  /** Throws TASK_NOT_FOUND where it is not under way on this machine. */
  async stop(runId: string): Promise<void> {
    await this.run(runId)
    if (!this.live.stop(runId)) throw notHere(runId)
  }

  async throttle(runId: string, change: LimitChange): Promise<RateLimits> {
    await this.run(runId)
    const limits = await changeLimits(runId, change)
    if (limits === null) throw notHere(runId)
    return limits
  }

  verifications(): Verification[] {
    return [...this.#verifications.values()].toReversed()
  }

  /** Resolves when it has begun. */
  async verify(id: number, kind: Verification['kind']): Promise<Verification> {
    await this.#find(id)
    const args = ['verify', String(id), ...(kind === 'repair' ? ['--repair'] : []), ...this.configArgs]
    const { run, child } = await this.children.startRun(args)
    const begun: Verification = {
      runId: run?.hello.runId ?? `verify-${child.pid}`,
      taskId: id,
      kind,
      at: utc(new Date()),
      status: 'running',
      found: null,
      left: null,
      error: null,
    }
    this.#keep(begun)
    void child.ended.then(({ result, errors }) => {
      this.#keep(verificationOf(begun, result, errorIn(errors).report()))
    })
    return begun
  }

  /** A run tells of itself no more before the history has its end, which may have to wait for the store. */
  async #settled(runId: string): Promise<void> {
    const end = Date.now() + SETTLE_MS
    for (
      let pause = SETTLE_FIRST_MS;
      !this.#closed && Date.now() < end;
      pause = Math.min(2 * pause, SETTLE_MOST_MS)
    ) {
      const record = await this.use((store) => store.run(runId)).catch(() => undefined)
      if (record !== undefined && record?.status !== 'running') return
      await sleep(pause, undefined, { ref: false })
    }
  }

  async #begun(args: readonly string[]): Promise<string | null> {
    const runId = runIdOf(await this.children.startRun(args))
    this.emit('changed')
    return runId
  }

  #fields(value: unknown): Partial<TaskFields> {
    const fields = checkedFields(value)
    if (fields.params != null && HIDDEN.test(fields.params))
      throw new RowshiftError(
        'PARAMS_INVALID',
        'The params hold a password that is hidden here as ***: write it again, or name a connection of the configuration.',
      )
    return fields
  }

  async #find(id: number): Promise<Task> {
    const task = await this.use((store) => store.get(id))
    if (task) return task
    throw new RowshiftError('TASK_NOT_FOUND', `There is no task ${id}.`, { taskId: id })
  }

  #keep(verification: Verification): void {
    for (const [key, { taskId, at }] of this.#verifications)
      if (taskId === verification.taskId && at === verification.at) this.#verifications.delete(key)
    this.#verifications.set(verification.runId, verification)
    const [oldest] = this.#verifications.keys()
    if (this.#verifications.size > MOST_VERIFICATIONS) this.#verifications.delete(oldest!)
    this.emit('changed')
  }
}

function notHere(runId: string): RowshiftError {
  return new RowshiftError(
    'TASK_NOT_FOUND',
    `Run ${runId} is not under way on this machine for the user of this console.`,
  )
}
