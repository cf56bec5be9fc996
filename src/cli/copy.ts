import type { ResolvedConnection } from '../config/config.js'
import { Config, fromUrl } from '../config/config.js'
import type { CopyRequest, TableAt } from '../engine/job.js'
import { planCopy, runCopy } from '../engine/job.js'
import { ExitCode, RowshiftError } from '../errors.js'
import { withMode } from '../task/params.js'
import type { Task, TaskStore } from '../task/task.js'
import type { Perform } from './execute.js'
import { execute } from './execute.js'
import type { CommonOptions, ConfigOptions, ReportOptions } from './options.js'
import { describePlan, print, printJson, tableLabel } from './output.js'
import { paramsFromOptions } from './params-options.js'
import { RunHistory } from './run-history.js'
import { openStore } from './tasks.js'
import { performVerify } from './verify-view.js'

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
  return (await execute(options, null, perform(resolve))).exitCode
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
    const { exitCode, report } = await execute(options, options.id, perform(resolve))
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

export async function findTask(store: TaskStore, id: number): Promise<Task> {
  const task = await store.get(id)
  if (task) return task
  throw new RowshiftError('TASK_NOT_FOUND', `There is no task ${id}. "rowshift list" shows the tasks.`, {
    taskId: id,
  })
}

export async function taskRequest(
  runId: string,
  task: Task,
  config: Config,
  store: TaskStore,
  { mode, fromTarget }: Pick<RunOptions, 'mode' | 'fromTarget'>,
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
  else print(describePlan(plan, tableLabel(request.from), tableLabel(request.to)))
  return ExitCode.success
}

/** Copies with progress shown; mode `sync` compares first. */
function perform(resolve: (runId: string) => Promise<CopyRequest>): Perform {
  return async (runId, signal, view) => {
    const request = await resolve(runId)
    if (request.params.mode === 'sync') {
      return performVerify({ ...request, mode: 'sync', sample: 100 }, signal, view)
    }
    return runCopy(request, {
      signal,
      onPlan: (plan) => {
        process.stderr.write(`${describePlan(plan, tableLabel(request.from), tableLabel(request.to))}\n`)
        view.start(plan)
      },
      onProgress: (progress) => view.update(progress),
    })
  }
}
