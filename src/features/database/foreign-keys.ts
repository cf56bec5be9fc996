/** Foreign keys of the copy of a database: which are made when all rows are there, and which are looked after that the target has already. */
import type { ForeignKey, ForeignKeyTarget, Reader, Writer } from '../../contract/plugin.js'
import { titleOf } from '../../contract/foreign-keys.js'
import type { Params } from '../../task/params.js'
import type { SelectedTable } from './selection.js'

export interface ForeignKeyPlan {
  /** Under their names in the target. */
  readonly make: readonly PlannedKey[]
  /** Of the source, that are not made, and why. */
  readonly left: readonly LeftKey[]
  /** Of the target, of tables that are copied or that refer to one, and stay. */
  readonly existing: readonly ForeignKey[]
  /** Of the target, of tables that are dropped, and made anew. */
  readonly gone: readonly PlannedKey[]
  /** All others of the target. */
  readonly others: readonly ForeignKey[]
  /** SQL after which the sessions that load rows do not check foreign keys. */
  readonly session: readonly string[]
  /** Why the sessions that load rows check foreign keys of the target, in words; null: they do not, or there are none. */
  readonly checked: string | null
  readonly warnings: readonly string[]
  /** Source and target are of one family: whatever the source has, the target can have. */
  readonly sameFamily: boolean
}

/** `statement` adds it, for people; null: it is made with its table. */
export type PlannedKey = ForeignKey & { readonly statement: string | null }

export interface LeftKey {
  readonly key: ForeignKey
  readonly reason: string
}

interface KeyRequest {
  readonly reader: Reader
  readonly writer: Writer
  readonly selected: readonly SelectedTable[]
  /** What the target calls a table of the source, also of those that are not copied. */
  readonly inTarget: (table: string) => string
  readonly params: Params
}

const nothing: ForeignKeyPlan = {
  make: [],
  left: [],
  existing: [],
  gone: [],
  others: [],
  session: [],
  checked: null,
  warnings: [],
  sameFamily: true,
}

/** Changes nothing. */
export async function planForeignKeys(request: KeyRequest): Promise<ForeignKeyPlan> {
  const { reader, writer, selected, params } = request
  const { foreignKeys: target } = writer.skills
  const wanted = await wantedKeys(reader, params)
  if (target === undefined)
    return {
      ...nothing,
      left: wanted.map((key) => ({ key, reason: 'the target’s plugin does not make foreign keys' })),
    }
  const names = selected.map(({ to }) => to)
  const written = new Set(names)
  const all = await keysOf(target, names)
  const recreates = params.mode === 'init' && params.schemaSaveMode === 'recreate'
  const recreated = recreates ? written : new Set<string>()
  const isGone = ({ table, tableIn }: ForeignKey) => tableIn === undefined && recreated.has(table)
  const found = all.filter((key) => refersTo(key, written))
  const gone = found.filter(isGone).map((key) => withStatement(key, target))
  const existing = found.filter((key) => !isGone(key))
  const others = all.filter((key) => !refersTo(key, written))
  const sameFamily = reader.skills.foreignKeys?.family === target.family
  const stay = [...existing, ...others]
  const chosen = await chooseKeys(request, wanted, { target, stay, recreated, sameFamily })
  const loaded = target.withTable ? [...existing, ...chosen.make] : existing
  const session = loaded.length === 0 ? [] : await target.unchecked(params.allowTriggers, names)
  const checked = typeof session === 'string' ? session : null
  const warnings = checked === null ? [] : warningsOf(existing, checked, written)
  const unchecked = typeof session === 'string' ? [] : session
  return { ...chosen, existing, gone, others, session: unchecked, checked, warnings, sameFamily }
}

/** Tables come in the order of their keys then; rows of one table do not. */
function warningsOf(
  existing: readonly ForeignKey[],
  checked: string,
  written: ReadonlySet<string>,
): string[] {
  const self = existing.filter(
    ({ table, parent, parentIn }) => table === parent && parentIn === undefined && written.has(table),
  )
  return [
    `foreign keys of the target are checked as rows come, so parents are copied before their children: ${checked}`,
    ...self.map(
      (key) =>
        `${titleOf(key)} refers to its own table, whose rows come in the order of its key: one that comes before its parent is refused`,
    ),
  ]
}

/** When the tables are planned. `anew`: those that are dropped; one that cannot be copied is not, and keeps its keys. */
export function whenPlanned(plan: ForeignKeyPlan, anew: ReadonlySet<string>): ForeignKeyPlan {
  const stay = plan.gone.filter(({ table }) => !anew.has(table))
  if (stay.length === 0) return plan
  return {
    ...plan,
    make: plan.make.filter((key) => !stay.some((known) => isSameKey(known, key))),
    existing: [...plan.existing, ...stay.map((key) => ({ ...key, statement: null }))],
    gone: plan.gone.filter(({ table }) => anew.has(table)),
  }
}

