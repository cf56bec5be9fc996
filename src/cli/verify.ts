import { areDatabases, Config } from '../config/config.js'
import type { CopyRequest } from '../engine/copy-request.js'
import { newRunId } from '../engine/report.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunReport, Task, TaskStore } from '../contract/task-store.js'
import type { DatabaseRequest } from '../features/database/request.js'
import type { MaxDelete } from '../task/params.js'
import { alertAfter } from './alerting.js'
import { keepComparison } from './comparison-history.js'
import { deliver, reported, withFeed, withHosts, withHostsOf, withProgress } from './execution.js'
import { interruptible } from './interruptible.js'
import type { SelectionOptions } from './database-options.js'
import type { CommonOptions, ConfigOptions, HostOptions, ReportOptions, TablesOptions } from './options.js'
import { openReport } from './report-file.js'
import { AS_STORED, databasesRequest, taskRequest, urlRequest } from './requests.js'
import { recorded } from './run-history.js'
import { refuseOneTableOptions, tablesFor, tablesRequest } from './run-tables.js'
import { findOnlineTask, findTask, withStore } from './stored-tasks.js'
import { refuseSelection } from './table-selection.js'
import { compareWithProgress } from './verify-database.js'
import { performVerify } from './verify-view.js'

export interface VerifyOptions
  extends CommonOptions, ConfigOptions, ReportOptions, TablesOptions, SelectionOptions, HostOptions {
  /** undefined: the tables are named by `from` and `to`. */
  readonly id: number | undefined
  readonly where: string | undefined
  readonly maxDelete: MaxDelete | undefined
  readonly sample: number
  readonly repair: boolean
}

/** What is compared: one table, or those of a database one by one. */
type Compared = CopyRequest | (DatabaseRequest & { readonly taskId: number | null })

/** `rowshift verify`: compares, and repairs if asked to. Resolves to the exit code. */
export async function verifyCommand(options: VerifyOptions): Promise<number> {
  checkOptions(options)
  const { id, from, to, sample, repair } = options
  const databases = from !== undefined && to !== undefined && (await areDatabases(from, to))
  if (!databases) refuseSelection(options)
  const mode = repair ? 'sync' : 'verify'
  if (options.report !== undefined) openReport(options.report, '')
  const began = new Date()
  const runId = newRunId(began)
  let hasBegun = false
  const perform = (compared: Compared, signal: AbortSignal) => {
    hasBegun = true
    if ('selection' in compared) {
      refuseOneTableOptions(options)
      return withHostsOf(options.workers, (hosts) =>
        compareWithProgress({ ...compared, ...hosts }, compared.taskId, options, signal),
      )
    }
    const { params, ...request } = compared
    const where = options.where ?? params.where
    const maxDelete = options.maxDelete ?? params.maxDelete
    const asked = { ...request, params: { ...params, where, maxDelete }, mode, sample } as const
    return withHosts(options.workers, asked, (shared) =>
      withFeed(shared, repair ? 'repair' : 'verify', signal, (stop, feed) =>
        withProgress(stop, feed, (view) => performVerify(shared, stop, view)),
      ),
    )
  }
  const asked = async (signal: AbortSignal): Promise<Compared> =>
    databases
      ? { ...(await databasesRequest(runId, { ...options, from, to })), taskId: null }
      : tables(runId, options, signal)
  let alerted: (ended: RunReport) => Promise<void> = async () => {}
  const verify = async (signal: AbortSignal) => {
    if (id !== undefined) {
      const config = Config.load(options.config, options.env)
      alerted = (ended) => alertAfter(ended, null, config, options)
    }
    return repair && id !== undefined
      ? repairTask(runId, id, options, signal, perform)
      : perform(await asked(signal), signal)
  }
  const report = await interruptible((signal) => reported(runId, id ?? null, () => verify(signal)))
  if (report.error?.code === 'DIFFERENT' || (repair && report.status === 'failed')) await alerted(report)
  const exitCode = deliver(report, options)
  // Last: nobody who waits for the result has to wait for the task store.
  if (id !== undefined && hasBegun && !repair)
    await interruptible((signal) => keepComparison(report, { taskId: id, began }, options, signal))
  return exitCode
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

async function tables(runId: string, options: VerifyOptions, signal: AbortSignal): Promise<Compared> {
  const { id, from, to } = options
  if (id === undefined) return urlRequest(runId, { ...options, from: from!, to: to! })
  // Looks only, so the task may be running.
  return withStore(options, signal, async (store, config) =>
    comparedTask(runId, await findTask(store, id), config, store),
  )
}

async function comparedTask(runId: string, task: Task, config: Config, store: TaskStore): Promise<Compared> {
  const request = await taskRequest(runId, task, config, store, AS_STORED)
  const tables = tablesFor(task, request)
  if (tables === null) return request
  const taskTables = tablesRequest({ runId, task, request, tables, options: AS_STORED }, new Map(), {})
  return { ...taskTables, taskId: task.id }
}

/** Writes the target, so it is a run of the task like any other; see {@link recorded}. */
function repairTask(
  runId: string,
  id: number,
  options: VerifyOptions,
  signal: AbortSignal,
  repair: (compared: Compared, signal: AbortSignal) => Promise<RunReport>,
): Promise<RunReport> {
  return withStore(options, signal, async (store, config) => {
    const task = await findOnlineTask(store, id)
    return recorded(store, { run_id: runId, task_id: id, mode: 'sync' }, signal, async (stop) =>
      repair(await comparedTask(runId, task, config, store), stop),
    )
  })
}
