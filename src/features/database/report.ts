import type { RowshiftError } from '../../contract/errors.js'
import type { ErrorReport } from '../../contract/errors.js'
import type { RunReport } from '../../contract/task-store.js'
import type { TimeSpent } from '../../contract/time-spent.js'
import { addTimes, roundedTimes } from '../../contract/time-spent.js'
import type { DoneTable } from './done-table.js'
import type { ForeignKeyReport } from './make-foreign-keys.js'
import type { ObjectReport } from './objects.js'
import type { DatabasePlan } from './plan.js'
import type { PlannedTable } from './table-plan.js'

/** `not_begun`: another table has failed before, or the run was interrupted. */
export type TableStatus = 'success' | 'failed' | 'interrupted' | 'not_begun'

/** What became of all that is made beside tables. */
export type SchemaReport = Pick<DatabaseReport, 'foreignKeys' | 'objects'>

/** Tables without rows that an error names. */
const SHOWN_EMPTY = 20

export const noSchema: SchemaReport = { foreignKeys: [], objects: [] }

/** What became of one table. */
export interface TableReport {
  readonly table: string
  /** Its name in the target. */
  readonly to: string
  readonly status: TableStatus
  /** What it was in when it ended; null: it has not begun. `create`, of one that is not begun: it was made, and has no rows yet. */
  readonly phase: 'plan' | 'create' | 'copy' | null
  /** Written, and committed. */
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
  readonly retries: number
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  readonly error: ErrorReport | null
  /** Of its own copy; null: it has none. */
  readonly runId: string | null
  /** Of its own copy; null: there was none. */
  readonly run: RunReport | null
}

/** What a copy of a database ends with. */
export interface DatabaseReport {
  readonly runId: string
  readonly status: 'success' | 'failed' | 'interrupted'
  /** Totals of all tables. */
  readonly rowsWritten: number
  readonly bytes: number
  readonly seconds: number
  /** For how long each thread had splits in hand, of whichever tables. */
  readonly busySeconds: readonly number[]
  /** As in {@link RunReport}, of all tables. */
  readonly timeSpent?: TimeSpent
  /** Of the one moment of all tables in the source's log of changes; null: there is none, or it is not known. */
  readonly snapshotPosition: string | null
  /** What there is to say of all tables together. */
  readonly reasons: readonly string[]
  readonly targetChanged: boolean
  /** In the order of their names. */
  readonly tables: readonly TableReport[]
  /** What became of foreign keys: those that were to be made, and those that the target has had. */
  readonly foreignKeys: readonly ForeignKeyReport[]
  /** What became of views, triggers, routines and events. */
  readonly objects: readonly ObjectReport[]
  readonly leftOut: DatabasePlan['leftOut']
  /** The first table's that failed, or why there is no table at all; null: all is well. */
  readonly error: ErrorReport | null
}

export function copiedTable({ from, to }: PlannedTable, run: RunReport): TableReport {
  const { status, rowsWritten: rows, bytes, seconds, retries, reasons, warnings, error } = run
  const ended = status === 'skipped' ? 'failed' : status
  return {
    table: from,
    to,
    status: ended,
    phase: 'copy',
    rows,
    bytes,
    seconds,
    retries,
    reasons,
    warnings,
    error,
    runId: run.runId,
    run,
  }
}

/** A table that was not copied: `error` says why it cannot be, null that its turn did not come. */
export function uncopiedTable({ from, to, plan }: PlannedTable, error: RowshiftError | null): TableReport {
  const { reasons = [], warnings = [] } = plan ?? {}
  const nothing = { rows: 0, bytes: 0, seconds: 0, retries: 0, reasons, warnings, runId: null, run: null }
  const status = error === null ? 'not_begun' : 'failed'
  const phase = error === null ? null : 'plan'
  return { table: from, to, status, phase, ...nothing, error: error?.report() ?? null }
}

/** What a run of a task that copies tables one by one ends with: its totals, and an entry for each table. */
export interface TaskTablesReport extends RunReport {
  readonly status: DatabaseReport['status']
  readonly tables: readonly TableReport[]
  readonly foreignKeys: DatabaseReport['foreignKeys']
  readonly leftOut: DatabaseReport['leftOut']
  /** Tables that an earlier run had copied, with which this one goes on. */
  readonly doneBefore: readonly string[]
  /** These, and what this run has copied. */
  readonly done: readonly DoneTable[]
}

const COUNTS = [
  'rowsRead',
  'rowsFiltered',
  'rowsAdded',
  'lookupMisses',
  'rowsChanged',
  'rowsUnchanged',
  'rowsSkipped',
  'rowsDeleted',
  'rowsFlagged',
  'dirtyRows',
  'splits',
  'splitsDone',
  'retries',
] as const

/** `base`: of a run without a plan. */
export function taskTablesReport(
  base: RunReport,
  report: DatabaseReport,
  done: readonly DoneTable[],
): TaskTablesReport {
  const { tables, foreignKeys, leftOut, status, rowsWritten, bytes, seconds, targetChanged, error } = report
  const { busySeconds, timeSpent } = report
  const runs = tables.flatMap(({ run }) => run ?? [])
  const counts = Object.fromEntries(
    COUNTS.map((name) => [name, sum(runs.map((run) => run[name]))]),
  ) as Record<(typeof COUNTS)[number], number>
  const warnings = tables.flatMap(({ table, run }) =>
    (run?.warnings ?? []).map((warning) => `${table}: ${warning}`),
  )
  return {
    ...base,
    ...counts,
    resumed: resumedSum(runs),
    status,
    rowsWritten,
    bytes,
    seconds,
    busySeconds,
    ...(timeSpent && { timeSpent }),
    targetChanged,
    warnings,
    error,
    tables,
    foreignKeys,
    leftOut,
    doneBefore: done.flatMap(({ table }) => (tables.some((one) => one.table === table) ? [] : table)),
    done,
  }
}

