import { areDatabases } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunRecord, RunReport, TaskStore } from '../contract/task-store.js'
import { newRunId } from '../engine/report.js'
import { copyWithProgress, deliver, reported, withHosts } from './execution.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions, HostOptions, ReportOptions, TablesOptions } from './options.js'
import { openReport } from './report-file.js'
import { AS_STORED, urlRequest } from './requests.js'
import { resumeDatabase } from './resume-database.js'
import { runTask, withView } from './run.js'
import { withStore } from './stored-tasks.js'

export interface ResumeOptions
  extends CommonOptions, ConfigOptions, ReportOptions, TablesOptions, HostOptions {
  /** Of a run, or `latest`. */
  readonly run: string
}

/** How many runs of the history are looked through. */
const MOST_RUNS = 10_000

/** `rowshift resume RUN|latest`: of a stored task, or of the copy between two URLs. */
export async function resumeCommand(options: ResumeOptions): Promise<number> {
  const { from, to, report } = options
  if ((from === undefined) !== (to === undefined))
    throw new RowshiftError(
      'USAGE',
      `--${from === undefined ? 'from' : 'to'} is missing: give both URLs of the copy, or none for the run of a task.`,
    )
  if (from !== undefined && to !== undefined && (await areDatabases(from, to)))
    return resumeDatabase({ ...options, from, to })
  if (report !== undefined) openReport(report, '')
  const ended = await interruptible((signal) =>
    from === undefined || to === undefined
      ? resumeTask(options, signal)
      : resumeCopy({ ...options, from, to }, signal),
  )
  return deliver(ended, options)
}

function resumeCopy(
  options: ResumeOptions & { readonly from: string; readonly to: string },
  signal: AbortSignal,
) {
  const runId = newRunId()
  const resume = options.run === 'latest' ? 'latest' : { run: options.run }
  return reported(runId, null, async () =>
    withHosts(options.workers, { ...(await urlRequest(runId, options)), resume }, (shared) =>
      copyWithProgress(shared, signal),
    ),
  )
}

async function resumeTask(options: ResumeOptions, signal: AbortSignal) {
  if (options.params !== undefined || options.param.length > 0)
    throw new RowshiftError(
      'USAGE',
      '--params and --param go with --from and --to; a task has its own params.',
    )
  const {
    run_id: run,
    task_id: id,
    mode,
    report,
  } = await withStore(options, signal, (store) => findRun(store, options.run))
  // A run whose params could not be read stands in the history with this mode, too.
  const asked = mode === 'init' ? {} : { mode }
  const how = {
    ...AS_STORED,
    ...asked,
    skipRunning: false,
    retry: undefined,
    restart: false,
    resume: { run },
    param: report === null ? [] : ((JSON.parse(report) as Partial<RunReport>).overrides ?? []),
  }
  return runTask(id, { ...options, ...how }, signal, withView(options))
}

async function findRun(store: TaskStore, run: string): Promise<RunRecord> {
  const runs = await store.history(null, MOST_RUNS)
  const found =
    run === 'latest'
      ? runs.find(({ status }) => status !== 'success')
      : runs.find((one) => one.run_id === run)
  if (found === undefined) {
    const what =
      run === 'latest' ? 'The history has no run that did not succeed' : `The history has no run ${run}`
    throw new RowshiftError(
      'TASK_NOT_FOUND',
      `${what}; "rowshift history" shows the runs. A copy without a task is resumed with --from and --to.`,
    )
  }
  if (found.status !== 'success') return found
  throw new RowshiftError('RESUME_REFUSED', `Run ${run} has succeeded: there is nothing left to do.`)
}
