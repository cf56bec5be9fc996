/** `rowshift task …`: adds tasks to the task table and changes them. */
import type { Config } from '../config/config.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import type { Task, TaskFields, TaskStore } from '../contract/task-store.js'
import { assigned, rawFromOptions } from '../task/params-options.js'
import { rawParams } from '../task/raw-params.js'
import { sideFields, taskWith } from '../task/task-change.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { print, printJson } from './output.js'
import { findTask, withStore } from './stored-tasks.js'

export interface TaskOptions extends CommonOptions, ConfigOptions {
  readonly action: 'add' | 'edit' | 'enable' | 'disable' | 'clone' | 'remove'
  readonly id: number | undefined
  /** `TYPE:APP/DB/TABLE` */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly params: string | undefined
  readonly param: readonly string[]
  readonly unset: readonly string[]
  readonly desc: string | undefined
  readonly owner: string | undefined
  readonly online: boolean | undefined
}

/** `rowshift task add|edit|enable|disable|clone|remove`; resolves to the exit code. */
export async function taskCommand(options: TaskOptions): Promise<number> {
  const { action, id } = options
  if ((id === undefined) !== (action === 'add'))
    throw new RowshiftError(
      'USAGE',
      action === 'add'
        ? 'A new task gets its id from the task table: leave it out.'
        : `Name the task: "rowshift task ${action} 5".`,
    )
  refuseIdle(options)
  const { task, text } = await interruptible((signal) =>
    withStore(options, signal, (store, config) => act(options, store, config)),
  )
  if (options.json) printJson(task)
  else print(text)
  return ExitCode.success
}

interface Done {
  readonly task: Task
  readonly text: string
}

async function act(options: TaskOptions, store: TaskStore, config: Config): Promise<Done> {
  const { action, id } = options
  if (action === 'add') return added(await taskWith(changeOf(options, null), null, config), store)
  const before = await findTask(store, id!)
  switch (action) {
    case 'edit': {
      const change = changeOf(options, before)
      await taskWith(change, before, config)
      return changed(id!, change, store, 'changed')
    }
    case 'enable':
      await taskWith({ online_status: 1 }, before, config)
      return changed(id!, { online_status: 1 }, store, 'online')
    case 'disable':
      return changed(id!, { online_status: 0 }, store, 'offline')
    case 'clone': {
      const fields = await taskWith({ online_status: 0, ...changeOf(options, before) }, before, config)
      return added(fields, store)
    }
    case 'remove':
      return removed(before, store)
    default:
      return action satisfies never
  }
}

async function added(fields: TaskFields, store: TaskStore): Promise<Done> {
  const id = await store.add(fields)
  const online = fields.online_status === 1
  const next = online ? `"rowshift run ${id}" runs it` : `offline until "rowshift task enable ${id}"`
  return { task: await findTask(store, id), text: `Task ${id} was added; ${next}.` }
}

async function changed(
  id: number,
  fields: Partial<TaskFields>,
  store: TaskStore,
  what: string,
): Promise<Done> {
  // Only what was said: others may have changed the rest since it was read.
  await store.change(id, fields)
  return { task: await findTask(store, id), text: `Task ${id} is ${what}.` }
}

/** A run that is under way would write its end into a task that is gone. Throws TASK_RUNNING. */
async function removed(task: Task, store: TaskStore): Promise<Done> {
  if (!(await store.lock(task.id)))
    throw new RowshiftError('TASK_RUNNING', `Task ${task.id} is running: remove it when that has ended.`, {
      taskId: task.id,
    })
  await store.remove(task.id)
  return {
    task,
    text: `Task ${task.id} was removed, and its watermarks; its runs stay in the history. It was:\n${JSON.stringify(task, null, 2)}`,
  }
}

function changeOf(options: TaskOptions, before: Task | null): Partial<TaskFields> {
  const { from, to, desc, owner, online } = options
  const params = paramsOf(options, before)
  return {
    ...(from === undefined ? {} : sideFields('from', from)),
    ...(to === undefined ? {} : sideFields('to', to)),
    ...(params === undefined ? {} : { params }),
    ...(desc === undefined ? {} : { task_desc: desc }),
    ...(owner === undefined ? {} : { owner }),
    ...(online === undefined ? {} : { online_status: online ? 1 : 0 }),
  }
}

/** `--params` replaces all, `--param` sets one, `--unset` takes one away; undefined: they stay, to the letter. */
function paramsOf({ params, param, unset }: TaskOptions, before: Task | null): string | undefined {
  if (params === undefined && param.length === 0 && unset.length === 0) return undefined
  const raw =
    params === undefined ? assigned(rawParams(before?.params ?? null), param) : rawFromOptions(params, param)
  const left = Object.entries(raw as Readonly<Record<string, unknown>>).filter(
    ([name]) => !unset.includes(name),
  )
  return JSON.stringify(Object.fromEntries(left), null, 2)
}

function refuseIdle(options: TaskOptions): void {
  const { action, from, to, params, param, unset, desc, owner, online } = options
  if (['add', 'edit', 'clone'].includes(action)) return
  const given = { from, to, params, desc, owner, online, param: param[0], unset: unset[0] }
  const idle = Object.entries(given).find(([, value]) => value !== undefined)
  if (idle) throw new RowshiftError('USAGE', `--${idle[0]} does not go with "task ${action}".`)
}
