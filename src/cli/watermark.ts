import type { Config } from '../config/config.js'
import { nameOf, storedWatermarks, tableWatermarks } from '../features/database/table-watermarks.js'
import { tablesOfTask } from '../features/database/task-tables.js'
import { escapeName } from '../features/shard/pattern.js'
import { subjectOf } from '../engine/watermark-subject.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import { parseParams } from '../task/params.js'
import type { Task, TaskStore } from '../contract/task-store.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { print, printJson, table } from './output.js'
import { AS_STORED, taskRequest } from './requests.js'
import { findTask, withStore } from './stored-tasks.js'
import { checkShape, valuesByTable, watermarkValue } from './watermark-value.js'

const MODES = ['append', 'increment'] as const
type Mode = (typeof MODES)[number]
type Watermarks = Readonly<Record<string, string>>

export interface WatermarkOptions extends CommonOptions, ConfigOptions {
  readonly id: number
  readonly mode: (typeof MODES)[number] | undefined
  readonly set: string | undefined
  readonly reset: boolean
}

/** `rowshift watermark ID`: where the next incremental run of a task begins; moves it, or forgets it. */
export async function watermarkCommand(options: WatermarkOptions): Promise<number> {
  checkOptions(options)
  const lines = await interruptible((signal) =>
    withStore(options, signal, async (store, config) => {
      const task = await findTask(store, options.id)
      const { database, shard } = parseParams(task.params)
      const names = { id: task.id, from: task.from_table ?? '', to: task.to_table ?? '' }
      const byTable = tablesOfTask(names, database, shard !== null) !== null
      const change = byTable
        ? await tablesChange(options, task, config, store, signal)
        : await changeOf(options, task, config, store, signal)
      if (change !== null) await setWatermarks(store, task.id, change)
      return (byTable ? tableLines : taskLines)(await store.watermarks(task.id))
    }),
  )
  if (options.json) printJson(asJson(lines))
  else if (lines.length === 0)
    print(`Task ${options.id} has no watermark: its next incremental run reads everything.`)
  else print(table(lines))
  return ExitCode.success
}

interface Line extends Record<string, string> {
  readonly mode: Mode
  readonly 'begins at': string
}

function taskLines(marks: Watermarks): Line[] {
  const known = MODES.filter((mode) => marks[mode] !== undefined)
  return known.map((mode) => ({ mode, 'begins at': marks[mode]! }))
}

/** Of a task that copies tables one by one. */
function tableLines(marks: Watermarks): Line[] {
  const lines = tableWatermarks(marks).map((row) => ({
    table: row.table,
    mode: row.mode,
    'begins at': row.value,
  }))
  return lines.sort((a, b) => (`${a.table}\n${a.mode}` < `${b.table}\n${b.mode}` ? -1 : 1))
}

function asJson(lines: readonly Line[]): object {
  const byMode: Record<string, string | Record<string, string>> = {}
  for (const { mode, table: name, 'begins at': value } of lines) {
    if (name === undefined) byMode[mode] = value
    else byMode[mode] = { ...(byMode[mode] as Record<string, string> | undefined), [name]: value }
  }
  return byMode
}

function checkOptions({ mode, set, reset }: WatermarkOptions): void {
  if (set !== undefined && reset) throw new RowshiftError('USAGE', 'Give --set or --reset, not both.')
  if (set === undefined || mode !== undefined) return
  throw new RowshiftError(
    'USAGE',
    '--set needs --mode append or --mode increment: each has a watermark of its own.',
  )
}

/** The same for each table that `--set` names, or for all. */
async function tablesChange(
  { mode, set, reset }: WatermarkOptions,
  task: Task,
  config: Config,
  store: TaskStore,
  signal: AbortSignal,
): Promise<Record<string, string | null> | null> {
  if (reset) {
    const rows = tableWatermarks(await store.watermarks(task.id))
    const chosen = rows.filter((row) => mode === undefined || row.mode === mode)
    return Object.fromEntries(chosen.map((row) => [nameOf(row.table, row.mode), null]))
  }
  if (set === undefined || mode === undefined) return null
  const request = await taskRequest('', task, config, store, { ...AS_STORED, mode })
  const change: Record<string, string> = {}
  for (const [name, given] of Object.entries(valuesByTable(set, task.id))) {
    checkShape(request.params, mode, given)
    const from = { ...request.from, table: escapeName(name) }
    const value = await watermarkValue({ ...request, from }, mode, given, signal)
    Object.assign(change, storedWatermarks(name, { [mode]: value }))
  }
  return change
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