/** What was there of tables that were begun before; null: there was none. */
function resumedSum(runs: readonly RunReport[]): RunReport['resumed'] {
  const resumed = runs.flatMap((run) => run.resumed ?? [])
  if (resumed.length === 0) return null
  const all = (name: 'splits' | 'rowsRead' | 'rowsWritten' | 'dirtyRows' | 'bytes') =>
    sum(resumed.map((one) => one[name]))
  return {
    run: resumed[0]!.run,
    attempt: Math.max(...resumed.map(({ attempt }) => attempt)),
    splits: all('splits'),
    rowsRead: all('rowsRead'),
    rowsWritten: all('rowsWritten'),
    dirtyRows: all('dirtyRows'),
    bytes: all('bytes'),
  }
}

/** For the history: the reports of single tables are long, and what counts of them stands beside them. */
export function withoutRuns(report: RunReport): object {
  if (!('tables' in report)) return report
  const { tables } = report as TaskTablesReport
  return {
    ...report,
    tables: tables.map((table) => ({
      ...table,
      run: null,
      ...(table.run && { counts: countsOf(table.run) }),
    })),
  }
}

/** What metrics need of the copy of one table. */
export type TableCounts = Pick<RunReport, 'rowsRead' | 'rowsWritten' | 'bytes' | 'dirtyRows' | 'resumed'>

export function countsOf({ rowsRead, rowsWritten, bytes, dirtyRows, resumed }: RunReport): TableCounts {
  return { rowsRead, rowsWritten, bytes, dirtyRows, resumed }
}

/** Of a run that failed before it had a plan. */
export function unplannedReport(runId: string, error: RowshiftError): DatabaseReport {
  const none = { busySeconds: [], snapshotPosition: null, reasons: [], tables: [], ...noSchema, leftOut: [] }
  const nothing = { rowsWritten: 0, bytes: 0, seconds: 0, targetChanged: false, ...none }
  const status = error.code === 'INTERRUPTED' ? 'interrupted' : 'failed'
  return { runId, status, ...nothing, error: error.report() }
}

export interface DatabaseFacts extends Pick<DatabaseReport, 'runId' | 'tables' | 'leftOut' | 'seconds'> {
  readonly schema: SchemaReport
  /** Some were, which may have been made again. */
  readonly keysDropped: boolean
  /** Why something was not done that could have been, or may not be what it should; null: neither. */
  readonly stopped: RowshiftError | null
  readonly busySeconds: readonly number[]
  readonly position: string | null
  readonly reasons: readonly string[]
}

export function databaseReport(facts: DatabaseFacts): DatabaseReport {
  const { runId, tables, schema, leftOut, seconds, busySeconds, position, reasons } = facts
  const failed = tables.find(({ status }) => status === 'failed')
  const times = tables.flatMap(({ run }) => run?.timeSpent ?? [])
  const inDoubt = facts.stopped?.code === 'SNAPSHOT_LOST'
  const stopped = inDoubt || isIncomplete(tables, schema) ? facts.stopped : null
  const error = withEmpty(stopped?.report() ?? failed?.error ?? failureOf(schema), tables)
  return {
    runId,
    status: error === null ? 'success' : stopped?.code === 'INTERRUPTED' ? 'interrupted' : 'failed',
    rowsWritten: sum(tables.map(({ rows }) => rows)),
    bytes: sum(tables.map(({ bytes }) => bytes)),
    seconds: thousandths(seconds),
    busySeconds: busySeconds.map(thousandths),
    ...(times.length > 0 && { timeSpent: roundedTimes(times.reduce(addTimes)) }),
    snapshotPosition: position,
    reasons,
    targetChanged: tables.some(isChanged) || isMade(schema) || facts.keysDropped,
    tables,
    ...schema,
    leftOut,
    error,
  }
}

/** A table that was made, perhaps otherwise than it should be, or that was changed by its copy. */
export function isChanged({ phase, status, run, error }: TableReport): boolean {
  return (
    run?.targetChanged ?? (phase === 'create' && (status !== 'failed' || error?.code === 'CREATE_FAILED'))
  )
}

/** Whether it was made, and its rows never had their turn. */
export function isEmpty({ phase, status }: TableReport): boolean {
  return phase === 'create' && status === 'not_begun'
}

/** The error names what the run has made and not filled. */
function withEmpty(error: ErrorReport | null, tables: readonly TableReport[]): ErrorReport | null {
  const empty = tables.filter(isEmpty).map(({ to }) => to)
  if (error === null || empty.length === 0) return error
  const more = empty.length > SHOWN_EMPTY ? ` and ${empty.length - SHOWN_EMPTY} more` : ''
  const names = empty.slice(0, SHOWN_EMPTY).join(', ')
  return { ...error, message: `${error.message} Made, and without rows yet: ${names}${more}.` }
}

function isIncomplete(tables: readonly TableReport[], { foreignKeys, objects }: SchemaReport): boolean {
  const parts = [...foreignKeys, ...objects]
  return (
    tables.some(({ status }) => status !== 'success') || parts.some(({ status }) => status === 'not_made')
  )
}

function failureOf({ foreignKeys, objects }: SchemaReport): ErrorReport | null {
  return [...foreignKeys, ...objects].find(({ status }) => status === 'failed')?.error ?? null
}

function isMade({ foreignKeys, objects }: SchemaReport): boolean {
  return [...foreignKeys, ...objects].some(({ status }) => status === 'made')
}

function thousandths(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
