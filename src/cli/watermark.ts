import { ExitCode, RowshiftError } from '../errors.js'
import { boundOf } from '../plan/bounds.js'
import type { Column } from '../plugin.js'
import { parseParams } from '../task/params.js'
import type { Task, TaskStore } from '../task/task.js'
import { findTask } from './copy.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { print, printJson, table } from './output.js'
import { withStore } from './tasks.js'
import { subjectOf } from '../engine/watermark-subject.js'

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
  const marks = await withStore(options, async (store) => {
    const task = await findTask(store, options.id)
    const change = changeOf(options, task)
    if (change !== null) await setWatermarks(store, task.id, change)
    return store.watermarks(task.id)
  })
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
function changeOf({ mode, set, reset }: WatermarkOptions, task: Task): Record<string, string | null> | null {
  if (reset) return forgotten(mode === undefined ? MODES : [mode])
  if (set === undefined) return null
  // Of the column, which is not looked at, the params say only whether it holds numbers.
  const type = mode === 'increment' ? (parseParams(task.params).diffColumn?.type ?? null) : null
  for (const value of valuesOf(set)) {
    const fits = (kind: Column['kind']) =>
      boundOf({ kind, domain: {} }, value as string, type ?? 'time') !== null
    const isChange = () => (type === null ? fits('datetime') || fits('date') : fits('integer'))
    if (typeof value === 'string' && value !== '' && (mode === 'append' || isChange())) continue
    const wanted =
      mode === 'append'
        ? 'the key of the last row that is copied'
        : type === null
          ? "a time, like '2024-01-31 00:00:00', or a date"
          : `a whole number (${type})`
    throw new RowshiftError(
      'USAGE',
      `--set ${JSON.stringify(value)}: the watermark of mode "${mode}" is ${wanted}; for several source tables, a JSON object with one for each name.`,
    )
  }
  // Whoever sets it knows what it is about.
  return { ...forgotten([mode!]), [mode!]: set }
}

function forgotten(modes: readonly string[]): Record<string, null> {
  return Object.fromEntries(modes.flatMap((mode) => [mode, subjectOf(mode)]).map((name) => [name, null]))
}

/** One value, or that of each source table. */
function valuesOf(set: string): unknown[] {
  if (!set.startsWith('{')) return [set]
  try {
    return Object.values(JSON.parse(set) as object)
  } catch {
    return [set]
  }
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
