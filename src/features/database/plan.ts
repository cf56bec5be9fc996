import { RowshiftError } from '../../contract/errors.js'
import type { Reader } from '../../contract/plugin.js'
import type { CopyRequest } from '../../engine/copy-request.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { withEndpoints } from '../../engine/open-endpoints.js'
import { stopped } from '../../engine/run-errors.js'
import type { Params } from '../../task/params.js'
import type { DatabaseRequest } from './request.js'
import { DeferredIndexes } from '../indexes/deferred-indexes.js'
import { checkDatabaseRequest, endsRequest } from './request.js'
import type { SchemaPlan } from './schema-plan.js'
import { whenPlanned } from './foreign-keys.js'
import { describeSelected } from './known-tables.js'
import { withoutCircles } from './parents-first.js'
import { planSchema } from './schema-plan.js'
import type { Expected } from './progress.js'
import type { SelectedTable, Selection } from './selection.js'
import { sameTarget, selectTables } from './selection.js'
import { isStillDone } from './still-done.js'
import { nameSyntaxes } from './table-naming.js'
import type { PlannedTable } from './table-plan.js'
import { planTable } from './table-plan.js'

/** Tables that runs make for themselves: nobody else's data. */
const OWN = /^rowshift_/

/** Connections that plan tables side by side, and for how many tables one is enough. */
const MOST_PLANNERS = 4
const TABLES_PER_PLANNER = 25

const SOME_SHOWN =
  'the user of the source has rights on single tables of its database, as far as the server says, and is shown no others: those are not copied'
const ALREADY_COPIED = 'copied already by the run that this one goes on with'

export interface DatabasePlan {
  /** In the order of their names. */
  readonly tables: readonly PlannedTable[]
  /** What is made beside them. */
  readonly schema: SchemaPlan
  readonly leftOut: Selection['leftOut']
  /** What there is to say of all tables together. */
  readonly warnings: readonly string[]
  /** Tables of the target that an earlier run has copied, with which this one goes on. */
  readonly doneBefore: readonly string[]
  /** Of `tables`, those whose rows it has copied, and not all of their indexes added: no row is copied. */
  readonly withoutIndexes: readonly PlannedTable[]
}

/** Plans the copy of every table, over one connection to each end; writes nothing. Throws USAGE where no table is left. */
export async function planDatabase(request: DatabaseRequest, signal: AbortSignal): Promise<DatabasePlan> {
  checkDatabaseRequest(request)
  const ends = endsRequest(request)
  return withEndpoints(ends, signal, async (endpoints) => {
    const names = await tablesListed(endpoints.readers[0]!, '--from')
    const seesAll = await seesAllTables(endpoints.readers[0]!)
    const own = names.filter(isOwnTable)
    const others = names.filter((name) => !isOwnTable(name))
    const { tables: selected, leftOut } = await withoutViews(endpoints.readers[0]!, () =>
      selectTables(others, request.selection, nameSyntaxes(request)),
    )
    const schema = await planSchema({ ...endpoints, ...request, selected })
    // What the target says of writing to a table depends on whether the session checks its foreign keys.
    const { session } = schema.foreignKeys
    const asCopied = { ...ends, to: { ...ends.to, session } }
    const planAll = (open: OpenEndpoints) => planTables(request, asCopied, selected, schema, open, signal)
    const tables = await (session.length === 0
      ? planAll(endpoints)
      : withEndpoints(asCopied, signal, planAll))
    refuseOneTarget(tables)
    const { kept, skipped } = withoutUnfit(tables, request)
    const { left, done, late } = await withoutDone(kept, request, endpoints, signal)
    const { tables: copied, warnings } =
      request.only === 'schema'
        ? { tables: left, warnings: [] }
        : withoutCircles(left, schema.foreignKeys, request.params)
    const foreignKeys = whenPlanned(schema.foreignKeys, madeAnew(tables, request.params))
    return {
      tables: late.length === 0 ? copied : byName([...copied, ...late]),
      withoutIndexes: late,
      schema: {
        ...schema,
        foreignKeys: { ...foreignKeys, warnings: [...foreignKeys.warnings, ...warnings] },
      },
      warnings: seesAll ? [] : [SOME_SHOWN],
      doneBefore: [...done, ...late].map(({ to }) => to),
      leftOut: [
        ...leftOut,
        ...skipped,
        ...done.map(({ from: table }) => ({ table, reason: ALREADY_COPIED })),
        ...own.map((table) => ({ table, reason: 'a table that rowshift made for itself' })),
      ],
    }
  })
}

/** Those that are dropped first; one that cannot be copied is not. */
export function madeAnew(tables: readonly PlannedTable[], { schemaSaveMode }: Params): ReadonlySet<string> {
  const anew = schemaSaveMode === 'recreate' ? tables.filter(({ plan }) => plan?.write.create != null) : []
  return new Set(anew.map(({ to }) => to))
}

/** Some servers do not say what a user may see (one that checks no privileges, a proxy); their tables are copied all the same. */
export async function seesAllTables({ skills }: Pick<Reader, 'skills'>): Promise<boolean> {
  return (await skills.seesAllTables?.().catch(() => true)) ?? true
}

/** A table that cannot be copied a second time gets an error. */
async function withoutDone(
  tables: readonly PlannedTable[],
  { doneBefore }: DatabaseRequest,
  endpoints: OpenEndpoints,
  signal: AbortSignal,
): Promise<Record<'left' | 'done' | 'late', readonly PlannedTable[]>> {
  const left: PlannedTable[] = []
  const late: PlannedTable[] = []
  const done: PlannedTable[] = []
  for (const table of tables) {
    if (signal.aborted) throw stopped(signal)
    const earlier = doneBefore?.(table) ?? null
    try {
      const isDone = earlier !== null && (await isStillDone(table, earlier, endpoints, signal))
      const lacksIndexes = isDone && (await DeferredIndexes.find(endpoints.writers, table.plan!.write)).any
      if (lacksIndexes) late.push(table)
      else if (isDone) done.push(table)
      else left.push(table)
    } catch (thrown) {
      left.push({ ...table, plan: null, error: RowshiftError.from(thrown) })
    }
  }
  return { left, done, late }
}

