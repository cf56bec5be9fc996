import { isAsked } from '../features/resume/find-run.js'
import type { CopyRequest, HostsOf } from '../engine/copy-request.js'
import { runCopy } from '../engine/job.js'
import { noProgress } from '../engine/progress.js'
import type { ResolvedConnection } from '../config/config.js'
import { makeReport } from '../engine/report.js'
import { RunFeed } from '../engine/run-feed.js'
import { ExitCode, redact, RowshiftError } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import { anyOf, onAbort } from '../contract/waiting.js'
import type { ComparisonReport } from '../features/database/comparison-report.js'
import type { TaskTablesReport } from '../features/database/report.js'
import type { VerifyReport } from '../features/verify/report.js'
import { comparisonSummary } from './comparison-view.js'
import { databaseSummary } from './database-view.js'
import type { CommonOptions, ReportOptions } from './options.js'
import {
  describePlan,
  isQuiet,
  print,
  printError,
  printJson,
  printNotice,
  printPlan,
  summary,
  tableLabel,
} from './output.js'
import { THREADS_OF_WORKERS } from '../plan/threads.js'
import type { ProgressView } from './progress-view.js'
import { expectedRows, progressView } from './progress-view.js'
import { writeReport } from './report-file.js'
import { timeLines } from './time-line.js'
import { performVerify, verifySummary } from './verify-view.js'

const COMPARED_AGAIN =
  'Mode "sync" goes on by comparing both tables from the start: what the run had repaired is equal by now.'

const STOPPED = 'Somebody who watches the run, in the console, asked it to stop.'

/** Never throws: whatever goes wrong stands in the report. */
export async function reported(
  runId: string,
  taskId: number | null,
  run: () => Promise<RunReport>,
): Promise<RunReport> {
  try {
    return redactReport(await run())
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    const nothing = { params: null, plan: null, progress: noProgress, seconds: 0 }
    return redactReport(makeReport({ runId, taskId, error, ...nothing }))
  }
}

/** `workers`: where hosts are found that do the work; undefined: this process does it. */
export function withHosts<Request extends CopyRequest, T>(
  workers: string | undefined,
  request: Request,
  use: (request: Request) => Promise<T>,
): Promise<T> {
  return withHostsOf(workers, ({ hosts }) => use(hosts ? { ...request, hosts: hosts(request) } : request))
}

/** The same for several tables. */
export async function withHostsOf<T>(
  workers: string | undefined,
  use: (found: { readonly hosts?: HostsOf }) => Promise<T>,
): Promise<T> {
  if (workers === undefined) return use({})
  // Loaded when needed, as is what it needs.
  const [{ HostStore }, { RunHosts }] = await Promise.all([
    import('../features/hosts/store.js'),
    import('../features/hosts/run-hosts.js'),
  ])
  const store = await HostStore.open(workers)
  try {
    const { weakness } = store
    if (weakness !== null) printNotice(weakness)
    return await use({ hosts: (request) => new RunHosts(store, request) })
  } finally {
    await store.close()
  }
}

/** Copies, with plan and progress on stderr; mode `sync` compares first, and so does whoever goes on without checkpoints. */
export function copyWithProgress(request: CopyRequest, signal: AbortSignal): Promise<RunReport> {
  return withFeed(request, 'copy', signal, (stop, feed) => copyShown(request, stop, feed))
}

/** What those who watch are told of a run; without a table, it is of a database. */
interface Watched {
  readonly runId: string
  readonly taskId?: number | null
  readonly from: ResolvedConnection & { readonly table?: string }
  readonly to: ResolvedConnection & { readonly table?: string }
}

/** With whoever watches the run told about it. */
export async function withFeed<R extends object>(
  { runId, taskId = null, from, to }: Watched,
  kind: string,
  signal: AbortSignal,
  work: (signal: AbortSignal, feed: RunFeed) => Promise<R>,
): Promise<R> {
  const label = (at: Watched['from']) =>
    [tableLabel(at), ...(at.table === undefined ? [] : [at.table])].join(' ')
  const labels = { from: label(from), to: label(to) }
  const feed = new RunFeed({ runId, taskId, kind, ...labels })
  try {
    const report = await work(anyOf(signal, feed.stop), feed)
    const { warnings } = report as { readonly warnings?: readonly string[] }
    return {
      ...report,
      ...labels,
      ...(feed.stop.aborted && warnings ? { warnings: [...warnings, STOPPED] } : {}),
      ...(feed.samples.length === 0 ? {} : { samples: feed.samples }),
    }
  } finally {
    feed.end()
  }
}

