import { runDatabase } from '../features/database/job.js'
import { runTable } from '../features/database/run-table.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import type { Progress } from '../engine/progress.js'
import { exitCodeOf, withFeed, withHosts, withHostsOf } from './execution.js'
import { interruptible } from './interruptible.js'
import type { RunOptions } from './options.js'
import {
  formatRows,
  formatSeconds,
  lastWords,
  otherRows,
  print,
  printError,
  printJson,
  printNotice,
  table,
} from './output.js'
import { openReport, writeReport } from './report-file.js'
import type { Copying } from './run.js'
import { runTask } from './run.js'
import { isOnline, withStore } from './stored-tasks.js'

export interface RunAllOptions extends RunOptions {
  /** Tasks that run at the same time. */
  readonly parallel: number
}

/** Worst first: what the whole ends with is what the worst task ended with. */
const SEVERITY = [
  ExitCode.interrupted,
  ExitCode.failed,
  ExitCode.different,
  ExitCode.refused,
  ExitCode.usage,
] as const

/** `rowshift run --all`: every online task, in the order of their ids; one that fails does not stop the others. */
export async function runAllCommand(options: RunAllOptions): Promise<number> {
  if (options.report !== undefined) openReport(options.report, '[]\n')
  const { ids, reports } = await interruptible(async (signal) => {
    const tasks = await withStore(options, signal, (store) => store.list())
    const online = tasks.filter(isOnline).map(({ id }) => id)
    return { ids: online, reports: await runTasks(online, options, signal) }
  })
  const stored = options.report === undefined || writeReport(options.report, reports)
  if (options.json || !stored) printJson(reports)
  else print(closing(reports, ids.length))
  const codes = reports.map(exitCodeOf)
  // Ctrl-C may come between two of them.
  if (reports.length < ids.length) return ExitCode.interrupted
  return SEVERITY.find((code) => codes.includes(code)) ?? ExitCode.success
}

/** Resolves to the reports of those that were begun before the signal, in the order of their ids. */
async function runTasks(
  ids: readonly number[],
  options: RunAllOptions,
  signal: AbortSignal,
): Promise<readonly RunReport[]> {
  const reports: RunReport[] = []
  const left = ids.values()
  const lane = async () => {
    for (const id of left) {
      if (signal.aborted) return
      const report = await runTask(id, { ...options, skipRunning: true }, signal, quietly(options))
      reports.push(report)
      tell(report, options.json)
    }
  }
  await Promise.all(Array.from({ length: options.parallel }, lane))
  return reports.sort((a, b) => a.taskId! - b.taskId!)
}

function quietly({ workers }: RunAllOptions): Copying {
  return {
    copy: (request, signal) =>
      withHosts(workers, request, (shared) =>
        withFeed(shared, 'copy', signal, (stop, feed) => {
          const onProgress = (progress: Progress) => feed.update(progress)
          return runTable(shared, { signal: stop, onProgress })
        }),
      ),
    copyTables: (request, signal, onTable) =>
      withHostsOf(workers, (hosts) =>
        runDatabase({ ...request, ...hosts }, { signal, onPlan: () => {}, onProgress: () => {}, onTable }),
      ),
  }
}

function tell(report: RunReport, json: boolean): void {
  const { taskId, status, error, rowsWritten, seconds } = report
  if (error !== null && status !== 'skipped')
    printError(RowshiftError.fromReport({ ...error, message: `Task ${taskId}: ${error.message}` }))
  for (const words of lastWords(report)) printNotice(`task ${taskId}: ${words}`)
  if (json) return
  const what =
    status === 'skipped'
      ? error!.message
      : [`${formatRows(rowsWritten)} in ${formatSeconds(seconds)}`, ...otherRows(report)].join(', ')
  print(`Task ${taskId} ${status}: ${what}`)
}

function closing(reports: readonly RunReport[], tasks: number): string {
  if (tasks === 0) return 'No task is online.'
  const rows = reports.map(({ taskId, status, rowsWritten, seconds, runId, error }) => ({
    task: taskId,
    status,
    rows: rowsWritten,
    seconds,
    run: status === 'skipped' ? null : runId,
    error: error?.code ?? null,
  }))
  const left = tasks - reports.length
  return `\n${table(rows)}${left > 0 ? `\n${left} more were not begun.` : ''}`
}
