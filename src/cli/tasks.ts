import { ExitCode } from '../contract/errors.js'
import type { RunRecord, RunReport, Task, TaskStore } from '../contract/task-store.js'
import type { ComparisonReport } from '../features/database/comparison-report.js'
import type { TaskTablesReport } from '../features/database/report.js'
import { counted } from '../wire/counted.js'
import { markDeadRuns, withoutDeadRuns } from './dead-runs.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { backfillRange, lastWords, otherRows, print, printJson, table } from './output.js'
import { findTask, isOnline, withStore } from './stored-tasks.js'

type Options = CommonOptions & ConfigOptions

const MOST_NOTE = 160

/** For as long as `use` takes, which the user may interrupt. */
function look<T>(options: ConfigOptions, use: (store: TaskStore) => Promise<T>): Promise<T> {
  return interruptible((signal) => withStore(options, signal, use))
}

/** `rowshift init` */
export async function initCommand(options: Options): Promise<number> {
  const created = await look(options, (store) => store.init())
  if (options.json) printJson({ created })
  else print(created.length > 0 ? `Created ${created.join(', ')}.` : 'The task tables are already there.')
  return ExitCode.success
}

/** `rowshift list` */
export async function listCommand(options: Options): Promise<number> {
  const tasks = await look(options, async (store) => withoutDeadRuns(store, await store.list()))
  if (options.json) printJson(tasks)
  else if (tasks.length === 0) print('There are no tasks. A task is a row of task_def_sync_manager.')
  else print(table(tasks.map(line)))
  return ExitCode.success
}

function line(task: Task): Record<string, string | number | null> {
  return {
    id: task.id,
    online: isOnline(task) ? 'yes' : 'no',
    from: `${task.from_db_type} ${task.from_app}_${task.from_db}.${task.from_table}`,
    to: `${task.to_db_type} ${task.to_app}_${task.to_db}.${task.to_table}`,
    status: task.task_status,
    description: task.task_desc,
  }
}

/** `rowshift show ID` */
export async function showCommand(options: Options & { readonly id: number }): Promise<number> {
  const task = await look(options, async (store) => {
    const found = await findTask(store, options.id)
    return (await withoutDeadRuns(store, [found]))[0]!
  })
  if (options.json) printJson(task)
  else
    print(
      table(
        Object.entries(task).map(([field, value]) => ({ field, value: value as string | number | null })),
      ),
    )
  return ExitCode.success
}

/** `rowshift history [ID]` */
export async function historyCommand(
  options: Options & { readonly id: number | undefined; readonly limit: number },
): Promise<number> {
  const runs = await look(options, async (store) => {
    const listed = await store.history(options.id ?? null, options.limit)
    const running = listed.filter(({ status }) => status === 'running').map(({ task_id }) => task_id)
    const dead = await markDeadRuns(store, running)
    return listed.map((run) => (dead.has(run.run_id) ? { ...run, status: 'interrupted' as const } : run))
  })
  if (options.json) printJson(runs)
  else if (runs.length === 0) print('There are no runs yet.')
  else print(table(runs.map(historyLine)))
  return ExitCode.success
}

function historyLine({ report, host, pid, ...run }: RunRecord): Record<string, string | number | null> {
  if (report === null || run.status === 'running')
    return { ...run, note: host === null ? null : `${host}, process ${pid}` }
  // Reports of earlier versions lack what came later.
  const ended = JSON.parse(report) as Partial<RunReport & TaskTablesReport>
  const { error, backfill, overrides } = ended
  const notes = [
    backfill ? `backfill${backfillRange(backfill)}` : '',
    overrides ? `with ${overrides.join(', ')}` : '',
    tablesText(ended),
    otherRows(ended).join(', '),
    error ? `${error.code}: ${error.message}` : '',
    ...lastWords(ended),
  ].filter((note) => note !== '')
  return { ...run, note: notes.length === 0 ? null : shortened(notes.join('; ')) }
}

/** Of tables that were copied or compared one by one. Of a run that was killed, the history has those alone that were done. */
function tablesText({ tables, status }: Partial<TaskTablesReport | ComparisonReport>): string {
  if (tables === undefined) return ''
  const done = tables.filter((one) => one.status === 'success' || one.status === 'equal').length
  return status === undefined
    ? `${counted(done, 'table')} done`
    : `${done} of ${counted(tables.length, 'table')}`
}

/** The first line, or as much of it as fits beside the other columns. */
function shortened(text: string): string {
  const [line] = text.split('\n')
  const whole = line!.length <= MOST_NOTE && line === text
  return whole ? text : `${line!.slice(0, MOST_NOTE - 1)}…`
}
