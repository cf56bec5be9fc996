import type { ResolvedConnection } from '../config/config.js'
import { Config, fromUrl } from '../config/config.js'
import type { CopyRequest, TableAt } from '../engine/job.js'
import { outlineCopy } from '../engine/job.js'
import { newRunId } from '../engine/report.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import type { Backfill } from '../plan/bounds.js'
import type { Params } from '../task/params.js'
import { withMode } from '../task/params.js'
import type { Task, TaskStore } from '../contract/task-store.js'
import { lookupConnections } from './lookup-connections.js'
import type { CommonOptions, ConfigOptions, ModeOptions, ReportOptions, TablesOptions } from './options.js'
import { copyWithProgress, deliver, reported } from './execution.js'
import { interruptible } from './interruptible.js'
import { describePlan, describeSplits, print, printJson, tableLabel } from './output.js'
import { openReport } from './report-file.js'
import { retried } from './retry-rejected.js'
import { paramsFromOptions } from '../task/params-options.js'
import { withSubject } from '../engine/watermark-subject.js'
import { openStore } from './tasks.js'

export interface CopyOptions extends CommonOptions, ReportOptions, TablesOptions {
  readonly dryRun: boolean
  readonly create: boolean
  readonly fromTarget: boolean
  readonly retry: string | undefined
}

export interface PlanOptions extends CommonOptions, ConfigOptions, ModeOptions {
  readonly id: number
}

/** `rowshift copy`: no task table. Resolves to the exit code. */
export async function copyCommand(options: CopyOptions): Promise<number> {
  const { from, to, report } = options
  // Not by yargs, which would say that --from is missing and nothing of the --form that was given.
  if (from === undefined || to === undefined) {
    throw new RowshiftError(
      'USAGE',
      `--${from === undefined ? 'from' : 'to'} is missing: rowshift copy --from URL --to URL.`,
    )
  }
  const request = async (runId: string): Promise<CopyRequest> => {
    const params = withCreation(paramsFromOptions(options.params, options.param), options.create)
    const ends = { from: await fromUrl(from, '--from'), to: await fromUrl(to, '--to') }
    const past = options.fromTarget ? { watermarks: {}, fromTarget: true } : null
    const others = await lookupConnections(params, null)
    const asked: CopyRequest = { runId, taskId: null, ...ends, params, past, others }
    return options.retry === undefined ? asked : retried(asked, options.retry, options)
  }
  if (options.dryRun) {
    if (report === undefined) {
      const asked = await request('')
      return interruptible((signal) => showPlan(asked, options, signal))
    }
    throw new RowshiftError('USAGE', 'A dry run has no report; "--dry-run --json" prints the plan as JSON.')
  }
  if (report !== undefined) openReport(report, '')
  const runId = newRunId()
  const copy = async (signal: AbortSignal) => copyWithProgress(await request(runId), signal)
  return deliver(await interruptible((signal) => reported(runId, null, () => copy(signal))), options)
}

/** `rowshift plan ID`: what `run` would do. */
export async function planCommand(options: PlanOptions): Promise<number> {
  const config = Config.load(options.config, options.env)
  return interruptible(async (signal) => {
    const store = await openStore(config, signal)
    try {
      const task = await findTask(store, options.id)
      const request = withSubject(await taskRequest('', task, config, store, options), task)
      const offline = `Task ${task.id} is offline (online_status is ${task.online_status}, not 1): "rowshift run" refuses it.`
      return await showPlan(request, options, signal, task.online_status === 1 ? [] : [offline])
    } finally {
      await store.close()
    }
  })
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
  options: ModeOptions,
): Promise<CopyRequest> {
  const { mode, fromTarget } = options
  const params = withMode(task.params, mode, config.folder)
  const backfill = backfillOf(options, params, task)
  const from = await taskSide(task, 'from', config)
  const to = await taskSide(task, 'to', config)
  const watermarks = await store.watermarks(task.id)
  const saved = { task: task.id, saved: watermarks[params.mode] ?? '' }
  const past = backfill === null ? { watermarks, fromTarget, task: saved } : null
  const others = await lookupConnections(params, config)
  return { runId, taskId: task.id, from, to, params, past, backfill, others }
}

/** null: the run goes on from earlier ones. */
function backfillOf(
  { since, until, fromTarget }: ModeOptions,
  { mode }: Params,
  { id }: Task,
): Backfill | null {
  if (since === undefined && until === undefined) return null
  if (since === undefined)
    throw new RowshiftError('USAGE', '--until goes with --since, which says where the range begins.')
  if (fromTarget)
    throw new RowshiftError(
      'USAGE',
      '--since says where to begin, and so does --from-target: give one of them.',
    )
  if (mode !== 'append' && mode !== 'increment')
    throw new RowshiftError(
      'USAGE',
      `--since and --until go with mode "append" or "increment", and task ${id} runs in mode "${mode}", which looks at all rows. Add --mode increment (a range of diff_column) or --mode append (a range of keys).`,
      { taskId: id },
    )
  return { since, until: until ?? null }
}

/** `--create` asks for no more than that a missing table is made: `recreate` in the params stays. */
function withCreation(params: Params, create: boolean): Params {
  if (!create || params.schemaSaveMode !== 'error_when_not_exist') return params
  return { ...params, schemaSaveMode: 'create_when_not_exist' }
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

async function showPlan(
  request: CopyRequest,
  options: CommonOptions,
  signal: AbortSignal,
  warnings: readonly string[] = [],
): Promise<number> {
  const { plan: made, outline } = await outlineCopy(request, signal)
  const plan = { ...made, warnings: [...warnings, ...made.warnings] }
  if (options.json) printJson({ ...plan, outline })
  else
    print(
      [
        describePlan(plan, tableLabel(request.from), tableLabel(request.to)),
        ...describeSplits(plan.read, outline),
      ].join('\n'),
    )
  return ExitCode.success
}
