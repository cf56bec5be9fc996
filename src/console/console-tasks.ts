/** The tasks of the store, as the console shows and changes them. */
import type { Config } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunRecord, Task, TaskFields, TaskStore } from '../contract/task-store.js'
import { cronOf } from '../task/cron.js'
import { checkedFields, taskWith } from '../task/task-change.js'
import { lastRuns } from './last-runs.js'
import { shownTask, type TaskSummary, utc } from './run-records.js'
import type { StoreAccess } from './store-access.js'
import { changedFields, taskChanged, versionOf } from './task-version.js'

const HIDDEN = /:\*\*\*@/

/** The same runs, of which none says that it runs although its process is gone. */
type MarkDead = (store: TaskStore, runs: readonly RunRecord[]) => Promise<readonly RunRecord[]>

export class ConsoleTasks {
  readonly #store: StoreAccess
  readonly #config: () => Config
  readonly #changed: () => void
  readonly #withoutDead: MarkDead

  constructor(store: StoreAccess, config: () => Config, changed: () => void, withoutDead: MarkDead) {
    this.#store = store
    this.#config = config
    this.#changed = changed
    this.#withoutDead = withoutDead
  }

  async list(): Promise<TaskSummary[]> {
    const { tasks, runs } = await this.#store.use(async (store) => {
      const all = await store.list()
      const last = await lastRuns(store, all)
      return { tasks: all, runs: await this.#withoutDead(store, [...last.values()]) }
    })
    const lastOf = new Map(runs.map((run) => [run.task_id, run]))
    return Promise.all(
      tasks.map(async (task) => {
        const last = lastOf.get(task.id)
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

  async get(id: number): Promise<Task> {
    return shownTask(await this.find(id))
  }

  async add(value: unknown): Promise<Task> {
    const fields = await taskWith(this.#fields(value), null, this.#config())
    const id = await this.#store.use((store) => store.add(fields), false)
    this.#changed()
    return this.get(id)
  }

  /** `seen`: the version that was changed (`versionOf`); null: whatever it is now. Throws TASK_CHANGED. */
  async change(id: number, value: unknown, seen: string | null): Promise<Task> {
    const change = this.#fields(value)
    await taskWith(change, await this.find(id), this.#config())
    await this.#store.use(async (store) => {
      const now = seen === null ? null : await store.get(id)
      const others = now === null ? [] : changedFields(seen!, versionOf(shownTask(now)))
      const both = others.filter((name) => name in change && change[name] !== now![name])
      if (both.length > 0) throw taskChanged(id, both)
      // Only what was said: others may have changed the rest since it was read.
      await store.change(id, change)
    })
    this.#changed()
    return this.get(id)
  }

  async clone(id: number): Promise<Task> {
    const { id: _, task_status: __, ...fields } = await this.find(id)
    const copy = await this.#store.use((store) => store.add({ ...fields, online_status: 0 }), false)
    this.#changed()
    return this.get(copy)
  }

  async remove(id: number): Promise<void> {
    await this.find(id)
    await this.#store.use(async (store) => {
      if (!(await store.lock(id)))
        throw new RowshiftError('TASK_RUNNING', `Task ${id} is running: remove it when that has ended.`)
      await store.remove(id).finally(() => store.unlock(id))
    })
    this.#changed()
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

  /** Throws TASK_NOT_FOUND. */
  async find(id: number): Promise<Task> {
    const task = await this.#store.use((store) => store.get(id))
    if (task) return task
    throw new RowshiftError('TASK_NOT_FOUND', `There is no task ${id}.`, { taskId: id })
  }
}
