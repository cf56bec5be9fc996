import { isWellFormed } from '../../wire/cell-syntax.js'
import { columnNamed } from '../../plan/column-names.js'
import { BATCH_BYTES } from '../../plan/limits.js'
import type { Column, ReadSpec, TableSchema } from '../../contract/plugin.js'
import type { LookupPlan } from '../../contract/computed-columns.js'
import type { LookupMake } from './params.js'
import type { NamedConnections } from '../../plan/named-connections.js'

/** What a made column is like, and how it is made. */
export interface Planned<T> {
  readonly column: Column
  readonly how: T
  readonly warnings: readonly string[]
}

export interface LookupRequest {
  /** Where the user asked for it. */
  readonly at: string
  readonly make: LookupMake
  /** The columns whose values are looked up together. */
  readonly keys: readonly Column[]
  readonly name: string
  /** Id maps that do not exist yet, because a repair creates them first. */
  readonly created: readonly TableSchema[]
}

/** Null after a fault. */
export async function planLookup(
  { at, make, keys, name, created }: LookupRequest,
  connections: NamedConnections,
  faults: string[],
): Promise<Planned<LookupPlan> | null> {
  const connection = connections.connection(make.in)
  if (!connection.reader.skills.find) {
    faults.push(
      `${at}: nothing can be looked up in ${connection.name}, whose plugin finds no rows by their keys`,
    )
    return null
  }
  const reader = await connection.open()
  const tables: ReadSpec[] = []
  for (const each of make.tables) {
    const table = created.find((map) => map.table === each) ?? (await reader.describe(each))
    const wanted = [...make.key, make.value]
    const found = wanted.flatMap((name) => columnOf(table, name) ?? [])
    if (found.length < wanted.length) {
      const unknown = wanted.filter((name) => !columnOf(table, name))
      faults.push(...unknown.map((name) => `${at}: ${unknownColumn(name, table)}`))
      continue
    }
    keys.forEach((key, i) => {
      const unequal = cannotBeEqual(key, found[i]!)
      if (unequal)
        faults.push(`${at}: ${key.name} cannot be looked up in ${table.table}.${found[i]!.name}: ${unequal}`)
    })
    tables.push(findPlan(table, found))
  }
  const values = tables.map(({ columns }) => columns.at(-1)!)
  if (values.some(({ kind }) => kind !== values[0]!.kind))
    faults.push(`${at}: ${make.value} is not of one kind in ${make.tables.join(', ')}`)
  if (tables.length < make.tables.length) return null
  const missing =
    make.missing.rule === 'no id' && created.some(({ table }) => table === make.tables[0])
      ? { ...make.missing, created: true }
      : make.missing
  const { kind } = values[0]!
  const formed = { kind, valueRange: { nonFinite: 'none' } } as const
  if (missing.rule === 'value' && missing.value !== null && !isWellFormed(formed, missing.value))
    faults.push(
      `${at}: the value of "missing" is ${JSON.stringify(missing.value)}, and ${make.value} is ${kind}`,
    )
  return {
    column: { ...valueColumn(values, make, keys), name },
    how: { in: connection.name, tables, missing, preloadBytes: make.preloadBytes },
    warnings: indexWarnings(tables, make.key),
  }
}

/** How rows are found by all columns but the last one, which is the value. */
export function findPlan(table: TableSchema, columns: readonly Column[]): ReadSpec {
  return {
    table,
    columns,
    key: null,
    splitRows: 1,
    batch: { bytes: BATCH_BYTES, rows: Number.MAX_SAFE_INTEGER },
    where: null,
    window: null,
  }
}

export function columnOf({ columns }: TableSchema, name: string): Column | undefined {
  return columnNamed(columns, name)
}

export function unknownColumn(name: string, { table, columns }: TableSchema): string {
  return `${table} has no column ${JSON.stringify(name)}; it has ${columns.map((column) => column.name).join(', ')}`
}

/** Why no two values of the columns have the same bytes, or the same value may have others; null: they can be compared. */
export function cannotBeEqual(a: Column, b: Column): string | null {
  for (const { name, kind, valueRange } of [a, b]) {
    if (!['integer', 'text', 'bytes'].includes(kind) || valueRange.maxBits !== undefined)
      return `keys are integers, texts or bytes, and ${name} is ${kind === 'bytes' ? 'bits' : kind}`
  }
  if ((a.kind === 'bytes') !== (b.kind === 'bytes')) return `one is ${a.kind}, the other ${b.kind}`
  const padded = [a, b].find(
    ({ kind, valueRange }) => kind === 'integer' && valueRange.maxChars !== undefined,
  )
  return padded ? `${padded.name} (${padded.type}) is written with zeros in front` : null
}

/** What the looked-up values are like. Of a value for missing keys nothing is known but that the user wrote it. */
function valueColumn(values: readonly Column[], { missing }: LookupMake, keys: readonly Column[]): Column {
  const [first] = values
  const nulls = missing.rule === 'value' && missing.value === null
  const uncertain = values.length > 1 || (missing.rule === 'value' && !nulls)
  return {
    ...first!,
    nullable: nulls || [...keys, ...values].some(({ nullable }) => nullable),
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange: uncertain ? { dynamic: true } : first!.valueRange,
  }
}

function indexWarnings(tables: readonly ReadSpec[], key: readonly string[]): string[] {
  const without = tables.filter(({ table, columns }) => {
    const names = columns.slice(0, -1).map(({ name }) => name)
    return !table.keys.some(({ columns: [first] }) => names.includes(first!))
  })
  if (without.length === 0) return []
  const names = without.map(({ table }) => table.table).join(', ')
  return [
    `lookup table ${names} has no unique key that begins with ${key.join(' or ')}: a key with two values ends the run, and without an index on it a table that does not fit into memory is searched from end to end for every batch`,
  ]
}
