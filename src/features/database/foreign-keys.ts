/** Foreign keys of the copy of a database: which are made when all rows are there, and which are looked after that the target has already. */
import type { ForeignKey, ForeignKeyTarget, Reader, Writer } from '../../contract/plugin.js'
import type { Params } from '../../task/params.js'
import type { SelectedTable } from './selection.js'

export interface ForeignKeyPlan {
  /** Under their names in the target. */
  readonly make: readonly PlannedKey[]
  /** Of the source, that are not made, and why. */
  readonly left: readonly LeftKey[]
  /** Of the target, of tables that are copied or that refer to one. */
  readonly existing: readonly ForeignKey[]
  /** Of the target, between tables that are dropped first. */
  readonly drop: readonly ForeignKey[]
  /** SQL after which the sessions that load rows do not check foreign keys. */
  readonly session: readonly string[]
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
  readonly params: Params
}

const nothing: ForeignKeyPlan = {
  make: [],
  left: [],
  existing: [],
  drop: [],
  session: [],
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
  const written = new Set(selected.map(({ to }) => to))
  const found = (await target.list()).filter(({ table, parent }) => written.has(table) || written.has(parent))
  const recreated = params.schemaSaveMode === 'recreate' ? written : new Set<string>()
  const goes = ({ table, parent }: ForeignKey) => recreated.has(table) && recreated.has(parent)
  const drop = target.withTable ? [] : found.filter((key) => goes(key) && key.name !== null)
  const existing = found.filter(({ table }) => !recreated.has(table))
  const sameFamily = reader.skills.foreignKeys?.family === target.family
  const chosen = await chooseKeys(request, wanted, { target, existing, recreated, sameFamily })
  const loaded = target.withTable ? [...existing, ...chosen.make] : existing
  const session = loaded.length === 0 ? [] : await target.unchecked(params.allowTriggers)
  const warnings =
    session === null
      ? [
          'foreign keys of the target are checked as rows come, in no order of parents and children: the user may not switch that off, or triggers would not run',
        ]
      : []
  return { ...chosen, existing, drop, session: session ?? [], warnings, sameFamily }
}

/** Those of the source, where tables are created. Runs that bring what is new leave the tables as they are. */
async function wantedKeys(reader: Reader, { schemaSaveMode, mode }: Params): Promise<readonly ForeignKey[]> {
  if (schemaSaveMode === 'error_when_not_exist' || mode !== 'init') return []
  return (await reader.skills.foreignKeys?.list()) ?? []
}

interface KeyTarget {
  readonly target: ForeignKeyTarget
  readonly existing: readonly ForeignKey[]
  readonly recreated: ReadonlySet<string>
  readonly sameFamily: boolean
}

async function chooseKeys(
  { reader, writer, selected }: KeyRequest,
  wanted: readonly ForeignKey[],
  { target, existing, recreated, sameFamily }: KeyTarget,
): Promise<Pick<ForeignKeyPlan, 'make' | 'left'>> {
  const names = new Map(selected.map(({ from, to }) => [from, to]))
  const there = new Set(wanted.length === 0 ? [] : await writer.skills.tables?.())
  const isUnique = uniqueKeys(reader)
  const taken = new Set(existing.map(({ name }) => name?.toLowerCase()))
  const make: PlannedKey[] = []
  const left: LeftKey[] = []
  for (const key of wanted) {
    const table = names.get(key.table)
    if (table === undefined) continue
    const parent = names.get(key.parent) ?? (there.has(key.parent) ? key.parent : undefined)
    const leave = (reason: string) => left.push({ key, reason })
    if (key.unsupported !== undefined) leave(key.unsupported)
    else if (parent === undefined) leave(`${key.parent} is neither copied nor in the target`)
    else if (existing.some((known) => isSameKey(known, { ...key, table, parent }))) continue
    else if (target.withTable && there.has(table) && !recreated.has(table))
      leave(`${table} is there, and the target gives foreign keys to new tables only`)
    else if (!sameFamily && !(await isUnique(key)))
      leave(`(${key.parentColumns.join(', ')}) is not a unique key of ${key.parent}`)
    else {
      const translated = await target.translate({ ...key, table, parent })
      if (typeof translated === 'string') leave(translated)
      else make.push(withStatement(target.uniqueNames ? withFreeName(translated, taken) : translated, target))
    }
  }
  return { make, left }
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

/** The server finds one for a key without. */
function withFreeName(key: ForeignKey, taken: Set<string | undefined>): ForeignKey {
  const name = key.name?.toLowerCase()
  if (name !== undefined && taken.has(name)) return { ...key, name: null }
  taken.add(name)
  return key
}

function withStatement(key: ForeignKey, target: ForeignKeyTarget): PlannedKey {
  return { ...key, statement: target.withTable ? null : target.statement(key) }
}

/** Whatever they are called and do. */
export function isSameKey(a: ForeignKey, b: ForeignKey): boolean {
  const text = ({ table, parent, columns, parentColumns }: ForeignKey) =>
    JSON.stringify([table, parent, columns.map((name, i) => JSON.stringify([name, parentColumns[i]])).sort()])
  return text(a) === text(b)
}
