import { RowshiftError } from '../../contract/errors.js'
import type { TableSchema } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { CopyRequest } from '../../engine/copy-request.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { planWith } from '../../engine/open-endpoints.js'
import type { KnownTables } from '../../plan/plan-request.js'
import type { Params } from '../../task/params.js'
import { repairing } from '../verify/repair-params.js'
import type { ForeignKeyPlan } from './foreign-keys.js'
import type { DatabaseRequest } from './request.js'
import { tableRequest } from './request.js'
import type { SelectedTable } from './selection.js'

/** What was planned longer ago is planned anew: the tables may have been changed since. */
const KEPT_MS = 60_000

/** One table with its copy, or why there can be none. */
export interface PlannedTable {
  readonly request: CopyRequest
  readonly from: string
  readonly to: string
  readonly plan: RunPlan | null
  /** By the clock of `performance`. */
  readonly plannedAt: number
  readonly error: RowshiftError | null
  /** `error` says that this table is not made for the mode, which others may be. */
  readonly unfit: boolean
}

/** Never throws: what is wrong with the table is in its plan. */
export async function planTable(
  request: DatabaseRequest,
  table: SelectedTable,
  { keys, known }: { readonly keys: ForeignKeyPlan; readonly known: KnownTables | null },
  endpoints: OpenEndpoints,
  signal: AbortSignal,
): Promise<PlannedTable> {
  const copy = tableRequest(request, table, keys)
  const plannedAt = performance.now()
  try {
    const asked = request.ofTable === undefined ? copy : { ...copy, ...request.ofTable(table, copy) }
    return {
      ...(await planned(asked, endpoints, signal, known)),
      ...table,
      plannedAt,
      error: null,
      unfit: false,
    }
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    return { ...table, request: copy, plan: null, plannedAt, error, unfit: isUnfit(error, request.params) }
  }
}

/**
 * The copy with its plan, where that still holds when it begins; null: the table is to be planned anew, which also says what is wrong with it. In a
 * snapshot, however long ago it began, rows have the columns of that moment. `made`: the plan has made the table. Never throws.
 */
export async function planKept(
  { from, request, plan, plannedAt }: PlannedTable,
  { readers }: OpenEndpoints,
  inSnapshot: boolean,
  made: boolean,
): Promise<Pick<PlannedTable, 'request' | 'plan'>> {
  const isNew = performance.now() - plannedAt < KEPT_MS
  if (!inSnapshot && (isNew || !made)) return { request, plan: isNew ? plan : null }
  const shape = ({ columns }: Pick<TableSchema, 'columns'>) =>
    JSON.stringify(columns.map(({ name, type, nullable, collation }) => [name, type, nullable, collation]))
  const now = await readers[0]!.describe(from).catch(() => null)
  if (now !== null && shape(now) === shape(plan!.read.table)) return { request, plan }
  return { request, plan: null }
}

/** Only mode `increment` reads by `diff_column`: in others, a table without it is copied all the same. */
async function planned(
  request: CopyRequest,
  endpoints: OpenEndpoints,
  signal: AbortSignal,
  known: KnownTables | null,
): Promise<{ readonly request: CopyRequest; readonly plan: RunPlan }> {
  const { params } = request
  const planning = { ...request, params: params.mode === 'sync' ? repairing(params) : params }
  try {
    return { request, plan: await planWith(planning, endpoints, signal, known) }
  } catch (thrown) {
    if (params.mode === 'increment' || !lacksDiffColumn(RowshiftError.from(thrown), params)) throw thrown
    return planned({ ...request, params: { ...params, diffColumn: null } }, endpoints, signal, known)
  }
}

/** Without a key that rises, a column that says when a row changed, or a key to find rows by. */
function isUnfit(error: RowshiftError, params: Params): boolean {
  if (params.mode === 'init') return false
  const { code, details } = error
  return code === 'KEY_REQUIRED' || details['mode'] === params.mode || lacksDiffColumn(error, params)
}

function lacksDiffColumn({ code, details: { column } }: RowshiftError, { diffColumn }: Params): boolean {
  const names = [diffColumn?.source, diffColumn?.target].map((name) => name?.toLowerCase())
  return code === 'COLUMN_NOT_FOUND' && typeof column === 'string' && names.includes(column.toLowerCase())
}
