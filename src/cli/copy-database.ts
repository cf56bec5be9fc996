/** `rowshift copy` of all tables of a database, or some of them. */
import { ExitCode, redact, RowshiftError } from '../contract/errors.js'
import { newRunId } from '../engine/report.js'
import { asNoted, withNotes } from '../features/database/copy-notes.js'
import { runDatabase } from '../features/database/job.js'
import { planDatabase } from '../features/database/plan.js'
import type { DatabaseReport, TableReport } from '../features/database/report.js'
import { unplannedReport } from '../features/database/report.js'
import type { PlannedTable } from '../features/database/table-plan.js'
import type { DatabaseRequest } from '../features/database/request.js'
import { goesOn, repeatsWork } from '../features/database/request.js'
import type { Params } from '../task/params.js'
import { DatabaseProgressView } from './database-progress-view.js'
import { databasePlanText, databaseSummary, planJson, tableLine } from './database-view.js'
import { exitCodeOf, withFeed, withHostsOf, withView } from './execution.js'
import { interruptible } from './interruptible.js'
import { databasesRequest, withCreation } from './requests.js'
import { isQuiet, print, printable, printError, printJson, tableLabel } from './output.js'
import type { SchemaOptions, SelectionOptions } from './database-options.js'
import type { CommonOptions, ReportOptions, TablesOptions } from './options.js'
import { timeLines } from './time-line.js'
import { openReport, writeReport } from './report-file.js'
import { tablesOption } from './table-selection.js'

export interface DatabaseOptions
  extends CommonOptions, ReportOptions, TablesOptions, SelectionOptions, SchemaOptions {
  readonly from: string
  readonly to: string
  readonly dryRun: boolean
  readonly create: boolean
  readonly fromTarget: boolean
  readonly restart: boolean
  readonly retry: string | undefined
  readonly workers: string | undefined
}

/** Resolves to the exit code. */
export async function copyDatabase(options: DatabaseOptions): Promise<number> {
  const { dryRun, report: file, json } = options
  refuseOptionsOfOneTable(options)
  if (dryRun && file !== undefined)
    throw new RowshiftError('USAGE', 'A dry run has no report; "--dry-run --json" prints the plan as JSON.')
  const request = await requestOf(options)
  if (!dryRun) return copyRequested(request, options)
  return interruptible(async (signal) => showDatabasePlan(await asNoted(request, signal), json, signal))
}

/** Resolves to the exit code. `asked`: what is asked for, where servers have to say that. */
export async function copyRequested(
  request: DatabaseRequest,
  { report: file, json, workers }: Pick<DatabaseOptions, 'report' | 'json' | 'workers'>,
  asked: (signal: AbortSignal) => Promise<DatabaseRequest> = async () => request,
): Promise<number> {
  if (file !== undefined) openReport(file, '')
  const copy = async (signal: AbortSignal) => {
    const whole = await asked(signal)
    return withHostsOf(workers, (hosts) =>
      withNotes({ ...whole, ...hosts }, signal, (noted, onTable) =>
        copyTablesWithProgress(noted, json, signal, onTable),
      ),
    )
  }
  const report = await interruptible(copy).catch((thrown: unknown) =>
    unplannedReport(request.runId, RowshiftError.from(thrown)),
  )
  const stored = file === undefined || writeReport(file, report)
  if (json || !stored) printJson(report)
  if (report.error !== null) printError(RowshiftError.fromReport(report.error))
  if (!json && !isQuiet() && stored && report.tables.length > 0)
    print([databaseSummary(report, wayOn(report, request.params)), ...timeLines(report)].join('\n'))
  return exitCodeOf(report)
}

async function requestOf(options: DatabaseOptions): Promise<DatabaseRequest> {
  const request = await databasesRequest(newRunId(), options)
  const { create, schemaOnly, dataOnly, objects, definer = 'drop', fromTarget, restart } = options
  refuseTogether(options, request.params)
  return {
    ...request,
    // Only rows make up for what `recreate` drops.
    params: schemaOnly
      ? { ...request.params, schemaSaveMode: 'create_when_not_exist' }
      : withCreation(request.params, create),
    fromTarget,
    restart,
    ...(schemaOnly && { only: 'schema' as const }),
    ...(objects && !dataOnly && { objects: definer }),
  }
}

