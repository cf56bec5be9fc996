/** The tables of a task store, as they are named, and their rows as records. */
import type { RunRecord, Task, TaskFields } from '../contract/task-store.js'
import type { SqlRow } from './session.js'

export const TASKS = 'task_def_sync_manager'
export const RUNS = 'rowshift_run'
export const WATERMARKS = 'rowshift_watermark'
export const TABLES = [TASKS, RUNS, WATERMARKS]

export const TASK_COLUMNS =
  'id,from_app,from_db_type,from_db,from_table,to_app,to_db_type,to_db,to_table,params,online_status,task_desc,task_status,owner'
export const RUN_COLUMNS =
  'run_id,task_id,mode,status,start_time,end_time,rows_read,rows_written,report,host,pid'
export const END_COLUMNS = 'mode,status,end_time,rows_read,rows_written,report'
const NUMBERS = new Set<string>(['id', 'online_status', 'task_id', 'rows_read', 'rows_written', 'pid'])
/** Columns of the runs that the first version did not have. */
export const ADDED_COLUMNS = { host: 'varchar(255)', pid: 'bigint' }

/** Of the server; of the session's zone, as the times that others write. */
export const NOW = 'CURRENT_TIMESTAMP'

/** Those that the table of runs lacks, if there is one. */
export function lackingColumns(
  columns: ReadonlyMap<string, readonly string[]>,
): (keyof typeof ADDED_COLUMNS)[] {
  const found = columns.get(RUNS)!
  if (found.length === 0) return []
  return (['host', 'pid'] as const).filter((name) => !found.includes(name))
}

/** Those that people decide about; whatever else an object has does not become SQL. */
export function fieldsIn(
  task: Partial<TaskFields>,
): (readonly [name: string, value: string | number | null])[] {
  return TASK_COLUMNS.split(',').flatMap((name) => {
    const value = Object.hasOwn(task, name) ? task[name as keyof TaskFields] : undefined
    return name === 'id' || name === 'task_status' || value === undefined ? [] : [[name, value] as const]
  })
}

export function namesIn(columns: string): (keyof RunRecord)[] {
  return columns.split(',') as (keyof RunRecord)[]
}

export function toTask(row: SqlRow): Task {
  return recordOf(TASK_COLUMNS, row) as unknown as Task
}

export function toRun(row: SqlRow): RunRecord {
  return recordOf(RUN_COLUMNS, row) as unknown as RunRecord
}

function recordOf(columns: string, row: SqlRow): Record<string, string | number | null> {
  const valueOf = (name: string, text: string | null) =>
    text !== null && NUMBERS.has(name) ? Number(text) : text
  return Object.fromEntries(columns.split(',').map((name, i) => [name, valueOf(name, row[i]!)]))
}
