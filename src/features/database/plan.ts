import { RowshiftError } from '../../contract/errors.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { planWith, withEndpoints } from '../../engine/job.js'
import type { CopyRequest } from '../../engine/job.js'
import { stopped } from '../../engine/run-errors.js'
import type { DatabaseRequest } from './request.js'
import { checkDatabaseRequest, tableRequest } from './request.js'
import type { Selection } from './selection.js'
import { sameTarget, selectTables } from './selection.js'

/** Tables that runs make for themselves: nobody else's data. */
const OWN = /^rowshift_/

/** One table with its copy, or why there can be none. */
export interface PlannedTable {
  readonly request: CopyRequest
  readonly from: string
  readonly to: string
  readonly plan: RunPlan | null
  readonly error: RowshiftError | null
}

export interface DatabasePlan {
  /** In the order of their names. */
  readonly tables: readonly PlannedTable[]
  readonly leftOut: Selection['leftOut']
}

/** Plans the copy of every table, over one connection to each end; writes nothing. Throws USAGE where no table is left. */
export async function planDatabase(request: DatabaseRequest, signal: AbortSignal): Promise<DatabasePlan> {
  checkDatabaseRequest(request)
  const { from, to, params } = request
  const ends = { runId: '', taskId: null, from: { ...from, table: '' }, to: { ...to, table: '' }, params }
  return withEndpoints(ends, signal, async (endpoints) => {
    const { skills } = endpoints.readers[0]!
    if (skills.tables === undefined)
      throw new RowshiftError(
        'USAGE',
        `The plugin of --from cannot list tables: add ?table=name to both URLs. Nothing was written.`,
      )
    const names = await skills.tables()
    const own = names.filter((name) => OWN.test(name))
    const { tables: selected, leftOut } = selectTables(
      names.filter((name) => !OWN.test(name)),
      request.selection,
    )
    const tables: PlannedTable[] = []
    for (const table of selected) {
      if (signal.aborted) throw stopped(signal)
      const copy = tableRequest(request, table)
      const planned = await planWith(copy, endpoints, signal).then(
        (plan) => ({ plan, error: null }),
        (error: unknown) => ({ plan: null, error: RowshiftError.from(error) }),
      )
      tables.push({ request: copy, ...table, ...planned })
    }
    refuseOneTarget(tables)
    return {
      tables,
      leftOut: [
        ...leftOut,
        ...own.map((table) => ({ table, reason: 'a table that rowshift made for itself' })),
      ],
    }
  })
}

/** Names that differ by case only are those of one table in some databases. Two that are there are told apart by what they are. */
function refuseOneTarget(tables: readonly PlannedTable[]): void {
  const known = new Map<string, PlannedTable>()
  for (const table of tables) {
    const name = table.to.toLowerCase()
    const other = known.get(name)
    if (other && mayBeOne(table, other))
      throw sameTarget(
        other.from,
        table.from,
        `be ${other.to} and ${table.to}, which may be one table of the target`,
      )
    known.set(name, table)
  }
}

function mayBeOne({ plan: a }: PlannedTable, { plan: b }: PlannedTable): boolean {
  if (!a || !b || a.write.create || b.write.create) return true
  return a.write.table.identity === b.write.table.identity
}

/** By statistics, as they are before a copy; null: unknown. */
export function expectedBytes({ plan }: PlannedTable): number | null {
  const { estimatedRows = null, estimatedRowBytes = null } = plan?.read.table ?? {}
  return estimatedRows === null || estimatedRowBytes === null ? null : estimatedRows * estimatedRowBytes
}

/** Whether one split is expected to hold it, so that a second thread would have nothing to do. */
export function isSmall({ plan }: PlannedTable): boolean {
  const rows = plan?.read.table.estimatedRows ?? null
  return rows !== null && rows <= plan!.read.splitRows
}
