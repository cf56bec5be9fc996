import type { ResolvedConnection } from '../../config/config.js'
import { RowshiftError } from '../../contract/errors.js'
import type { CopyRequest } from '../../engine/job.js'
import { newRunId } from '../../engine/report.js'
import { escapeName } from '../shard/pattern.js'
import type { Params } from '../../task/params.js'
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
  /** Tables that an earlier run had copied, with which this one goes on; those that are gone from the target are copied again. Default: none. */
  readonly doneBefore?: ReadonlySet<string>
  /** What a stored task adds to the copy of a table; it may throw. Default: nothing. */
  readonly ofTable?: (table: SelectedTable, copy: CopyRequest) => Partial<CopyRequest>
  /** Databases that `params` name beside the two. */
  readonly others?: CopyRequest['others'] | undefined
}

/** The copy of one table. An unfinished one of an earlier run goes on. */
export function tableRequest(request: DatabaseRequest, { from, to }: SelectedTable): CopyRequest {
  const { params, fromTarget, others } = request
  return {
    runId: newRunId(),
    taskId: null,
    from: { ...request.from, table: escapeName(from) },
    to: { ...request.to, table: escapeName(to) },
    params: { ...params, database: null },
    savedWatermarks: fromTarget ? { watermarks: {}, fromTarget } : null,
    resume: 'auto',
    ...(others && { others }),
  }
}

/** Throws USAGE for what is about one table only, or not possible for several yet. */
export function checkDatabaseRequest({ from, to, params }: DatabaseRequest): void {
  if (from.databases !== undefined || to.databases !== undefined)
    throw unusable('One database is copied into one: a URL with {…} needs a table.')
  if (params.consistency === 'snapshot')
    throw unusable(
      'consistency "snapshot" is of one table: each table of a database would show another moment. Leave it out, or stop writers meanwhile.',
    )
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
