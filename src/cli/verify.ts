import type { CopyRequest } from '../engine/job.js'
import { newRunId } from '../engine/report.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import type { MaxDelete } from '../task/params.js'
import { deliver, reported, withHosts, withProgress } from './execution.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions, HostOptions, ReportOptions, TablesOptions } from './options.js'
import { openReport } from './report-file.js'
import { AS_STORED, taskRequest, urlRequest } from './requests.js'
import { recorded } from './run-history.js'
import { findOnlineTask, findTask, withStore } from './stored-tasks.js'
import { performVerify } from './verify-view.js'

export interface VerifyOptions
  extends CommonOptions, ConfigOptions, ReportOptions, TablesOptions, HostOptions {
  /** undefined: the tables are named by `from` and `to`. */
  readonly id: number | undefined
  readonly where: string | undefined
  readonly maxDelete: MaxDelete | undefined
  readonly sample: number
  readonly repair: boolean
}

/** `rowshift verify`: compares, and repairs if asked to. Resolves to the exit code. */
export async function verifyCommand(options: VerifyOptions): Promise<number> {
  checkOptions(options)
  const { sample, repair } = options
  const mode = repair ? 'sync' : 'verify'
  if (options.report !== undefined) openReport(options.report, '')
  const runId = newRunId()
  const perform = ({ params, ...request }: CopyRequest, signal: AbortSignal) => {
    const where = options.where ?? params.where
    const maxDelete = options.maxDelete ?? params.maxDelete
    const asked = { ...request, params: { ...params, where, maxDelete }, mode, sample } as const
    return withHosts(options.workers, asked, (shared) =>
      withProgress(signal, (view) => performVerify(shared, signal, view)),
    )
  }
  const verify = async (signal: AbortSignal) =>
    repair && options.id !== undefined
      ? repairTask(runId, options.id, options, signal, perform)
      : perform(await tables(runId, options, signal), signal)
  return deliver(
    await interruptible((signal) => reported(runId, options.id ?? null, () => verify(signal))),
    options,
  )
}

function checkOptions({ id, from, to, sample, repair }: VerifyOptions): void {
  const named = [from, to].filter((url) => url !== undefined).length
  if (named !== (id === undefined ? 2 : 0)) {
    throw new RowshiftError('USAGE', 'Name either a task id, or --from URL and --to URL.')
  }
  if (repair && sample < 100) {
    throw new RowshiftError('USAGE', '--repair looks at the whole table; leave --sample out.')
  }
}

async function tables(runId: string, options: VerifyOptions, signal: AbortSignal): Promise<CopyRequest> {
  const { id, from, to } = options
  if (id === undefined) return urlRequest(runId, { ...options, from: from!, to: to! })
  // Looks only, so the task may be running.
  return withStore(options, signal, async (store, config) =>
    taskRequest(runId, await findTask(store, id), config, store, AS_STORED),
  )
}

/** Writes the target, so it is a run of the task like any other; see {@link recorded}. */
function repairTask(
  runId: string,
  id: number,
  options: VerifyOptions,
  signal: AbortSignal,
  repair: (request: CopyRequest, signal: AbortSignal) => Promise<RunReport>,
): Promise<RunReport> {
  return withStore(options, signal, async (store, config) => {
    const task = await findOnlineTask(store, id)
    return recorded(store, { run_id: runId, task_id: id, mode: 'sync' }, signal, async (stop) =>
      repair(await taskRequest(runId, task, config, store, AS_STORED), stop),
    )
  })
}
