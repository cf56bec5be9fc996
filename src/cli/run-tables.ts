/** Runs of tasks that copy tables one by one: one lock and one entry of history for all, a watermark for each. */
import { RowshiftError } from '../contract/errors.js'
import type { RunRecord, RunReport, Task, TaskStore } from '../contract/task-store.js'
import type { CopyRequest } from '../engine/copy-request.js'
import { noProgress } from '../engine/progress.js'
import { makeReport } from '../engine/report.js'
import { withSubject, withSubjects } from '../engine/watermark-subject.js'
import type { CopySubject, DoneTable } from '../features/database/done-table.js'
import { rowsDigest, subjectDigest } from '../features/database/done-table.js'
import { DoneTables } from '../features/database/done-tables.js'
import type { DatabaseReport, TableReport, TaskTablesReport } from '../features/database/report.js'
import { taskTablesReport, unplannedReport } from '../features/database/report.js'
import type { DatabaseRequest } from '../features/database/request.js'
import { repeatsWork } from '../features/database/request.js'
import type { SelectedTable } from '../features/database/selection.js'
import { storedWatermarks, watermarksByTable } from '../features/database/table-watermarks.js'
import type { TaskTables } from '../features/database/task-tables.js'
import { tablesOfTask } from '../features/database/task-tables.js'
import { forgetRuns } from '../features/resume/run-memory.js'
import type { ModeOptions, RunOptions } from './options.js'
import type { RunHistory } from './run-history.js'

/** Runs of a task whose reports are looked through for tables that are done. */
const MOST_RUNS = 20

export type CopyTables = (
  request: DatabaseRequest,
  signal: AbortSignal,
  onTable: (table: TableReport) => void,
) => Promise<DatabaseReport>

interface TaskRun {
  readonly runId: string
  readonly task: Task
  /** Of the task as if it were one table. */
  readonly request: CopyRequest
  readonly tables: TaskTables
  readonly store: TaskStore
  readonly history: RunHistory
  readonly options: RunOptions
  /** The run that was asked for; null: none. */
  readonly resumed: string | null
}

/** null: the task copies one table. Throws PARAMS_INVALID for names that mean nothing. */
export function tablesFor({ id, from_table, to_table }: Task, { params }: CopyRequest): TaskTables | null {
  return tablesOfTask({ id, from: from_table!, to: to_table! }, params.database, params.shard !== null)
}

/** Throws USAGE for options that are about one table. */
export function refuseOneTableOptions({ since, until, retry }: Partial<RunOptions>): void {
  const given = Object.entries({ since, until, retry }).find(([, value]) => value !== undefined)
  if (given === undefined) return
  throw new RowshiftError(
    'USAGE',
    `--${given[0]} is about one table, and these are several, one by one. Nothing was written.`,
  )
}

export async function runTaskTables(
  run: TaskRun,
  signal: AbortSignal,
  copyTables: CopyTables,
): Promise<TaskTablesReport> {
  const { runId, task, request, store, history, options } = run
  const { params } = request
  const stored = watermarksByTable(await store.watermarks(task.id))
  const earlier = (await store.history(task.id, MOST_RUNS + 1)).filter(({ run_id }) => run_id !== runId)
  const done = doneBefore(run, earlier)
  const notes = new DoneTables(
    params.mode,
    done,
    (table) => subjectOf(asTable(task, table), request),
    (noted) => history.note(noted),
  )
  history.remembered = (ended) => watermarksAfter(ended as TaskTablesReport, task, request)
  history.forget = (runs) => forgetRuns(request.to, params.session, runs)
  const memory = {
    ...history.memory,
    succeeded: async (executions: readonly string[]) => isDone(executions, earlier),
  }
  const database = {
    ...tablesRequest(run, stored, { memory, resume: options.restart ? 'never' : 'auto' }),
    doneBefore: (table: SelectedTable) => notes.earlier(table),
    beforeRows: async (tables: readonly SelectedTable[]) => {
      if (notes.forget(tables)) await notes.begin()
    },
  }
  await notes.begin()
  const report = await copyTables(database, signal, (table) => notes.add(table)).catch((thrown: unknown) =>
    unplannedReport(runId, RowshiftError.from(thrown)),
  )
  await notes.end()
  const base = { runId, taskId: task.id, params, plan: null, progress: noProgress, error: null, seconds: 0 }
  return taskTablesReport(makeReport(base), report, notes.all)
}

/** What a task copies; `copying`: what goes for the copy of each table. */
export function tablesRequest(
  {
    runId,
    task,
    request,
    tables,
    options,
  }: Pick<TaskRun, 'runId' | 'task' | 'request' | 'tables'> & {
    readonly options: Pick<ModeOptions, 'fromTarget'>
  },
  stored: ReadonlyMap<string, Readonly<Record<string, string>>>,
  copying: Partial<CopyRequest>,
): DatabaseRequest {
  const { from, to, params, others } = request
  const { fromTarget } = options
  return {
    runId,
    from,
    to,
    ...tables,
    params,
    fromTarget,
    others,
    ofTable: (table, copy) => {
      const watermarks = stored.get(table.from) ?? {}
      const saved = JSON.stringify({ [table.from]: watermarks[params.mode] ?? '' })
      const savedWatermarks = { watermarks, fromTarget, task: { task: task.id, saved } }
      const own = { ...copy, taskId: task.id, savedWatermarks }
      return { ...withSubject(own, asTable(task, table)), ...copying }
    },
  }
}

/**
 * A full copy that would repeat rows, or that was asked to go on, leaves the tables out that an earlier run had copied. null: there is none
 * that it goes on with.
 */
function doneBefore(
  { request, options, resumed }: TaskRun,
  runs: readonly RunRecord[],
): readonly DoneTable[] | null {
  const { params } = request
  if (params.mode !== 'init' || options.restart || (resumed === null && !repeatsWork(params))) return null
  const asked = resumed === null ? 0 : runs.findIndex(({ run_id }) => run_id === resumed)
  // One that was killed before it had noted anything has gone on with those of the run before.
  const last = asked < 0 ? undefined : runs.slice(asked).find(({ report }) => report !== null)
  return last === undefined || last.status === 'success' ? null : DoneTables.of(last.report)
}

/** What tells rows that the task has copied from those that it would copy now. */
function subjectOf(task: Task, { params }: CopyRequest): CopySubject {
  const side = (end: 'from' | 'to') => [
    task[`${end}_db_type`],
    task[`${end}_app`],
    task[`${end}_db`],
    task[`${end}_table`],
  ]
  return { ends: subjectDigest([side('from'), side('to')]), rows: rowsDigest(params) }
}

/** Of a table that is done, the history knows that already. */
function isDone(executions: readonly string[], runs: readonly RunRecord[]): boolean {
  return runs.some(({ report }) => executions.some((id) => DoneTables.runsIn(report).has(id)))
}

function asTable(task: Task, { from, to }: SelectedTable): Task {
  return { ...task, from_table: from, to_table: to }
}

/** Those of the tables that succeeded. */
function watermarksAfter(
  { tables }: Pick<TaskTablesReport, 'tables'>,
  task: Task,
  { params }: CopyRequest,
): RunReport['watermarks'] {
  const rows = tables.flatMap(({ table: from, to, run }) =>
    run?.status === 'success'
      ? Object.entries(storedWatermarks(from, withSubjects(run, asTable(task, { from, to }), params)))
      : [],
  )
  return Object.fromEntries(rows)
}
