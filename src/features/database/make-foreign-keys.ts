/** Makes the foreign keys that a plan says, and looks for rows without a parent. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { ForeignKey, ForeignKeyTarget, Orphans } from '../../contract/plugin.js'
import { pauseAfter, retried, type RetryPolicy } from '../../contract/waiting.js'
import { titleOf } from '../../contract/foreign-keys.js'
import type { ForeignKeyPlan, PlannedKey } from './foreign-keys.js'
import { isSameKey, keysOf } from './foreign-keys.js'

/**
 * `kept`: it was there. `dropped`: it was there, and a table of it was made anew. `not_made`: nothing was tried, or the target cannot have it.
 */
export interface ForeignKeyReport {
  /** null: the database keeps no name, or was to choose one. */
  readonly name: string | null
  readonly table: string
  readonly columns: readonly string[]
  readonly parent: string
  readonly status: 'made' | 'kept' | 'dropped' | 'not_made' | 'failed'
  /** Why it was not made, or what is not known of it. */
  readonly reason: string | null
  readonly error: ErrorReport | null
  /** What makes it, for whoever would rather do that by hand; null: it is there, or nothing does. */
  readonly statement: string | null
}

/** What became of the tables. */
export interface WrittenTables {
  /** All that was to be done with a table of the target is done. */
  isDone(table: string): boolean
  /** Rows of it were written or deleted, by this run or by one that it goes on with. */
  isChanged(table: string): boolean
}

export interface MakingKeys {
  readonly target: ForeignKeyTarget
  readonly written: WrittenTables
  readonly retry: RetryPolicy
  readonly signal: AbortSignal
  readonly onStep: (step: string) => void
}

/** Never throws for a key: what failed is in its report, and the others go on. */
export async function makeForeignKeys(plan: ForeignKeyPlan, making: MakingKeys): Promise<ForeignKeyReport[]> {
  const reports: ForeignKeyReport[] = plan.left.map(({ key, reason }) =>
    report(key, { status: 'not_made', reason }),
  )
  const made: ForeignKey[] = []
  for (const [i, key] of plan.make.entries()) {
    making.onStep(`foreign keys: ${i} of ${plan.make.length} made`)
    const outcome = await makeKey(plan, key, making)
    if (outcome.status === 'made') made.push(key)
    reports.push(outcome)
  }
  for (const key of plan.existing) reports.push(await checkExisting(key, making))
  const others = plan.others.filter((key) => isConcerned(key, making.written))
  for (const key of others) reports.push(await checkExisting(key, making))
  if (made.length === 0) return reports
  // A table of an engine without foreign keys takes them without a word.
  const there = await keysOf(
    making.target,
    made.flatMap(({ table, parent }) => [table, parent]),
  )
  return reports.map((one, i) => {
    const key = i < plan.left.length ? undefined : plan.make[i - plan.left.length]
    if (key === undefined || one.status !== 'made' || there.some((found) => isSameKey(found, key))) return one
    return failed(
      key,
      making,
      new RowshiftError('CREATE_FAILED', `${titleOf(key)} was added, and is not there.`),
    )
  })
}

async function makeKey(
  { sameFamily }: ForeignKeyPlan,
  key: PlannedKey,
  making: MakingKeys,
): Promise<ForeignKeyReport> {
  const { target, signal, written } = making
  const reason = signal.aborted
    ? 'the run was interrupted'
    : [key.table, key.parent]
        .filter((table) => !written.isDone(table))
        .map((table) => `${table} was not copied`)[0]
  if (reason !== undefined) return report(key, { status: 'not_made', reason })
  try {
    const orphans = await search(key, making)
    if (orphans.examples.length > 0) return failed(key, making, orphaned(key, orphans))
    if (target.withTable) return report(key, { status: 'made', reason: unfinished(orphans) })
    await patiently(making, () => target.add(key, orphans.complete, signal))
    if (target.trusts && orphans.complete) {
      const late = await search(key, making)
      if (late.examples.length > 0) {
        await dropAgain(key, making)
        return failed(key, making, orphaned(key, late))
      }
    }
    return report(key, { status: 'made' })
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    // What the other family's types cannot be tied by.
    if (!sameFamily && error.code === 'SERVER_ERROR')
      return report(key, { status: 'not_made', reason: error.message })
    return failed(key, making, error)
  }
}

async function checkExisting(key: ForeignKey, making: MakingKeys): Promise<ForeignKeyReport> {
  const { written, signal } = making
  if (signal.aborted || !isConcerned(key, written)) return keptReport(key, written)
  try {
    const orphans = await search(key, making)
    if (orphans.examples.length > 0) return failed(key, making, orphaned(key, orphans))
    return report(key, { status: 'kept', reason: unfinished(orphans) })
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    if (signal.aborted) return keptReport(key, written)
    if (error.code === 'ACCESS_DENIED' && isElsewhere(key))
      return report(key, { status: 'kept', reason: `${NOT_LOOKED_AT}: ${error.message}` })
    return failed(key, making, error)
  }
}

