import { RowshiftError } from '../../contract/errors.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { counted } from '../../wire/counted.js'
import { findRun } from '../resume/find-run.js'
import { runVerify } from '../verify/job.js'
import type { EarlierCopy } from './done-table.js'
import { repeatsWork } from './request.js'
import type { PlannedTable } from './table-plan.js'

const MOMENT_GONE = 'the moment that all tables were to be of is gone (consistency "snapshot")'

/**
 * Whether a table that an earlier run had copied is left out: it would be read and written as it was, and the target still holds its rows.
 * Of a snapshot, no table is: the others would be of another moment.
 * Throws RESUME_REFUSED where a copy of it would write rows again that are there.
 */
export async function isStillDone(
  table: PlannedTable,
  { written, isSame }: EarlierCopy,
  endpoints: OpenEndpoints,
  signal: AbortSignal,
): Promise<boolean> {
  const { from, to, plan, request } = table
  const { params } = request
  if (plan === null || plan.write.create !== null) return false
  const inSnapshot = params.consistency === 'snapshot'
  if (written === null && !repeatsWork(params)) return false
  const { checkpoints } = endpoints.writers[0]!.skills
  const count = async () => (await checkpoints?.countRows(plan.write.table.table)) ?? null
  if (written === null && !inSnapshot) return isUnnoted(table, count, endpoints, signal)
  const there = await count()
  if (written === null) {
    if (there === null || there === 0n || refusesTwice(plan)) return false
    throw refused(table, `An earlier run did not end, ${to} holds ${rowCount(there)}, and ${MOMENT_GONE}`)
  }
  // A row that is replaced may take several others with it, but not all.
  const least = params.writeMode === 'replace' ? Math.min(written, 1) : written
  const isThere = there === null || there >= BigInt(least)
  if (isSame && isThere && !inSnapshot) return true
  if (!repeatsWork(params) || there === 0n || written === 0) return false
  const why = !isThere
    ? `${to} holds ${there} by now`
    : isSame
      ? MOMENT_GONE
      : `the task was changed since, or the command (which rows of ${from} are read, or what becomes of them)`
  throw refused(table, `An earlier run had copied ${from}, ${counted(written, 'row')}, and ${why}`)
}

/**
 * The earlier run may have been killed right after the last row. A table of several splits has checkpoints then; one of a single split has all
 * of its rows, or none. Checkpoints that no run goes on with (of a command with other params, or of somebody else) say nothing of its rows.
 */
async function isUnnoted(
  table: PlannedTable,
  count: () => Promise<bigint | null>,
  endpoints: OpenEndpoints,
  signal: AbortSignal,
): Promise<boolean> {
  const { from, to, request } = table
  const { read, write } = table.plan!
  const refuses = refusesTwice(table.plan!)
  const begun = (await endpoints.writers[0]!.skills.checkpoints?.list(write.table.table)) ?? []
  if (begun.length > 0 && (refuses || (await findRun(request, endpoints)).unfinished !== null)) return false
  const there = (await count()) ?? 0n
  if (there === 0n || (refuses && there > BigInt(read.splitRows))) return false
  const { savedWatermarks: _, ...asked } = request
  const hooks = { signal, onPlan: () => {}, onProgress: () => {} }
  const { error } = await runVerify({ ...asked, mode: 'verify', sample: 100 }, hooks)
  if (error === null) return true
  if (refuses) return false
  const why = `An earlier run did not end, ${to} holds ${rowCount(there)} that differ from those of ${from}, and without a key nobody knows which ones it has copied`
  throw refused(table, begun.length > 0 ? `${why} (with the params of that run, it may go on)` : why)
}

/** Whether the target has a key that no row of the source gets past a second time. */
function refusesTwice({ read, write: { create, table, columns } }: RunPlan): boolean {
  const written = new Set(columns.flatMap(({ target, computedBy }) => (computedBy ? [] : target.name)))
  const isWritten = (name: string) => create !== null || written.has(name)
  return (create === null ? table : read.table).keys.some(
    (key) => !key.nullable && key.columns.every(isWritten),
  )
}

function rowCount(rows: bigint): string {
  return rows === 1n ? '1 row' : `${rows} rows`
}

function refused({ from, to }: PlannedTable, why: string): RowshiftError {
  return new RowshiftError(
    'RESUME_REFUSED',
    `${why}: a copy would insert rows again that are there. Empty ${to} and run it again, which then copies it; or leave ${from} out (--exclude, or "exclude" of the params). ` +
      'With --restart, every table is copied anew, whatever it holds: empty them all before that.',
    { table: from },
  )
}
