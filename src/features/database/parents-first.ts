/** In which order tables are copied whose foreign keys the target checks as rows come. */
import { titleOf } from '../../contract/foreign-keys.js'
import { RowshiftError } from '../../contract/errors.js'
import type { ForeignKey } from '../../contract/plugin.js'
import type { ForeignKeyPlan } from './foreign-keys.js'
import type { PlannedTable } from './table-plan.js'
import type { Params } from '../../task/params.js'

/** A table, by its name in the target. */
type Named = Pick<PlannedTable, 'to'>

/** By the name of a table in the target: those of the run that its keys refer to, without itself. */
type Parents = ReadonlyMap<string, ReadonlySet<string>>

/** As the tables are given, but that each comes after its parents where the target checks keys. Those in a circle do not wait for each other. */
export class CopyOrder<Table extends Named> {
  readonly tables: readonly Table[]
  readonly #parents: Parents

  constructor(tables: readonly Table[], keys: ForeignKeyPlan) {
    this.#parents = withoutThoseOfCircles(parentsOf(tables, keys))
    this.tables = parentsFirst(tables, this.#parents)
  }

  /** Whether any table has to wait for another. */
  get matters(): boolean {
    return this.#parents.size > 0
  }

  /** Whether all of its parents have ended, however that was. */
  mayBegin({ to }: Table, ended: ReadonlyMap<Table, unknown>): boolean {
    const parents = this.#parents.get(to)
    return !parents || this.tables.every((table) => ended.has(table) || !parents.has(table.to))
  }
}

/** None where sessions do not check keys. */
function parentsOf(tables: readonly Named[], keys: ForeignKeyPlan): Parents {
  const names = new Set(tables.map(({ to }) => to))
  const parents = new Map<string, Set<string>>()
  for (const { table, parent } of checkedKeys(keys)) {
    if (table === parent || !names.has(table) || !names.has(parent)) continue
    parents.set(table, (parents.get(table) ?? new Set<string>()).add(parent))
  }
  return parents
}

function withoutThoseOfCircles(parents: Parents): Parents {
  const others = [...parents].map(([table, all]): [string, ReadonlySet<string>] => {
    const isOutside = (parent: string) => wayFrom(parent, table, parents) === null
    return [table, new Set([...all].filter(isOutside))]
  })
  return new Map(others.filter(([, all]) => all.size > 0))
}

/** There are no circles. */
function parentsFirst<Table extends Named>(tables: readonly Table[], parents: Parents): readonly Table[] {
  if (parents.size === 0) return tables
  const left = new Map(tables.map((table) => [table.to, table]))
  const ordered: Table[] = []
  for (;;) {
    const isFree = ({ to }: Table) => ![...(parents.get(to) ?? [])].some((name) => left.has(name))
    const next = [...left.values()].find(isFree)
    if (next === undefined) return ordered
    left.delete(next.to)
    ordered.push(next)
  }
}

interface Circles {
  readonly tables: readonly PlannedTable[]
  readonly warnings: readonly string[]
}

/**
 * In whatever order the rows of a circle come, some come before their parents. In a full copy into tables that are all empty, that is an error of
 * each of them; else their parents may be there from before, which only the rows show.
 */
export function withoutCircles(
  tables: readonly PlannedTable[],
  keys: ForeignKeyPlan,
  { mode }: Params,
): Circles {
  const parents = parentsOf(tables, keys)
  const filled = new Set(tables.flatMap(({ to, plan }) => (plan?.write.emptiedBy === undefined ? [] : [to])))
  const warned = new Map<string, string>()
  const kept = tables.map((table) => {
    const circle = table.plan === null ? null : wayFrom(table.to, table.to, parents)
    if (circle === null) return table
    if (mode === 'init' && !circle.some((name) => filled.has(name)))
      return { ...table, plan: null, error: circular(table, circle, keys) }
    const key = [...new Set(circle)].sort().join('\0')
    if (!warned.has(key))
      warned.set(
        key,
        `foreign keys refer to each other in a circle (${circle.join(' → ')}): a row that comes before its parent is refused`,
      )
    return table
  })
  return { tables: kept, warnings: [...warned.values()] }
}

/** Keys whose tables are both in the connection's own database, or schema. */
function checkedKeys({ checked, existing }: ForeignKeyPlan): readonly ForeignKey[] {
  if (checked === null) return []
  return existing.filter(({ tableIn, parentIn }) => tableIn === undefined && parentIn === undefined)
}

/** The way from a table over its parents to another, or back to itself; null: there is none. */
function wayFrom(start: string, end: string, parents: Parents): readonly string[] | null {
  const ways: (readonly string[])[] = [[start]]
  const seen = new Set<string>()
  for (const way of ways)
    for (const parent of parents.get(way.at(-1)!) ?? []) {
      if (parent === end) return [...way, end]
      if (seen.has(parent)) continue
      seen.add(parent)
      ways.push([...way, parent])
    }
  return null
}

function circular({ to }: PlannedTable, circle: readonly string[], keys: ForeignKeyPlan): RowshiftError {
  const own = checkedKeys(keys).filter(
    ({ table, parent }) => table !== parent && circle.includes(table) && circle.includes(parent),
  )
  return new RowshiftError(
    'KEYS_IN_CIRCLE',
    `Foreign keys refer to each other in a circle (${circle.join(' → ')}), and the target checks them as rows come (${keys.checked}): in no order of the tables is every parent there first. ` +
      `Copy as a user who may switch the checks off, or drop ${own.map(titleOf).join(', ')} first and make it again afterwards. Nothing was written to ${to}.`,
    { table: to },
  )
}
