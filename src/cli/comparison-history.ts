import { hostname } from 'node:os'
import { RowshiftError } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import { anyOf } from '../contract/waiting.js'
import { withoutRuns } from '../features/database/report.js'
import { log } from '../log.js'
import type { ConfigOptions } from './options.js'
import { utcText } from './run-history.js'
import { withStore } from './stored-tasks.js'

/** How long the task store is waited for. */
const STORE_WAIT_MS = 10_000

/**
 * Keeps what a comparison of a task has found, for the console and whoever asks later. It took no lock, so it is not in the history while it lasts;
 * and who may only read the task store can compare all the same.
 */
export async function keepComparison(
  report: RunReport,
  { taskId, began }: { readonly taskId: number; readonly began: Date },
  options: ConfigOptions,
  signal: AbortSignal,
): Promise<void> {
  const { runId, status, rowsRead, rowsWritten } = report
  if (status !== 'success' && status !== 'failed') return
  const record = {
    run_id: runId,
    task_id: taskId,
    mode: 'verify',
    status,
    start_time: utcText(began),
    end_time: utcText(new Date()),
    rows_read: rowsRead,
    rows_written: rowsWritten,
    host: hostname(),
    pid: process.pid,
    report: JSON.stringify(withoutRuns(report)),
  }
  try {
    const stop = anyOf(signal, AbortSignal.timeout(STORE_WAIT_MS))
    await withStore(options, stop, (store) => store.startRun(record))
  } catch (thrown) {
    log.warn({ taskId, runId }, `the comparison could not be kept: ${RowshiftError.from(thrown).message}`)
  }
}
