import { Config } from '../config/config.js'
import type { CopyRequest } from '../engine/copy-request.js'
import { RowshiftError } from '../contract/errors.js'
import { newRunId } from '../engine/report.js'
import { isAsked, type Resume } from '../features/resume/find-run.js'
import { forgetRuns } from '../features/resume/run-memory.js'
import type { RunReport } from '../contract/task-store.js'
import { alertAfter } from './alerting.js'
import { copyWithProgress, deliver, reported, withHosts, withHostsOf } from './execution.js'
import { interruptible } from './interruptible.js'
import type { RunOptions } from './options.js'
import { openReport } from './report-file.js'
import { taskRequest } from './requests.js'
import { retried } from './retry-rejected.js'
import { recorded } from './run-history.js'
import { findOnlineTask, withStore } from './stored-tasks.js'
import { copyTablesWithProgress } from './copy-database.js'
import type { CopyTables } from './run-tables.js'
import { refuseOneTableOptions, runTaskTables, tablesFor } from './run-tables.js'
import { withSubject, withSubjects } from '../engine/watermark-subject.js'
import { isAside, modeOfRun, overridesOf } from '../task/params-options.js'

const ASIDE =
  'the watermark stays where it was: this run had params of its own, by which it may have read other rows than the task names'

/** `resume`: the run that is to be gone on with. Default: an unfinished one of the task, if nothing has changed. */
type TaskRunOptions = RunOptions & { readonly resume?: Resume }

/** `rowshift run ID`: one task of the task table. */
export async function runCommand(id: number, options: RunOptions): Promise<number> {
  if (options.report !== undefined) openReport(options.report, '')
  const report = await interruptible((signal) => runTask(id, options, signal, withView(options)))
  return deliver(report, options)
}

/** How tables are copied: one, or several one by one. */
export interface Copying {
  readonly copy: (request: CopyRequest, signal: AbortSignal) => Promise<RunReport>
  readonly copyTables: CopyTables
}

/** With plan and progress on stderr. */
export function withView({ json, workers }: Pick<RunOptions, 'json' | 'workers'>): Copying {
  return {
    copy: (request, signal) => withHosts(workers, request, (shared) => copyWithProgress(shared, signal)),
    copyTables: (request, signal, onTable) =>
      withHostsOf(workers, (hosts) =>
        copyTablesWithProgress({ ...request, ...hosts }, json, signal, onTable),
      ),
  }
}

/** Runs a task under its lock, and keeps the history. Never throws: a failure is in the report. */
export async function runTask(
  id: number,
  options: TaskRunOptions,
  signal: AbortSignal,
  { copy, copyTables }: Copying,
): Promise<RunReport> {
  const runId = newRunId()
  let alerted: (ended: RunReport) => Promise<void> = async () => {}
  const report = await reported(runId, id, () => {
    const loaded = Config.load(options.config, options.env)
    // Before the task is known: that the task store is away must be told as well.
    alerted = (ended) => alertAfter(ended, null, loaded, options)
    return withStore(options, signal, async (store, config) => {
      const task = await findOnlineTask(store, id)
      alerted = (ended) => alertAfter(ended, task, loaded, options)
      const run = { run_id: runId, task_id: id, mode: modeOfRun(task.params, options, loaded.folder) }
      return recorded(store, run, signal, async (stop, history) => {
        const request = await taskRequest(runId, task, config, store, options)
        const tables = tablesFor(task, request)
        if (tables !== null) {
          refuseOneTableOptions(options)
          refuseAside(options)
          const resumed = isAsked(options.resume) ? (options.resume as { run: string }).run : null
          const asked = { runId, task, request, tables, store, history, options, resumed }
          return noted(await runTaskTables(asked, stop, copyTables), options)
        }
        if (options.retry !== undefined) return copy(await retried(request, options.retry, options), stop)
        history.remembered = (ended) => (isAside(options) ? {} : withSubjects(ended, task, request.params))
        const resume = options.resume ?? (options.restart ? 'never' : 'auto')
        const { memory } = history
        const { to, params } = request
        history.forget = (runs) => forgetRuns(to, params.session, runs)
        return noted(await copy({ ...withSubject(request, task), resume, memory }, stop), options)
      })
    })
  })
  await alerted(report)
  const skipped = options.skipRunning && report.error?.code === 'TASK_RUNNING'
  return skipped ? { ...report, status: 'skipped' } : report
}

/** Later runs go on from what each table has got to, and would take those of this run for the task's. */
function refuseAside(options: RunOptions): void {
  if (!isAside(options)) return
  throw new RowshiftError(
    'USAGE',
    'Only params about speed can be others for one run of a task that copies several tables: change the task ("rowshift task edit"), or copy one table. Nothing was written.',
  )
}

/** The report with what was not as the task says. */
function noted(report: RunReport, options: RunOptions): RunReport {
  const overrides = overridesOf(options)
  if (overrides.length === 0) return report
  const held = isAside(options) && Object.keys(report.watermarks).length > 0
  return {
    ...report,
    overrides,
    ...(held ? { watermarks: {}, watermarkHeld: ASIDE, warnings: [...report.warnings, ASIDE] } : {}),
  }
}
