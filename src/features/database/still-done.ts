import { RowshiftError } from '../../contract/errors.js'
import type { Writer } from '../../contract/plugin.js'
import { counted } from '../../wire/counted.js'
import type { EarlierCopy } from './done-table.js'
import { repeatsWork } from './request.js'
import type { PlannedTable } from './table-plan.js'

/**
 * Whether a table that an earlier run had copied is left out: it would be read and written as it was, and the target still holds its rows.
 * Of a snapshot, no table is: the others would be of another moment.
 * Throws RESUME_REFUSED where a copy of it would write rows again that are there.
 */
export async function isStillDone(
  { from, to, plan, request: { params } }: PlannedTable,
  { written, isSame }: EarlierCopy,
  { skills }: Writer,
): Promise<boolean> {
  if (plan === null || plan.write.create !== null) return false
  const there = (await skills.checkpoints?.countRows(plan.write.table.table)) ?? null
  // A row that is replaced may take several others with it, but not all.
  const least = params.writeMode === 'replace' ? Math.min(written, 1) : written
  const isThere = there === null || there >= BigInt(least)
  const inSnapshot = params.consistency === 'snapshot'
  if (isSame && isThere && !inSnapshot) return true
  if (!repeatsWork(params) || there === 0n || written === 0) return false
  const why = !isThere
    ? `${to} holds ${there} by now`
    : isSame
      ? 'the moment that all tables were to be of is gone (consistency "snapshot")'
      : `the task was changed since (which rows of ${from} are read, or what becomes of them)`
  throw new RowshiftError(
    'RESUME_REFUSED',
    `An earlier run had copied ${from}, ${counted(written, 'row')}, and ${why}: a copy would insert rows again that are there. ` +
      `Empty ${to} and run the task again, which then copies it; or leave ${from} out (params "exclude").`,
    { table: from },
  )
}
