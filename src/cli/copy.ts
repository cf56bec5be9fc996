import { writeFileSync } from 'node:fs'
import type { ResolvedConnection } from '../config/config.js'
import { Config, fromUrl } from '../config/config.js'
import type { CopyRequest, TableAt } from '../engine/job.js'
import { planCopy, runCopy } from '../engine/job.js'
import { noProgress } from '../engine/progress.js'
import { makeReport, newRunId } from '../engine/report.js'
import { errorCodes, ExitCode, redact, RowshiftError } from '../errors.js'
import { withMode } from '../task/params.js'
import type { RunReport, Task, TaskStore } from '../task/task.js'
import type { CommonOptions, ConfigOptions, ReportOptions } from './options.js'
import { describePlan, print, printError, printJson, summary } from './output.js'
import { paramsFromOptions } from './params-options.js'
import { progressView } from './progress-view.js'
import { RunHistory } from './run-history.js'
import { openStore } from './tasks.js'

export interface CopyOptions extends CommonOptions, ReportOptions {
  readonly from: string
  readonly to: string
  readonly params: string | undefined
  readonly param: readonly string[]
  readonly dryRun: boolean
  readonly fromTarget: boolean
}

export interface RunOptions extends CommonOptions, ConfigOptions, ReportOptions {
  readonly id: number
  readonly mode: string | undefined
  readonly fromTarget: boolean
}

/** `rowshift copy`: no task table. Resolves to the exit code. */
export async function copyCommand(options: CopyOptions): Promise<number> {
  const resolve = async (runId: string): Promise<CopyRequest> => {
    const params = paramsFromOptions(options.params, options.param)
    const from = await fromUrl(options.from, '--from')
    const to = await fromUrl(options.to, '--to')
    const past = options.fromTarget ? { watermarks: {}, fromTarget: true } : null
    return { runId, taskId: null, from, to, params, past }
  }
  if (options.dryRun) return showPlan(await resolve(''), options)
  return (await execute(options, null, resolve)).exitCode
}

/** `rowshift run ID`: one task of the task table. */
export async function runCommand(options: RunOptions): Promise<number> {
  let store: TaskStore | null = null
  let history: RunHistory | null = null
  const resolve = async (runId: string): Promise<CopyRequest> => {
    const config = Config.load(options.config, options.env)
    store = await openStore(config)
    const task = await findTask(store, options.id)
    history = await RunHistory.begin(store, task.id, options.mode ?? 'init', runId)
    return taskRequest(runId, task, config, store, options)
  }
  try {
    const { exitCode, report } = await execute(options, options.id, resolve)
    await (history as RunHistory | null)?.end(report)
    return exitCode
  } finally {
    await (store as TaskStore | null)?.close()
  }
}

/** `rowshift plan ID`: what `run` would do. */
export async function planCommand(options: RunOptions): Promise<number> {
  const config = Config.load(options.config, options.env)
  const store = await openStore(config)
  try {
    const task = await findTask(store, options.id)
    return await showPlan(await taskRequest('', task, config, store, options), options)
  } finally {
    await store.close()
  }
}

async function findTask(store: TaskStore, id: number): Promise<Task> {
  const task = await store.get(id)
  if (task) return task
  throw new RowshiftError('TASK_NOT_FOUND', `There is no task ${id}. "rowshift list" shows the tasks.`, {
    taskId: id,
  })
}

async function taskRequest(
  runId: string,
  task: Task,
  config: Config,
  store: TaskStore,
  { mode, fromTarget }: RunOptions,
): Promise<CopyRequest> {
  if (task.online_status !== 1) {
    throw new RowshiftError(
      'TASK_OFFLINE',
      `Task ${task.id} is offline (online_status is ${task.online_status}, not 1). Set online_status to 1 to run it.`,
      { taskId: task.id },
    )
  }
  const params = withMode(task.params, mode)
  const from = await taskSide(task, 'from', config)
  const to = await taskSide(task, 'to', config)
  const past = { watermarks: await store.watermarks(task.id), fromTarget }
  return { runId, taskId: task.id, from, to, params, past }
}

async function taskSide(task: Task, side: 'from' | 'to', config: Config): Promise<TableAt> {
  const field = (name: 'app' | 'db_type' | 'db' | 'table'): string => {
    const value = task[`${side}_${name}`]
    if (value) return value
    throw new RowshiftError('PARAMS_INVALID', `Task ${task.id} has no ${side}_${name}.`, { taskId: task.id })
  }
  const resolved: ResolvedConnection = await config.connection(
    side,
    field('db_type'),
    field('app'),
    field('db'),
  )
  return { ...resolved, table: field('table') }
}

async function showPlan(request: CopyRequest, options: CommonOptions): Promise<number> {
  const plan = await planCopy(request)
  if (options.json) printJson(plan)
  else print(describePlan(plan, label(request.from), label(request.to)))
  return ExitCode.success
}

interface Execution {
  readonly exitCode: number
  readonly report: RunReport
}

/** Runs a copy with progress, report and signals around it. */
async function execute(
  options: CommonOptions & ReportOptions,
  taskId: number | null,
  resolve: (runId: string) => Promise<CopyRequest>,
): Promise<Execution> {
  const runId = newRunId()
  if (options.report !== undefined) writeReport(options.report, '')
  const report = await attempt(runId, taskId, resolve)
  if (options.report !== undefined) writeReport(options.report, `${JSON.stringify(report, null, 2)}\n`)
  if (options.json) printJson(report)
  if (report.error) printError(RowshiftError.fromReport(report.error))
  if (!options.json && (report.splits > 0 || report.status === 'success')) print(summary(report))
  return { exitCode: report.error ? errorCodes[report.error.code].exit : ExitCode.success, report }
}

async function attempt(
  runId: string,
  taskId: number | null,
  resolve: (runId: string) => Promise<CopyRequest>,
): Promise<RunReport> {
  const view = progressView()
  const stop = new AbortController()
  const release = onInterrupt(() => {
    view.stop()
    stop.abort()
  })
  try {
    const request = await resolve(runId)
    return redactReport(
      await runCopy(request, {
        signal: stop.signal,
        onPlan: (plan) => {
          process.stderr.write(`${describePlan(plan, label(request.from), label(request.to))}\n`)
          view.start(plan)
        },
        onProgress: (progress) => view.update(progress),
      }),
    )
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

function label({ loaded, connection }: TableAt): string {
  return loaded.plugin.describeConnection(connection)
}
