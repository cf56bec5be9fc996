import type { ErrorReport } from '../../contract/errors.js'
import { ExitCode, RowshiftError } from '../../contract/errors.js'
import { counted } from '../../wire/counted.js'
import type { RunReport } from '../../contract/task-store.js'
import type { VerifyReport } from '../verify/report.js'
import type { ComparedTable, ComparisonRequest } from './comparison-plan.js'
import type { ForeignKeyReport } from './make-foreign-keys.js'
import type { DatabaseReport, TableReport } from './report.js'

/** `missing`: in the target; `extra`: only the target has it; `different`: its schema, its rows, or both. */
export type ComparedStatus =
  'equal' | 'different' | 'missing' | 'extra' | 'failed' | 'interrupted' | 'not_begun'

/** Rows that a table lacks, has beyond the source's, or has otherwise. */
export interface RowDifferences {
  readonly missing: number
  readonly extra: number
  readonly different: number
}

/** What became of one table. */
export interface ComparedReport extends Omit<TableReport, 'status' | 'phase' | 'runId' | 'run'> {
  readonly status: ComparedStatus
  readonly phase: 'plan' | 'compare' | null
  /** Of the source that were compared. */
  readonly rowsCompared: number
  /** What its columns, defaults, indexes and keys are otherwise, in words. */
  readonly schema: readonly string[]
  /** Before a repair; null: its rows were not compared. */
  readonly found: RowDifferences | null
  /** After a repair; null: there was none. */
  readonly left: RowDifferences | null
  /** Of its own comparison; null: there was none. */
  readonly run: VerifyReport | null
}

/** What a comparison of two databases ends with: the totals of all tables, and an entry for each. */
export interface ComparisonReport extends RunReport {
  readonly status: DatabaseReport['status']
  readonly rowsCompared: number
  /** Percent of the splits that were asked for. */
  readonly sample: number
  readonly tables: readonly ComparedReport[]
  readonly leftOut: DatabaseReport['leftOut']
  /** Those of the target whose rows were repaired, with what was found; else none. */
  readonly foreignKeys: readonly ForeignKeyReport[]
}

export type ComparisonOutcome = Pick<ComparisonReport, 'tables' | 'leftOut' | 'foreignKeys'>

export function comparedReport(table: ComparedTable, run: VerifyReport): ComparedReport {
  const { rowsWritten: rows, bytes, seconds, retries, reasons, error } = run
  // Where the columns are other ones, there may be no way to compare the rows.
  const apart = table.schema.length > 0 && error !== null && !isFault(error)
  const failed = error !== null && error.code !== 'DIFFERENT' && !apart
  const differs = error !== null || table.schema.length > 0
  return {
    ...named(table),
    status: failed
      ? run.status === 'interrupted'
        ? 'interrupted'
        : 'failed'
      : differs
        ? 'different'
        : 'equal',
    phase: 'compare',
    rows,
    rowsCompared: run.found?.sourceRows ?? 0,
    bytes,
    seconds,
    retries,
    reasons,
    warnings: [...table.warnings, ...run.warnings],
    found: run.found && differencesOf(run.found),
    left: run.left && differencesOf(run.left),
    error,
    run,
  }
}

/** It has nothing to do with the tables' columns, or leaves the question open. */
function isFault(error: ErrorReport): boolean {
  const { exitCode } = RowshiftError.fromReport(error)
  return exitCode !== ExitCode.usage && exitCode !== ExitCode.refused
}

/** A table whose rows are not compared: `error` says why it cannot be; without one, one end lacks it, or its turn did not come. */
export function uncomparedReport(table: ComparedTable, begun: boolean): ComparedReport {
  const { error, lackedBy } = table
  const lacked = lackedBy === 'source' ? 'extra' : 'missing'
  const isLacked = error === null && lackedBy !== null && table.request === null
  const status = error !== null && begun ? 'failed' : isLacked ? lacked : 'not_begun'
  return {
    ...named(table),
    status,
    phase: status === 'not_begun' ? null : 'plan',
    rows: 0,
    rowsCompared: 0,
    bytes: 0,
    seconds: 0,
    retries: 0,
    reasons: [],
    warnings: table.warnings,
    found: null,
    left: null,
    error: error?.report() ?? null,
    run: null,
  }
}

function named({ from, to, schema }: ComparedTable): Pick<ComparedReport, 'table' | 'to' | 'schema'> {
  return { table: from, to, schema }
}

function differencesOf({ missing, extra, different }: RowDifferences): RowDifferences {
  return { missing, extra, different }
}

/** `base`: of a run without a plan. */
export function comparisonReport(
  base: RunReport,
  { sample, repair }: Pick<ComparisonRequest, 'sample' | 'repair'>,
  outcome: ComparisonOutcome,
  error: ErrorReport | null,
): ComparisonReport {
  const { tables } = outcome
  const runs = tables.flatMap(({ run }) => run ?? [])
  const total = (count: (run: VerifyReport) => number) => sum(runs.map(count))
  const rowsCompared = sum(tables.map((table) => table.rowsCompared))
  return {
    ...base,
    mode: repair ? 'sync' : 'verify',
    status: error === null ? 'success' : error.code === 'INTERRUPTED' ? 'interrupted' : 'failed',
    rowsRead: total((run) => run.rowsRead),
    rowsWritten: total((run) => run.rowsWritten),
    rowsDeleted: total((run) => run.rowsDeleted),
    rowsFlagged: total((run) => run.rowsFlagged),
    splits: total((run) => run.splits),
    splitsDone: total((run) => run.splitsDone),
    bytes: total((run) => run.bytes),
    retries: total((run) => run.retries),
    targetChanged: runs.some((run) => run.targetChanged),
    rowsCompared,
    sample,
    ...outcome,
    error,
  }
}

/** A failure comes before differences: it leaves some of them unknown. */
export function comparisonError(
  { tables, foreignKeys }: Pick<ComparisonOutcome, 'tables' | 'foreignKeys'>,
  interrupted: RowshiftError | null,
): ErrorReport | null {
  const pending = tables.some(({ status }) => status === 'interrupted' || status === 'not_begun')
  if (interrupted !== null && pending) return interrupted.report()
  const failed = tables.find(({ status }) => status === 'failed')
  if (failed) return failed.error
  const broken = foreignKeys.find(({ status }) => status === 'failed')
  if (broken) return broken.error
  const count = (status: ComparedStatus) => tables.filter((one) => one.status === status).length
  const [missing, extra, different] = [count('missing'), count('extra'), count('different')]
  if (missing + extra + different === 0) return null
  return new RowshiftError(
    'DIFFERENT',
    `Source and target differ: of ${counted(tables.length, 'table')}, ${missing} missing in the target, ${extra} extra, ${different} different.`,
    { missing, extra, different },
  ).report()
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
