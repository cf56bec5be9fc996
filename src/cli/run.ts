import { Config } from '../config/config.js'
import type { CopyRequest } from '../engine/job.js'
import { newRunId } from '../engine/report.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import { findTask, taskRequest } from './copy.js'
import { copyWithProgress, deliver, reported } from './execution.js'
import { interruptible } from './interruptible.js'
import type { RunOptions } from './options.js'
import { taskId } from './options.js'
import { openReport } from './report-file.js'
import { retried } from './retry-rejected.js'
import { recorded } from './run-history.js'
import { openStore } from './tasks.js'
import { withSubject, withSubjects } from '../engine/watermark-subject.js'

/** `rowshift run ID`: one task of the task table. */
export async function runCommand(id: number | undefined, options: RunOptions): Promise<number> {
  const task = taskId(id)
  if (options.report !== undefined) openReport(options.report, '')
  const report = await interruptible((signal) => runTask(task, options, signal, copyWithProgress))
  return deliver(report, options)
}

/** Runs a task under its lock, and keeps the history. Never throws: a failure is in the report. */
export async function runTask(
  id: number,
  options: RunOptions,
  signal: AbortSignal,
  copy: (request: CopyRequest, signal: AbortSignal) => Promise<RunReport>,
): Promise<RunReport> {
  const runId = newRunId()
  const report = await reported(runId, id, async () => {
    const config = Config.load(options.config, options.env)
    const store = await openStore(config, signal)
    try {
      const task = await findTask(store, id)
      if (task.online_status !== 1) {
        const what = `Task ${id} is offline (online_status is ${task.online_status}, not 1). Set online_status to 1 to run it.`
        throw new RowshiftError('TASK_OFFLINE', what, { taskId: id })
      }
      const run = { run_id: runId, task_id: id, mode: options.mode ?? 'init' }
      return await recorded(store, run, signal, async (stop, history) => {
        const request = await taskRequest(runId, task, config, store, options)
        if (options.retry !== undefined) return copy(await retried(request, options.retry, options), stop)
        history.remembered = (ended) => withSubjects(ended, task, request.params)
        return copy(withSubject(request, task), stop)
      })
    } finally {
      await store.close()
    }
  })
  const skipped = options.skipRunning && report.error?.code === 'TASK_RUNNING'
  return skipped ? { ...report, status: 'skipped' } : report
}
