/** What a command is to copy or compare, of a stored task or of URLs. */
import type { Config } from '../config/config.js'
import { connectionFromUrl, fromUrl } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { Task, TaskStore } from '../contract/task-store.js'
import type { TableAt } from '../engine/endpoints.js'
import type { CopyRequest } from '../engine/copy-request.js'
import type { DatabaseRequest } from '../features/database/request.js'
import type { Backfill } from '../plan/bounds.js'
import type { Overrides } from '../task/params-options.js'
import { paramsFromOptions, paramsOfRun } from '../task/params-options.js'
import type { Params } from '../task/params.js'
import { otherConnections } from './other-connections.js'
import type { SelectionOptions } from './database-options.js'
import type { ModeOptions, TablesOptions } from './options.js'
import { selectionOf } from './table-selection.js'

/** A task as it stands in the store. */
export const AS_STORED: ModeOptions = {
  mode: undefined,
  fromTarget: false,
  since: undefined,
  until: undefined,
}

/** Tables that no task names. */
export async function urlRequest(
  runId: string,
  { from, to, params: given, param }: TablesOptions & { readonly from: string; readonly to: string },
): Promise<CopyRequest> {
  const params = paramsFromOptions(given, param)
  if (params.database !== null)
    throw new RowshiftError(
      'USAGE',
      'params "tables", "exclude", "rename" and "on_table_error" are about the tables of a database: leave table= out of both URLs. Nothing was written.',
    )
  const endpoints = { from: await fromUrl(from, '--from'), to: await fromUrl(to, '--to') }
  return { runId, taskId: null, ...endpoints, params, others: await otherConnections(params, null) }
}

/** All tables of a database that no task names, or some of them. */
export async function databasesRequest(
  runId: string,
  options: TablesOptions & SelectionOptions & { readonly from: string; readonly to: string },
): Promise<DatabaseRequest> {
  const params = paramsFromOptions(options.params, options.param)
  return {
    runId,
    from: await connectionFromUrl(options.from, '--from'),
    to: await connectionFromUrl(options.to, '--to'),
    ...selectionOf(options, params),
    params,
    fromTarget: false,
    others: await otherConnections(params, null),
  }
}

export async function taskRequest(
  runId: string,
  task: Task,
  config: Config,
  store: TaskStore,
  options: ModeOptions & Overrides,
): Promise<CopyRequest> {
  const { fromTarget } = options
  const params = paramsOfRun(task.params, options, config.folder)
  const backfill = backfillOf(options, params, task)
  const from = await taskSide(task, 'from', config)
  const to = await taskSide(task, 'to', config)
  const watermarks = await store.watermarks(task.id)
  const saved = { task: task.id, saved: watermarks[params.mode] ?? '' }
  const savedWatermarks = backfill === null ? { watermarks, fromTarget, task: saved } : null
  const others = await otherConnections(params, config)
  return { runId, taskId: task.id, from, to, params, savedWatermarks, backfill, others }
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

async function taskSide(task: Task, side: 'from' | 'to', config: Config): Promise<TableAt> {
  const field = (name: 'app' | 'db_type' | 'db' | 'table'): string => {
    const value = task[`${side}_${name}`]
    if (value) return value
    throw new RowshiftError('PARAMS_INVALID', `Task ${task.id} has no ${side}_${name}.`, { taskId: task.id })
  }
  const resolved = await config.connection(side, field('db_type'), field('app'), field('db'))
  return { ...resolved, table: field('table') }
}

/** `--create` asks for no more than that a missing table is made: `recreate` in the params stays. */
export function withCreation(params: Params, create: boolean): Params {
  if (!create || params.schemaSaveMode !== 'error_when_not_exist') return params
  return { ...params, schemaSaveMode: 'create_when_not_exist' }
}
