import type { ResolvedConnection } from '../../config/config.js'
import { RowshiftError } from '../../contract/errors.js'
import type { CopyRequest, HostsOf } from '../../engine/copy-request.js'
import { newRunId } from '../../engine/report.js'
import type { Definer } from '../../contract/plugin.js'
import { escapeName } from '../shard/pattern.js'
import type { Params } from '../../task/params.js'
import type { ForeignKeyPlan } from './foreign-keys.js'
import type { EarlierCopy } from './done-table.js'
import type { SelectedTable, SelectionRequest } from './selection.js'

/** What becomes of the other tables when one fails. */
export type OnTableError = 'stop' | 'continue'

/** All tables of a database, or some of them, each into a table of its own. */
export interface DatabaseRequest {
  readonly runId: string
  readonly from: ResolvedConnection
  readonly to: ResolvedConnection
  readonly selection: SelectionRequest
  /** Of every table. */
  readonly params: Params
  readonly onTableError: OnTableError
  /** As in `SavedWatermarks`: of each table by itself. */
  readonly fromTarget: boolean
  /** No table goes on where an earlier run of the same copy ended. Default: where `goesOn` says so, it does. */
  readonly restart?: boolean
  /** What an earlier run had copied of a table, with which this one goes on; rows that are gone from the target are copied again. Default: nothing. */
  readonly doneBefore?: (table: SelectedTable) => EarlierCopy | null
  /** Called with the tables that get rows, before anything is written. What it throws ends the run. Default: nothing is done then. */
  readonly beforeRows?: (tables: readonly SelectedTable[]) => Promise<void>
  /** What a stored task adds to the copy of a table; it may throw. Default: nothing. */
  readonly ofTable?: (table: SelectedTable, copy: CopyRequest) => Partial<CopyRequest>
  /** `schema`: tables are made, and no row is copied. Default: rows are copied. */
  readonly only?: 'schema'
  /** Views, triggers, routines and events are made too, whose definers are kept or dropped. Default: they are listed. */
  readonly objects?: Definer
  /** Makes the hosts that copy or compare: of all tables together, or of one. Default: this process does it. */
  readonly hosts?: HostsOf
  /** Databases that `params` name beside the two. */
  readonly others?: CopyRequest['others'] | undefined
}

/** Whether a full copy into tables that hold its rows already fails, or repeats the rows. */
export function repeatsWork({ writeMode, schemaSaveMode, preSql }: Params): boolean {
  return writeMode === 'insert' && schemaSaveMode !== 'recreate' && preSql.length === 0
}

/** Whether a table that was begun goes on where it ended. A full copy that repeats nothing brings the rows as they are now instead. */
export function goesOn(params: Params): boolean {
  return params.mode !== 'init' || repeatsWork(params)
}

/** The copy of one table. */
export function tableRequest(
  request: DatabaseRequest,
  { from, to }: SelectedTable,
  keys: ForeignKeyPlan | null = null,
): CopyRequest {
  const { fromTarget, others, only, restart = false, hosts } = request
  // Of a table that gets no rows, nothing runs for them.
  const allowTriggers = only === 'schema' || request.params.allowTriggers
  const params = { ...request.params, database: null, allowTriggers }
  return {
    runId: newRunId(),
    taskId: null,
    from: { ...request.from, table: escapeName(from) },
    to: { ...request.to, table: escapeName(to), ...(keys && { session: keys.session }) },
    ...(keys && params.mode === 'init' && { foreignKeys: keys.make.filter(({ table }) => table === to) }),
    params,
    savedWatermarks: fromTarget ? { watermarks: {}, fromTarget } : null,
    resume: goesOn(params) && !restart ? 'auto' : 'never',
    ...(hosts && params.mode !== 'sync' && { elsewhere: true as const }),
    ...(others && { others }),
  }
}

/** For the connections that all tables use. */
export function endsRequest({ runId, from, to, params, others }: DatabaseRequest): CopyRequest {
  const ends = { from: { ...from, table: '' }, to: { ...to, table: '' } }
  return { runId, taskId: null, ...ends, params: { ...params, database: null }, ...(others && { others }) }
}

/** Throws USAGE for what is about one table only, or not possible for several yet. */
export function checkDatabaseRequest({ from, to, params }: DatabaseRequest): void {
  if (from.databases !== undefined || to.databases !== undefined)
    throw unusable('One database is copied into one: a URL with {…} needs a table.')
  const ofOneTable = [
    ['columns', params.columns],
    ['shard', params.shard],
    ['pk', params.key],
    ['dirty_file', params.dirtyFile],
  ] as const
  const given = ofOneTable.flatMap(([name, value]) => (value === null ? [] : [name]))
  if (given.length === 0) return
  throw unusable(
    `params.${given.join(', params.')}: what is about one table goes with ?table=name in both URLs.`,
  )
}

function unusable(text: string): RowshiftError {
  return new RowshiftError('USAGE', `${text} Nothing was written.`)
}
