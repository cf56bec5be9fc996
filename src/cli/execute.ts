import { writeFileSync } from 'node:fs'
import { noProgress } from '../engine/progress.js'
import { makeReport, newRunId } from '../engine/report.js'
import { errorCodes, ExitCode, redact, RowshiftError } from '../errors.js'
import type { RunReport } from '../task/task.js'
import type { VerifyReport } from '../verify/report.js'
import type { CommonOptions, ReportOptions } from './options.js'
import { printError, printJson, print, summary } from './output.js'
import type { ProgressView } from './progress-view.js'
import { progressView } from './progress-view.js'
import { verifySummary } from './verify-view.js'

export interface Execution {
  readonly exitCode: number
  readonly report: RunReport
}

/** Does the work of a run while its progress is shown; what it throws becomes the report of a run that failed. */
export type Perform = (runId: string, signal: AbortSignal, view: ProgressView) => Promise<RunReport>

/** Performs a run with progress, report and signals around it. */
export async function execute(
  options: CommonOptions & ReportOptions,
  taskId: number | null,
  perform: Perform,
): Promise<Execution> {
  const runId = newRunId()
  if (options.report !== undefined) writeReport(options.report, '')
  const report = await attempt(runId, taskId, perform)
  if (options.report !== undefined) writeReport(options.report, `${JSON.stringify(report, null, 2)}\n`)
  if (options.json) printJson(report)
  if (report.error) printError(RowshiftError.fromReport(report.error))
  if (!options.json && (report.splits > 0 || report.status === 'success')) {
    print('found' in report ? verifySummary(report as VerifyReport) : summary(report))
  }
  return { exitCode: report.error ? errorCodes[report.error.code].exit : ExitCode.success, report }
}

async function attempt(
  runId: string,
  taskId: number | null,
  perform: Perform,
): Promise<RunReport> {
  const view = progressView()
  const stop = new AbortController()
  const release = onInterrupt(() => {
    view.stop()
    stop.abort()
  })
  try {
    return redactReport(await perform(runId, stop.signal, view))
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    const nothing = { params: null, plan: null, progress: noProgress, seconds: 0 }
    return redactReport(makeReport({ runId, taskId, error, ...nothing }))
  } finally {
    view.stop()
    release()
  }
}

/** The first signal stops the run cleanly, the second at once. Returns how to stop listening. */
function onInterrupt(stop: () => void): () => void {
  let stopping = false
  const listener = () => {
    if (stopping) process.exit(ExitCode.interrupted)
    stopping = true
    stop()
    process.stderr.write(
      '\nStopping; what is not committed is rolled back. Press Ctrl-C again to leave at once.\n',
    )
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return () => {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new RowshiftError('USAGE', `--report ${file} cannot be written (${code}).`, { file }, error)
  }
}

function redactReport(report: RunReport): RunReport {
  const { error } = report
  return error === null ? report : { ...report, error: { ...error, message: redact(error.message) } }
}