function copyShown(request: CopyRequest, signal: AbortSignal, feed: RunFeed): Promise<RunReport> {
  const { params, resume } = request
  return withProgress(signal, feed, async (view) => {
    const compare = { ...request, mode: 'sync', sample: 100 } as const
    if (params.mode === 'sync') {
      if (isAsked(resume)) printNotice(COMPARED_AGAIN)
      return performVerify(compare, signal, view)
    }
    const report = await runCopy(request, {
      signal,
      onPlan: (plan) => {
        const threads = request.hosts && THREADS_OF_WORKERS
        const text = describePlan(plan, tableLabel(request.from), tableLabel(request.to), threads)
        printPlan(text)
        view.start(plan.read, text)
      },
      onProgress: (progress) => view.update(progress),
    })
    if (report.error?.details['compares'] !== true) return report
    printNotice(report.error.message)
    return performVerify({ ...compare, completes: true }, signal, view)
  })
}

/** A view that is stopped when the work ends or is interrupted. */
export function withProgress<T>(
  signal: AbortSignal,
  feed: RunFeed | null,
  work: (view: ProgressView) => Promise<T>,
): Promise<T> {
  return withView(feed === null ? progressView() : watched(progressView(), feed), signal, work)
}

/** The same with a view that is given. */
export async function withView<View extends { stop(): void }, T>(
  view: View,
  signal: AbortSignal,
  work: (view: View) => Promise<T>,
): Promise<T> {
  const release = onAbort(signal, () => view.stop())
  try {
    return await work(view)
  } finally {
    view.stop()
    release()
  }
}

function watched(view: ProgressView, feed: RunFeed): ProgressView {
  return {
    start: (read, text = '') => {
      view.start(read)
      feed.plan(redact(text), expectedRows(read))
    },
    update: (progress, note) => {
      view.update(progress, note)
      feed.update(progress)
    },
    stop: () => view.stop(),
  }
}

/** Gives the report to whoever asked for it; returns the exit code. */
export function deliver(report: RunReport, options: CommonOptions & ReportOptions): number {
  const stored = options.report === undefined || writeReport(options.report, report)
  if (options.json || !stored) printJson(report)
  if (report.error && report.status !== 'skipped') printError(RowshiftError.fromReport(report.error))
  if (
    !options.json &&
    !isQuiet() &&
    stored &&
    (report.splits > 0 || tablesOf(report) > 0 || report.status === 'success' || report.status === 'skipped')
  )
    print([summaryOf(report), ...timeLines(report)].join('\n'))
  return exitCodeOf(report)
}

/** Tables that are copied or compared one by one. */
function tablesOf(report: RunReport): number {
  return 'tables' in report ? (report as TaskTablesReport).tables.length : 0
}

function summaryOf(report: RunReport): string {
  if ('rowsCompared' in report) return comparisonSummary(report as ComparisonReport)
  if ('tables' in report)
    return databaseSummary(report as TaskTablesReport, [
      `"rowshift run ${report.taskId}" goes on with what is missing.`,
    ])
  return 'found' in report ? verifySummary(report as VerifyReport) : summary(report)
}

/** Exit codes 2 and 3 promise that the target is as it was. */
export function exitCodeOf({
  status,
  error,
  targetChanged,
}: Pick<RunReport, 'status' | 'error' | 'targetChanged'>): number {
  if (error === null || status === 'skipped') return ExitCode.success
  const exit = RowshiftError.fromReport(error).exitCode
  const promises = exit === ExitCode.usage || exit === ExitCode.refused
  return promises && targetChanged ? ExitCode.failed : exit
}

function redactReport(report: RunReport): RunReport {
  const { error } = report
  return error === null ? report : { ...report, error: { ...error, message: redact(error.message) } }
}