/** Those of the target. `names`: the tables of the run, as it calls them. */
export async function keysOf(
  target: ForeignKeyTarget,
  names: Iterable<string>,
): Promise<readonly ForeignKey[]> {
  const tables = [...names]
  const found = await target.list(tables)
  if (!(await target.ignoresCase?.())) return found
  const known = new Map(tables.map((name) => [name.toLowerCase(), name]))
  const own = (name: string, elsewhere: string | undefined) =>
    elsewhere === undefined ? (known.get(name.toLowerCase()) ?? name) : name
  return found.map((key) => ({
    ...key,
    table: own(key.table, key.tableIn),
    parent: own(key.parent, key.parentIn),
  }))
}

function refersTo({ table, tableIn, parent, parentIn }: ForeignKey, tables: ReadonlySet<string>): boolean {
  return (tableIn === undefined && tables.has(table)) || (parentIn === undefined && tables.has(parent))
}

/** Those of the source, where tables are created. Runs that bring what is new leave the tables as they are. */
async function wantedKeys(reader: Reader, { schemaSaveMode, mode }: Params): Promise<readonly ForeignKey[]> {
  if (schemaSaveMode === 'error_when_not_exist' || mode !== 'init') return []
  const found = (await reader.skills.foreignKeys?.list()) ?? []
  return found.filter(({ tableIn }) => tableIn === undefined)
}

interface KeyTarget {
  readonly target: ForeignKeyTarget
  /** What the target has, and keeps. */
  readonly stay: readonly ForeignKey[]
  readonly recreated: ReadonlySet<string>
  readonly sameFamily: boolean
}

async function chooseKeys(
  { reader, writer, selected, inTarget }: KeyRequest,
  wanted: readonly ForeignKey[],
  { target, stay, recreated, sameFamily }: KeyTarget,
): Promise<Pick<ForeignKeyPlan, 'make' | 'left'>> {
  const names = new Map(selected.map(({ from, to }) => [from, to]))
  const listed = wanted.length === 0 ? [] : ((await writer.skills.tables?.()) ?? [])
  const there = await namesThere(target, listed)
  const isUnique = uniqueKeys(reader)
  const known = new Set(stay.map(identityOf))
  const taken = new Set(stay.map(({ name }) => name?.toLowerCase()))
  const make: PlannedKey[] = []
  const left: LeftKey[] = []
  for (const key of wanted) {
    const table = names.get(key.table)
    if (table === undefined) continue
    const parent = names.get(key.parent) ?? there(inTarget(key.parent))
    const leave = (reason: string) => left.push({ key, reason })
    if (key.unsupported !== undefined) leave(key.unsupported)
    else if (parent === undefined) leave(`${key.parent} is neither copied nor in the target`)
    else if (known.has(identityOf({ ...key, table, parent }))) continue
    else if (target.withTable && there(table) !== undefined && !recreated.has(table))
      leave(`${table} is there, and the target gives foreign keys to new tables only`)
    else if (!sameFamily && !(await isUnique(key)))
      leave(`(${key.parentColumns.join(', ')}) is not a unique key of ${key.parent}`)
    else {
      const translated = await target.translate({ ...key, table, parent })
      if (typeof translated === 'string') leave(translated)
      else make.push(withStatement(await withFreeName(translated, taken, target), target))
    }
  }
  return { make, left }
}

/** What the target calls a table; undefined: it has none of that name. */
async function namesThere(
  target: ForeignKeyTarget,
  listed: readonly string[],
): Promise<(name: string) => string | undefined> {
  const folded = (await target.ignoresCase?.()) ? (name: string) => name.toLowerCase() : String
  const known = new Map(listed.map((name) => [folded(name), name]))
  return (name) => known.get(folded(name))
}

/** Some databases let a key refer to columns that are not unique. */
function uniqueKeys(reader: Reader): (key: ForeignKey) => Promise<boolean> {
  const known = new Map<string, Promise<readonly (readonly string[])[]>>()
  return async ({ parent, parentColumns }) => {
    const keys = known.get(parent) ?? reader.describe(parent).then((table) => table.keys.map(columnsOf))
    known.set(parent, keys)
    const wanted = [...parentColumns].sort().join('\0')
    return (await keys).some((columns) => [...columns].sort().join('\0') === wanted)
  }
}

function columnsOf({ columns }: { readonly columns: readonly string[] }): readonly string[] {
  return columns
}

/** For a key without a name, the plugin or the server finds one. */
async function withFreeName(
  key: ForeignKey,
  taken: Set<string | undefined>,
  target: ForeignKeyTarget,
): Promise<ForeignKey> {
  const name = key.name?.toLowerCase()
  if (!target.uniqueNames || name === undefined || !taken.has(name)) {
    taken.add(name)
    return key
  }
  const renamed = await target.translate({ ...key, name: null })
  return typeof renamed === 'string' ? { ...key, name: null } : renamed
}

function withStatement(key: ForeignKey, target: ForeignKeyTarget): PlannedKey {
  return { ...key, statement: target.withTable ? null : target.statement(key) }
}

export function isSameKey(a: ForeignKey, b: ForeignKey): boolean {
  return identityOf(a) === identityOf(b)
}

/** Whatever it is called and does. */
function identityOf({ table, tableIn, parent, parentIn, columns, parentColumns }: ForeignKey): string {
  const pairs = columns.map((name, i) => JSON.stringify([name, parentColumns[i]])).sort()
  return JSON.stringify([tableIn ?? null, table, parentIn ?? null, parent, pairs])
}
