import { writeFileSync } from 'node:fs'
import type { ResolvedConnection } from '../config/config.js'
import { Config, fromUrl } from '../config/config.js'
import type { CopyRequest, TableAt } from '../engine/job.js'
import { planCopy, runCopy } from '../engine/job.js'
import { noProgress } from '../engine/progress.js'
import { makeReport, newRunId } from '../engine/report.js'
import { errorCodes, ExitCode, RowshiftError } from '../errors.js'
import type { Params } from '../task/params.js'
import { parseParams } from '../task/params.js'
import type { RunRecord, RunReport, Task, TaskStore } from '../task/task.js'
import type { CommonOptions, ConfigOptions, ReportOptions } from './options.js'
import { describePlan, print, printError, printJson, redact, summary } from './output.js'
import { paramsFromOptions } from './params-options.js'
import { progressView } from './progress-view.js'
import { openStore } from './tasks.js'

export interface CopyOptions extends CommonOptions, ReportOptions {
  readonly from: string
  readonly to: string
  readonly params: string | undefined
  readonly param: readonly string[]
  readonly dryRun: boolean
}

export interface RunOptions extends CommonOptions, ConfigOptions, ReportOptions {
  readonly id: number
  readonly mode: string | undefined
}

/** `rowshift copy`: no task table. Resolves to the exit code. */
export async function copyCommand(options: CopyOptions): Promise<number> {
  const resolve = async (runId: string): Promise<CopyRequest> => {
    const params = paramsFromOptions(options.params, options.param)
    const from = await fromUrl(options.from, '--from')
    const to = await fromUrl(options.to, '--to')
    return { runId, taskId: null, from, to, params }
  }
  if (options.dryRun) return showPlan(await resolve(''), options)
  return execute(options, null, resolve)
}

/** `rowshift run ID`: one task of the task table. */
export async function runCommand(options: RunOptions): Promise<number> {
  const config = Config.load(options.config, options.env)
  const store = await openStore(config)
  try {
    return await execute(options, { store, taskId: options.id }, async (runId, started) => {
      const task = await findTask(store, options.id)
      await store.startRun(runRecord(task.id, options.mode ?? 'init', runId, started))
      return taskRequest(runId, task, config, options.mode)
    })
  } finally {
    await store.close()
  }
}

/** `rowshift plan ID`: what `run` would do. */
export async function planCommand(options: RunOptions): Promise<number> {
  const config = Config.load(options.config, options.env)
  const store = await openStore(config)
  try {
    const task = await findTask(store, options.id)
    return await showPlan(await taskRequest('', task, config, options.mode), options)
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

async function taskRequest(runId: string, task: Task, config: Config, mode?: string): Promise<CopyRequest> {
  if (task.online_status !== 1) {
    throw new RowshiftError(
      'TASK_OFFLINE',
      `Task ${task.id} is offline (online_status is ${task.online_status}, not 1). Set online_status to 1 to run it.`,
      { taskId: task.id },
    )
  }
  const params = withMode(parseParams(task.params), mode)
  const from = await taskSide(task, 'from', config)
  const to = await taskSide(task, 'to', config)
  return { runId, taskId: task.id, from, to, params }
}

function withMode(params: Params, mode: string | undefined): Params {
  if (mode === undefined || mode === params.mode) return params
  throw new RowshiftError('USAGE', `--mode ${mode} is not known; this version knows init (full copy).`)
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

interface History {
  readonly store: TaskStore
  readonly taskId: number
}

type Resolve = (runId: string, started: Date) => Promise<CopyRequest>

/** Runs a copy with progress, report, history and signals around it. */
async function execute(
  options: CommonOptions & ReportOptions,
  history: History | null,
  resolve: Resolve,
): Promise<number> {
  const runId = newRunId()
  if (options.report !== undefined) writeReport(options.report, '')
  const started = new Date()
  const report = await attempt(runId, history?.taskId ?? null, () => resolve(runId, started))
  if (history) await remember(history, report, started)
  if (options.report !== undefined) writeReport(options.report, `${JSON.stringify(report, null, 2)}\n`)
  if (options.json) printJson(report)
  if (report.error) printError(RowshiftError.fromReport(report.error))
  if (!options.json && report.splits > 0) print(summary(report))
  else if (!options.json && report.status === 'success')
    print(`The source is empty: 0 rows copied. Run ${runId}.`)
  return report.error ? errorCodes[report.error.code].exit : ExitCode.success
}

async function attempt(
  runId: string,
  taskId: number | null,
  resolve: () => Promise<CopyRequest>,
): Promise<RunReport> {
  const view = progressView()
  const stop = new AbortController()
  const release = onInterrupt(() => stop.abort())
  try {
    const request = await resolve()
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
    process.stderr.write(
      '\nStopping; what is not committed is rolled back. Press Ctrl-C again to leave at once.\n',
    )
    stop()
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

async function remember({ store, taskId }: History, report: RunReport, started: Date): Promise<void> {
  const record: RunRecord = {
    ...runRecord(taskId, report.mode, report.runId, started),
    status: report.status,
    end_time: utc(new Date()),
    rows_read: report.rowsRead,
    rows_written: report.rowsWritten,
    report: JSON.stringify(report),
  }
  try {
    await store.finishRun(record)
  } catch (error) {
    process.stderr.write(
      `rowshift: the run could not be written to the history: ${RowshiftError.from(error).message}\n`,
    )
  }
}

function runRecord(taskId: number, mode: string, runId: string, started: Date): RunRecord {
  return {
    run_id: runId,
    task_id: taskId,
    mode,
    status: 'running',
    start_time: utc(started),
    end_time: null,
    rows_read: 0,
    rows_written: 0,
    report: null,
  }
}

function utc(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ')
}

function label({ loaded, connection }: TableAt): string {
  return loaded.plugin.describeConnection(connection)
}
