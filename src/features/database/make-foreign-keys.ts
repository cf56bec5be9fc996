/** Makes the foreign keys that a plan says, and looks for rows without a parent. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { ForeignKey, ForeignKeyTarget, Orphans } from '../../contract/plugin.js'
import { pauseAfter, retried, type RetryPolicy } from '../../contract/waiting.js'
import { titleOf } from '../../contract/foreign-keys.js'
import type { ForeignKeyPlan, PlannedKey } from './foreign-keys.js'
import { IndexPlaces } from '../indexes/places.js'
import { isSameKey, keysOf } from './foreign-keys.js'
import { TableUse } from './table-use.js'

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

export interface KeysRequest {
  readonly target: ForeignKeyTarget
  readonly written: WrittenTables
  /** Most keys that are made or looked at side by side, if not less. */
  readonly workerNum: number
  readonly retry: RetryPolicy
  readonly signal: AbortSignal
  readonly onStep: (step: string) => void
}

interface MakingKeys extends KeysRequest {
  /** A statement that changes a table waits for those that read it, and the other way round. */
  readonly use: TableUse
  readonly places: IndexPlaces
  /** Says what is done about a key; null: nothing any more. */
  readonly show: (doing: string | null, key: ForeignKey) => void
}

/** Side by side. Never throws for a key: what failed is in its report, and the others go on. */
export async function makeForeignKeys(
  plan: ForeignKeyPlan,
  request: KeysRequest,
): Promise<ForeignKeyReport[]> {
  const { target, workerNum, onStep, written } = request
  const others = plan.others.filter((key) => isConcerned(key, written))
  const all = plan.make.length + plan.existing.length + others.length
  let done = 0
  const underWay = new Map<ForeignKey, string>()
  const tell = () => {
    // The first one: it has been at work for the longest time.
    const [first] = underWay
    const doing = first === undefined ? '' : ` · ${first[1]} ${titleOf(first[0])}`
    onStep(`keys: ${done} of ${all}${doing}`)
  }
  const making: MakingKeys = {
    ...request,
    use: new TableUse(),
    places: new IndexPlaces(target.withTable ? 1 : workerNum),
    show: (doing, key) => {
      if (doing === null) underWay.delete(key)
      else underWay.set(key, doing)
      tell()
    },
  }
  const counted = (work: Promise<ForeignKeyReport>) =>
    work.finally(() => {
      done++
      tell()
    })
  const outcomes = await Promise.all([
    ...plan.make.map((key) => counted(makeKey(plan, key, making))),
    ...[...plan.existing, ...others].map((key) => counted(checkExisting(key, making))),
  ])
  const made = plan.make.filter((_, i) => outcomes[i]!.status === 'made')
  const reports = [
    ...plan.left.map(({ key, reason }) => report(key, { status: 'not_made', reason })),
    ...outcomes,
  ]
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
    await atWork(making, key, 'adding', () => target.add(key, orphans.complete, signal))
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
    // A server may still have done what a run that was killed had asked for: such a key is searched as any that is there.
    const there = await keysOf(target, [key.table, key.parent]).catch(() => [])
    if (there.some((found) => isSameKey(found, key))) return checkExisting(key, making)
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

async function dropAgain(key: ForeignKey, making: MakingKeys): Promise<void> {
  const { target, signal } = making
  const found = (await keysOf(target, [key.table, key.parent])).find((known) => isSameKey(known, key))
  if (found) await atWork(making, key, 'dropping', () => target.drop(found, signal))
}

function search(key: ForeignKey, making: MakingKeys): Promise<Orphans> {
  return atWork(making, key, 'looking for orphans of', () => making.target.orphans(key, making.signal))
}

/** When both of its tables are free for that, and a connection is. */
function atWork<T>(
  { retry, signal, use, places, show }: MakingKeys,
  key: ForeignKey,
  doing: 'adding' | 'dropping' | 'looking for orphans of',
  work: () => Promise<T>,
): Promise<T> {
  const tables = [full(key.table, key.tableIn), full(key.parent, key.parentIn)]
  const begin = () => {
    show(doing, key)
    return work().finally(() => show(null, key))
  }
  const patiently = () =>
    retried(
      () => places.hold(begin, signal),
      (error, retries) => pauseAfter(error, retries, retry),
      signal,
    )
  return use.hold(tables, doing !== 'looking for orphans of', patiently)
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
