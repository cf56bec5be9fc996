import type { Config } from '../config/config.js'
import { subjectOf } from '../engine/watermark-subject.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import { parseParams } from '../task/params.js'
import type { Task, TaskStore } from '../contract/task-store.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { print, printJson, table } from './output.js'
import { AS_STORED, taskRequest } from './requests.js'
import { findTask, withStore } from './stored-tasks.js'
import { checkShape, watermarkValue } from './watermark-value.js'

const MODES = ['append', 'increment'] as const

export interface WatermarkOptions extends CommonOptions, ConfigOptions {
  readonly id: number
  readonly mode: (typeof MODES)[number] | undefined
  readonly set: string | undefined
  readonly reset: boolean
}

/** `rowshift watermark ID`: where the next incremental run of a task begins; moves it, or forgets it. */
export async function watermarkCommand(options: WatermarkOptions): Promise<number> {
  checkOptions(options)
  const marks = await interruptible((signal) =>
    withStore(options, signal, async (store, config) => {
      const task = await findTask(store, options.id)
      const change = await changeOf(options, task, config, store, signal)
      if (change !== null) await setWatermarks(store, task.id, change)
      return store.watermarks(task.id)
    }),
  )
  const known = MODES.filter((mode) => marks[mode] !== undefined)
  if (options.json) printJson(Object.fromEntries(known.map((mode) => [mode, marks[mode]])))
  else if (known.length === 0)
    print(`Task ${options.id} has no watermark: its next incremental run reads everything.`)
  else print(table(known.map((mode) => ({ mode, 'begins at': marks[mode]! }))))
  return ExitCode.success
}

function checkOptions({ mode, set, reset }: WatermarkOptions): void {
  if (set !== undefined && reset) throw new RowshiftError('USAGE', 'Give --set or --reset, not both.')
  if (set === undefined || mode !== undefined) return
  throw new RowshiftError(
    'USAGE',
    '--set needs --mode append or --mode increment: each has a watermark of its own.',
  )
}

/** null: nothing is changed. */
async function changeOf(
  { mode, set, reset }: WatermarkOptions,
  task: Task,
  config: Config,
  store: TaskStore,
  signal: AbortSignal,
): Promise<Record<string, string | null> | null> {
  if (reset) return forgotten(mode === undefined ? MODES : [mode])
  if (set === undefined || mode === undefined) return null
  checkShape(parseParams(task.params), mode, set)
  const request = await taskRequest('', task, config, store, { ...AS_STORED, mode })
  // Whoever sets it knows what it is about.
  return { ...forgotten([mode]), [mode]: await watermarkValue(request, mode, set, signal) }
}

function forgotten(modes: readonly string[]): Record<string, null> {
  return Object.fromEntries(modes.flatMap((mode) => [mode, subjectOf(mode)]).map((name) => [name, null]))
}

/** Under the lock of the task: a run that is under way would set its own in the end. */
async function setWatermarks(
  store: TaskStore,
  id: number,
  change: Record<string, string | null>,
): Promise<void> {
  if (!(await store.lock(id)))
    throw new RowshiftError(
      'TASK_RUNNING',
      `Task ${id} is running, and sets its watermark when it ends. Set it when that has ended.`,
      { taskId: id },
    )
  await store.saveWatermarks(id, 'rowshift watermark', change)
}