function byName(tables: readonly PlannedTable[]): readonly PlannedTable[] {
  return tables.toSorted((a, b) => (a.from < b.from ? -1 : 1))
}

/** In the order of `selected`. Every table takes some round trips, one after another: where there are many, other connections plan some of them. */
async function planTables(
  request: DatabaseRequest,
  ends: CopyRequest,
  selected: readonly SelectedTable[],
  { foreignKeys }: SchemaPlan,
  endpoints: OpenEndpoints,
  signal: AbortSignal,
): Promise<readonly PlannedTable[]> {
  const tables: PlannedTable[] = []
  const known = await describeSelected(endpoints, selected)
  let next = 0
  const planBy = async (open: OpenEndpoints) => {
    for (let i = next++; i < selected.length; i = next++) {
      if (signal.aborted) throw stopped(signal)
      tables[i] = await planTable(request, selected[i]!, { keys: foreignKeys, known }, open, signal)
    }
  }
  const others = Math.min(MOST_PLANNERS, Math.ceil(selected.length / TABLES_PER_PLANNER)) - 1
  // Where another one cannot be opened, the first one does its work.
  const opened = Array.from({ length: others }, () => withEndpoints(ends, signal, planBy).catch(() => {}))
  try {
    await planBy(endpoints)
  } finally {
    await Promise.all(opened)
  }
  return tables
}

/** Tables that the mode is not made for are left out where the others are to go on. Throws USAGE where no table is left. */
function withoutUnfit(
  tables: readonly PlannedTable[],
  { onTableError, params }: DatabaseRequest,
): { readonly kept: readonly PlannedTable[]; readonly skipped: Selection['leftOut'] } {
  if (onTableError === 'stop') return { kept: tables, skipped: [] }
  const unfit = tables.filter((table) => table.unfit)
  if (unfit.length === tables.length)
    throw new RowshiftError(
      'USAGE',
      `No table can be copied in mode "${params.mode}". ${unfit[0]!.from}: ${unfit[0]!.error!.message} Nothing was written.`,
    )
  const skipped = unfit.map(({ from: table, error }) => ({
    table,
    reason: `not possible in mode "${params.mode}": ${error!.message}`,
  }))
  return { kept: tables.filter((table) => !table.unfit), skipped }
}

/** Whether a run has made it for itself. */
export function isOwnTable(name: string): boolean {
  return OWN.test(name)
}

/** A name that is that of something else, which is not listed, gets an error that says so. */
export async function withoutViews<T>(reader: Reader, select: () => T): Promise<T> {
  try {
    return select()
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    const { table } = error.details
    if (error.code !== 'TABLE_NOT_FOUND' || typeof table !== 'string') throw error
    const isThere = await reader.describe(table).then(
      () => true,
      () => false,
    )
    if (!isThere) throw error
    const [what, wish] = isOwnTable(table)
      ? ['has a name as rowshift gives it to tables of its own (rowshift_…), which are left out', 'it']
      : ['is a view, a partition or the like: its rows are those of other tables', 'what it shows']
    throw new RowshiftError(
      'USAGE',
      `${table} ${what}. To copy ${wish}, name it alone: ?table=${table} in --from, and the table that takes it in --to. Nothing was written.`,
      { table },
    )
  }
}

/** Throws USAGE where the plugin cannot list tables. */
export async function tablesListed({ skills }: Reader, option: string): Promise<readonly string[]> {
  if (skills.tables !== undefined) return skills.tables()
  throw new RowshiftError(
    'USAGE',
    `The plugin of ${option} cannot list tables: add ?table=name to both URLs. Nothing was written.`,
  )
}

/**
 * Names that differ by case only are those of one table in some databases; two that are there are told apart by what they are. And one table may be
 * named with its schema and without.
 */
function refuseOneTarget(tables: readonly PlannedTable[]): void {
  const named = new Map<string, PlannedTable>()
  const identified = new Map<string, PlannedTable>()
  for (const table of tables) {
    const name = table.to.toLowerCase()
    const identity = table.plan?.write.table.identity
    const same = identity === undefined ? undefined : identified.get(identity)
    const other = same ?? named.get(name)
    if (other && mayBeOne(table, other))
      throw sameTarget(
        other.from,
        table.from,
        `be ${other.to} and ${table.to}, which may be one table of the target`,
      )
    named.set(name, table)
    if (identity !== undefined) identified.set(identity, table)
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

/** By statistics. */
export function expectedOf(table: PlannedTable): Expected {
  const rows = table.plan?.read.table.estimatedRows ?? null
  return { rows, bytes: table.plan === null ? 0 : expectedBytes(table) }
}

/** A table of which nobody knows how large it is may be the largest. */
export function largestFirst(a: PlannedTable, b: PlannedTable): number {
  const [one, other] = [expectedBytes(a) ?? Infinity, expectedBytes(b) ?? Infinity]
  return one === other ? 0 : other - one
}

/** How many splits are expected, at least; without a key it is one. */
export function expectedSplits({ plan }: PlannedTable): number {
  const { key, table, splitRows } = plan!.read
  return key === null ? 1 : Math.max(1, Math.ceil((table.estimatedRows ?? Infinity) / splitRows))
}