const NOT_LOOKED_AT = 'whether all rows have a parent was not looked at'

function isElsewhere({ tableIn, parentIn }: ForeignKey): boolean {
  return tableIn !== undefined || parentIn !== undefined
}

/** Rows that it is about were written, which no session has checked by it. */
function isConcerned({ table, tableIn, parent, parentIn }: ForeignKey, written: WrittenTables): boolean {
  return (
    (tableIn === undefined && written.isChanged(table)) ||
    (parentIn === undefined && written.isChanged(parent))
  )
}

function keptReport(
  key: ForeignKey,
  written: WrittenTables,
  why = 'the run was interrupted',
): ForeignKeyReport {
  const reason = isConcerned(key, written) ? `${NOT_LOOKED_AT}: ${why}` : null
  return report(key, { status: 'kept', reason })
}

/** Whether some have to be looked at. */
export function concernsKeys({ existing, others }: ForeignKeyPlan, written: WrittenTables): boolean {
  return [...existing, ...others].some((key) => isConcerned(key, written))
}

async function dropAgain(key: ForeignKey, { target, signal }: MakingKeys): Promise<void> {
  const found = (await keysOf(target, [key.table, key.parent])).find((known) => isSameKey(known, key))
  if (found) await target.drop(found, signal)
}

function search(key: ForeignKey, making: MakingKeys): Promise<Orphans> {
  return patiently(making, () => making.target.orphans(key, making.signal))
}

function patiently<T>({ retry, signal }: MakingKeys, work: () => Promise<T>): Promise<T> {
  return retried(work, (error, retries) => pauseAfter(error, retries, retry), signal)
}

function unfinished({ complete }: Orphans): string | null {
  return complete ? null : 'the search for rows without a parent did not come to its end in time'
}

function orphaned(key: ForeignKey, { examples }: Orphans): RowshiftError {
  return new RowshiftError(
    'ORPHANED_ROWS',
    `${titleOf(key)}: rows have no parent in ${full(key.parent, key.parentIn)} (${key.parentColumns.join(', ')}), for instance (${key.columns.join(', ')}) = ${examples.join(', ')}. ` +
      'Copy or insert their parents, or delete them; then run the same command again.',
    { table: key.table, ...(key.name === null ? {} : { constraint: key.name }) },
  )
}

/** All of them, where nothing can be done about any. */
export function keysNotMade(
  plan: ForeignKeyPlan,
  outcome: Partial<ForeignKeyReport> & Pick<ForeignKeyReport, 'status'>,
  written: WrittenTables,
): ForeignKeyReport[] {
  const others = plan.others.filter((key) => isConcerned(key, written))
  return [
    ...plan.left.map(({ key, reason }) => report(key, { status: 'not_made', reason })),
    ...plan.make.map((key) => report(key, outcome)),
    ...[...plan.existing, ...others].map((key) => keptReport(key, written, outcome.error?.message)),
  ]
}

/** Those that were dropped, and that the source does not have. */
export function droppedKeys({ make }: ForeignKeyPlan, dropped: Iterable<PlannedKey>): ForeignKeyReport[] {
  return [...dropped].flatMap((key) =>
    make.some((wanted) => isSameKey(wanted, key))
      ? []
      : [report(key, { status: 'dropped', reason: 'schema_save_mode "recreate" drops its tables' })],
  )
}

function failed(key: ForeignKey, { signal }: MakingKeys, error: RowshiftError): ForeignKeyReport {
  return signal.aborted
    ? report(key, { status: 'not_made', reason: 'the run was interrupted' })
    : report(key, { status: 'failed', error: error.report() })
}

function report(
  { name, table, tableIn, columns, parent, parentIn, statement = null }: ForeignKey & Partial<PlannedKey>,
  outcome: Partial<ForeignKeyReport> & Pick<ForeignKeyReport, 'status'>,
): ForeignKeyReport {
  const isThere = outcome.status === 'made' || outcome.status === 'kept'
  const [child, parentTable] = [full(table, tableIn), full(parent, parentIn)]
  const left = isThere ? null : statement
  return {
    name,
    table: child,
    columns,
    parent: parentTable,
    reason: null,
    error: null,
    statement: left,
    ...outcome,
  }
}

function full(table: string, elsewhere: string | undefined): string {
  return elsewhere === undefined ? table : `${elsewhere}.${table}`
}
