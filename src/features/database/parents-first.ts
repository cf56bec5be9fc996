/** In which order tables are copied whose foreign keys the target checks as rows come. */
import { titleOf } from '../../contract/foreign-keys.js'
import { RowshiftError } from '../../contract/errors.js'
import type { ForeignKey } from '../../contract/plugin.js'
import type { ForeignKeyPlan } from './foreign-keys.js'
import type { PlannedTable } from './table-plan.js'

/** By the name of a table in the target: those of the run that its keys refer to, without itself. */
type Parents = ReadonlyMap<string, ReadonlySet<string>>

/** As the tables are given, but that each comes after its parents where the target checks keys. */
export class CopyOrder {
  readonly tables: readonly PlannedTable[]
  readonly #parents: Parents

  constructor(tables: readonly PlannedTable[], keys: ForeignKeyPlan) {
    this.#parents = parentsOf(tables, keys)
    this.tables = parentsFirst(tables, this.#parents)
  }

  /** Whether all of its parents have ended, however that was. */
  mayBegin({ to }: PlannedTable, ended: ReadonlyMap<PlannedTable, unknown>): boolean {
    const parents = this.#parents.get(to)
    return !parents || this.tables.every((table) => ended.has(table) || !parents.has(table.to))
  }
}

/** None where sessions do not check keys. */
function parentsOf(tables: readonly PlannedTable[], keys: ForeignKeyPlan): Parents {
  const names = new Set(tables.map(({ to }) => to))
  const parents = new Map<string, Set<string>>()
  for (const { table, parent } of checkedKeys(keys)) {
    if (table === parent || !names.has(table) || !names.has(parent)) continue
    parents.set(table, (parents.get(table) ?? new Set<string>()).add(parent))
  }
  return parents
}

/** Those in a circle, and what hangs on them, come last. */
function parentsFirst(tables: readonly PlannedTable[], parents: Parents): readonly PlannedTable[] {
  if (parents.size === 0) return tables
  const left = new Map(tables.map((table) => [table.to, table]))
  const ordered: PlannedTable[] = []
  for (;;) {
    const isFree = ({ to }: PlannedTable) => ![...(parents.get(to) ?? [])].some((name) => left.has(name))
    const next = [...left.values()].find(isFree)
    if (next === undefined) return [...ordered, ...left.values()]
    left.delete(next.to)
    ordered.push(next)
  }
}

/** Tables in a circle get an error that says so: in whatever order their rows come, some come before their parents. */
export function withoutCircles(
  tables: readonly PlannedTable[],
  keys: ForeignKeyPlan,
): readonly PlannedTable[] {
  const parents = parentsOf(tables, keys)
  return tables.map((table) => {
    const circle = table.plan === null ? null : circleOf(table.to, parents)
    return circle === null ? table : { ...table, plan: null, error: circular(table, circle, keys) }
  })
}

/** Keys whose tables are both in the connection's own database, or schema. */
function checkedKeys({ checked, existing }: ForeignKeyPlan): readonly ForeignKey[] {
  if (checked === null) return []
  return existing.filter(({ tableIn, parentIn }) => tableIn === undefined && parentIn === undefined)
}

/** The way from a table over its parents back to it; null: there is none. */
function circleOf(start: string, parents: Parents): readonly string[] | null {
  const ways: (readonly string[])[] = [[start]]
  const seen = new Set<string>()
  for (const way of ways)
    for (const parent of parents.get(way.at(-1)!) ?? []) {
      if (parent === start) return [...way, start]
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