function refuseTogether(
  { create, schemaOnly, dataOnly, objects, definer }: DatabaseOptions,
  { schemaSaveMode }: Params,
): void {
  const creates = create || schemaSaveMode !== 'error_when_not_exist'
  const fault =
    dataOnly && (schemaOnly || creates || objects)
      ? `--data-only makes nothing: leave out ${schemaOnly ? '--schema-only' : objects ? '--objects' : create ? '--create' : 'schema_save_mode'}.`
      : definer !== undefined && !objects
        ? '--definer goes with --objects.'
        : null
  if (fault !== null) throw new RowshiftError('USAGE', `${fault} Nothing was written.`)
}

function refuseOptionsOfOneTable({ retry, workers, schemaOnly }: DatabaseOptions): void {
  const fault =
    retry !== undefined
      ? '--retry is about one table: add ?table=name to both URLs.'
      : workers !== undefined && schemaOnly
        ? '--workers is about rows, and --schema-only copies none: leave out one of them.'
        : null
  if (fault !== null) throw new RowshiftError('USAGE', `${fault} Nothing was written.`)
}

/** What a copy would do; resolves to the exit code. */
export async function showDatabasePlan(
  request: DatabaseRequest,
  json: boolean,
  signal: AbortSignal,
  warnings: readonly string[] = [],
): Promise<number> {
  const plan = await planDatabase(request, signal)
  const text = databasePlanText(plan, labelOf(request, 'from'), labelOf(request, 'to'))
  if (json) printJson({ ...planJson(plan), warnings: [...plan.warnings, ...warnings] })
  else print(redact([text, ...warnings.map((warning) => `warning  ${warning}`)].join('\n')))
  return plan.tables.find(({ error }) => error !== null)?.error?.exitCode ?? ExitCode.success
}

/** With plan and progress on stderr. Throws what `runDatabase` does. */
export function copyTablesWithProgress(
  request: DatabaseRequest,
  json: boolean,
  signal: AbortSignal,
  onTable: (table: TableReport) => void = () => {},
): Promise<DatabaseReport> {
  return withFeed(request, 'database', signal, (stop, feed) =>
    withView(new DatabaseProgressView(feed), stop, (view) =>
      runDatabase(request, {
        signal: stop,
        onPlan: (plan) =>
          view.start(
            databasePlanText(plan, labelOf(request, 'from'), labelOf(request, 'to')),
            expectedOf(plan.tables),
          ),
        onProgress: (progress) => view.update(progress),
        onTable: (ended) => {
          onTable(ended)
          view.ended(ended)
          if (!json && ended.status !== 'success') view.notice(tableLine(ended))
        },
      }),
    ),
  )
}

/** Of a copy without a task. */
function wayOn({ tables }: DatabaseReport, params: Params): string[] {
  const left = tables.filter(({ status }) => status !== 'success')
  const written = tables.filter(({ rows }) => rows > 0)
  if (params.consistency === 'snapshot' && written.length > 0) return momentGone(written, params)
  return [
    `To copy what is missing, run the same command with: ${tablesOption(left.map(({ table }) => table))}`,
    ...(goesOn(params) ? ['Tables that were begun go on where they ended.'] : []),
  ]
}

/** The rest alone would be of another moment. */
function momentGone(written: readonly TableReport[], params: Params): string[] {
  const empty = written.map(({ to }) => printable(to)).join(', ')
  return [
    'The moment that all tables were to be of is gone. To have them all of one, ' +
      `${repeatsWork(params) ? `empty what was written (${empty}), and ` : ''}run the same command again.`,
  ]
}

/** Of all tables; null where one has no statistics. */
function expectedOf(tables: readonly PlannedTable[]): number | null {
  const rows = tables.map(({ plan }) => (plan === null ? 0 : plan.read.table.estimatedRows))
  return rows.includes(null) ? null : rows.reduce<number>((sum, some) => sum + some!, 0)
}

function labelOf(request: DatabaseRequest, end: 'from' | 'to'): string {
  return tableLabel(request[end])
}
