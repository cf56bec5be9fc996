import type { GivenContent } from './given-table.js'
import { readGiven } from './given-table.js'
import { excerpt } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import type { Column } from '../../contract/plugin.js'
import type { LookupPlan } from '../../contract/computed-columns.js'
import { literalFacts } from '../../sql/literals.js'
import type { LookupMake } from './params.js'
import type { Planned } from './plan.js'
import { cannotBeEqual, findPlan } from './plan.js'

/** Longer lists of known values make a plan long, and few columns have so many members. */
const MOST_MEMBERS = 1_000

interface GivenLookup {
  readonly at: string
  readonly make: LookupMake
  readonly keys: readonly Column[]
  readonly name: string
}

/** A lookup in a table that the user gives: all of it is known now. Null after a fault. */
export function planGiven(
  { at, make, keys, name }: GivenLookup,
  faults: string[],
): Planned<LookupPlan> | null {
  const given = make.given!
  let content: GivenContent
  try {
    content = readGiven(given, make.preloadBytes)
  } catch (thrown) {
    if (!(thrown instanceof RowshiftError) || thrown.code !== 'PARAMS_INVALID') throw thrown
    faults.push(`${at}: ${thrown.message}`)
    return null
  }
  const table = given.type === 'file' ? given.path : `"rows" of ${at}`
  const { rows, digest } = content
  const before = faults.length
  const columns = make.key.map((key, i) =>
    textColumn(
      key,
      rows.some(({ cells }) => cells[i] === null),
    ),
  )
  keys.forEach((key, i) => {
    const unequal = cannotBeEqual(key, columns[i]!)
    if (unequal) faults.push(`${at}: ${key.name} cannot be looked up in ${table}: ${unequal}`)
  })
  faults.push(...doubles(content).map((fault) => `${at}: ${table} has two values for the key ${fault}`))
  if (faults.length > before) return null
  const values = rows.map(({ cells }) => cells.at(-1)!)
  const column = { ...valueOf(make, values), name, nullable: canBeNull(make, values, keys) }
  const schema = {
    table,
    identity: '',
    columns: [...columns, { ...column, name: make.value }],
    keys: [],
    estimatedRows: rows.length,
    estimatedRowBytes: null,
  }
  const how = {
    in: given.type === 'file' ? 'file' : 'params',
    tables: [findPlan(schema, schema.columns)],
    given: { table: given, digest },
    missing: make.missing,
    preloadBytes: make.preloadBytes,
  }
  return { column, how, warnings: [] }
}

/** Keys that have two values, each with where they stand. A key of which a part is NULL is none. */
function doubles({ rows }: GivenContent): string[] {
  const known = new Map<string, GivenContent['rows'][number]>()
  return rows.flatMap((row) => {
    const key = row.cells.slice(0, -1)
    if (key.includes(null)) return []
    const id = JSON.stringify(key)
    const other = known.get(id)
    if (other === undefined) known.set(id, row)
    if (other === undefined || other.cells.at(-1) === row.cells.at(-1)) return []
    const shown = key.map((part) => JSON.stringify(part)).join(', ')
    return [`${shown}: ${valueIn(other)} in ${other.at}, and ${valueIn(row)} in ${row.at}`]
  })
}

function valueIn({ cells }: GivenContent['rows'][number]): string {
  const value = cells.at(-1)!
  return excerpt(value === null ? null : Buffer.from(value))
}

/** Of the narrowest kind that holds all values, that of missing keys among them. */
function valueOf({ missing }: LookupMake, values: readonly (string | null)[]): Column {
  const other = missing.rule === 'value' ? [missing.value] : []
  const { kind, type, nullable, valueRange } = literalFacts([...values, ...other])
  const { members = [], ...rest } = valueRange
  const own = { name: '', hasDefault: false, generated: false, ordered: false }
  return { ...own, kind, type, nullable, valueRange: members.length > MOST_MEMBERS ? rest : valueRange }
}

function canBeNull(
  { missing }: LookupMake,
  values: readonly (string | null)[],
  keys: readonly Column[],
): boolean {
  const none = missing.rule === 'value' && missing.value === null
  return none || values.includes(null) || keys.some(({ nullable }) => nullable)
}

function textColumn(name: string, nullable: boolean): Column {
  const own = { hasDefault: false, generated: false, ordered: false }
  return { name, type: 'text', kind: 'text', nullable, valueRange: {}, ...own }
}
