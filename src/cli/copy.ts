import { areDatabases } from '../config/config.js'
import { watermarksByTable } from '../features/database/table-watermarks.js'
import { copyDatabase, showDatabasePlan } from './copy-database.js'
import { refuseOneTableOptions, tablesFor, tablesRequest } from './run-tables.js'
import type { CopyRequest } from '../engine/copy-request.js'
import { outlineCopy } from '../engine/job.js'
import { newRunId } from '../engine/report.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import type {
  CommonOptions,
  ConfigOptions,
  HostOptions,
  ModeOptions,
  ReportOptions,
  TablesOptions,
} from './options.js'
import type { SchemaOptions, SelectionOptions } from './database-options.js'
import { copyWithProgress, deliver, reported, withHosts } from './execution.js'
import { interruptible } from './interruptible.js'
import { describePlan, describeSplits, print, printJson, tableLabel } from './output.js'
import { openReport } from './report-file.js'
import { taskRequest, urlRequest, withCreation } from './requests.js'
import { retried } from './retry-rejected.js'
import { findTask, isOnline, withStore } from './stored-tasks.js'
import { refuseSelection } from './table-selection.js'
import { withSubject } from '../engine/watermark-subject.js'

export interface CopyOptions
  extends CommonOptions, ReportOptions, TablesOptions, SelectionOptions, SchemaOptions, HostOptions {
  readonly dryRun: boolean
  readonly create: boolean
  readonly fromTarget: boolean
  readonly retry: string | undefined
  /** Of a database: the copy of one table begins anew in any case. */
  readonly restart: boolean
}

export interface PlanOptions extends CommonOptions, ConfigOptions, ModeOptions {
  readonly id: number
}

/** `rowshift copy`: no task table. Resolves to the exit code. */
export async function copyCommand(options: CopyOptions): Promise<number> {
  const { from, to, report } = options
  // Not by yargs, which would say that --from is missing and nothing of the --form that was given.
  if (from === undefined || to === undefined) {
    throw new RowshiftError(
      'USAGE',
      `--${from === undefined ? 'from' : 'to'} is missing: rowshift copy --from URL --to URL.`,
    )
  }
  if (await areDatabases(from, to)) return copyDatabase({ ...options, from, to })
  refuseSelection(options)
  const request = async (runId: string): Promise<CopyRequest> => {
    const given = await urlRequest(runId, { ...options, from, to })
    const savedWatermarks = options.fromTarget ? { watermarks: {}, fromTarget: true } : null
    const asked = { ...given, params: withCreation(given.params, options.create), savedWatermarks }
    return options.retry === undefined ? asked : retried(asked, options.retry, options)
  }
  if (options.dryRun) {
    if (report === undefined) {
      const asked = await request('')
      return interruptible((signal) => showPlan(asked, options, signal))
    }
    throw new RowshiftError('USAGE', 'A dry run has no report; "--dry-run --json" prints the plan as JSON.')
  }
  if (report !== undefined) openReport(report, '')
  const runId = newRunId()
  const copy = async (signal: AbortSignal) =>
    withHosts(options.workers, await request(runId), (shared) => copyWithProgress(shared, signal))
  return deliver(await interruptible((signal) => reported(runId, null, () => copy(signal))), options)
}

/** `rowshift plan ID`: what `run` would do. */
export async function planCommand(options: PlanOptions): Promise<number> {
  return interruptible((signal) =>
    withStore(options, signal, async (store, config) => {
      const task = await findTask(store, options.id)
      const asked = await taskRequest('', task, config, store, options)
      const offline = `Task ${task.id} is offline (online_status is ${task.online_status}, not 1): "rowshift run" refuses it.`
      const warnings = isOnline(task) ? [] : [offline]
      const tables = tablesFor(task, asked)
      if (tables === null) return showPlan(withSubject(asked, task), options, signal, warnings)
      refuseOneTableOptions(options)
      const stored = watermarksByTable(await store.watermarks(task.id))
      const request = tablesRequest({ runId: '', task, request: asked, tables, options }, stored, {})
      return showDatabasePlan(request, options.json, signal, warnings)
    }),
  )
}

async function showPlan(
  request: CopyRequest,
  options: CommonOptions,
  signal: AbortSignal,
  warnings: readonly string[] = [],
): Promise<number> {
  const { plan: copyPlan, outline } = await outlineCopy(request, signal)
  const plan = { ...copyPlan, warnings: [...warnings, ...copyPlan.warnings] }
  if (options.json) printJson({ ...plan, outline })
  else
    print(
      [
        describePlan(plan, tableLabel(request.from), tableLabel(request.to)),
        ...describeSplits(plan.read, outline),
      ].join('\n'),
    )
  return ExitCode.success
}
