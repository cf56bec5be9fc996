import { isFormed } from '../batch/cell-forms.js'
import { BATCH_BYTES } from './limits.js'
import type { Column, LookupPlan, ReadPlan, TableSchema } from '../plugin.js'
import type { LookupMake } from '../task/make.js'
import type { Places } from './places.js'

/** What a made column is like, and how it is made. */
export interface Planned<T> {
  readonly column: Column
  readonly how: T
  readonly warnings: readonly string[]
}

/** `at` is where the user asked for it; `key` the column whose values are looked up. Null after a fault. */
export async function planLookup(
  { at, make, key, to }: { at: string; make: LookupMake; key: Column; to: Column },
  places: Places,
  faults: string[],
): Promise<Planned<LookupPlan> | null> {
  const place = places.place(make.in)
  if (!place.reader.find) {
    faults.push(`${at}: nothing can be looked up in ${place.name}, whose plugin finds no rows by their keys`)
    return null
  }
  const reader = await place.open()
  const tables: ReadPlan[] = []
  for (const name of make.tables) {
    const table = await reader.describe(name)
    const found = [make.key, make.value].map((wanted) => columnOf(table, wanted))
    found.forEach((column, i) => {
      if (!column) faults.push(`${at}: ${unknownColumn([make.key, make.value][i]!, table)}`)
    })
    const [keyColumn, value] = found
    if (!keyColumn || !value) continue
    const unequal = cannotBeEqual(key, keyColumn)
    if (unequal)
      faults.push(`${at}: ${key.name} cannot be looked up in ${table.table}.${keyColumn.name}: ${unequal}`)
    tables.push(findPlan(table, keyColumn, value))
  }
  const values = tables.map(({ columns }) => columns[1]!.source)
  if (values.some(({ kind }) => kind !== values[0]!.kind))
    faults.push(`${at}: ${make.value} is not of one kind in ${make.tables.join(', ')}`)
  if (tables.length < make.tables.length) return null
  const { missing } = make
  const { kind } = values[0]!
  if (missing.rule === 'value' && missing.value !== null && !isFormed({ kind, domain: {} }, missing.value))
    faults.push(
      `${at}: the value of "missing" is ${JSON.stringify(missing.value)}, and ${make.value} is ${kind}`,
    )
  return {
    column: valueColumn(values, make, key, to),
    how: { in: place.name, tables, missing: make.missing, preloadBytes: make.preloadBytes },
    warnings: indexWarnings(tables, make.key),
  }
}

/** How rows are found by the first column. */
export function findPlan(source: TableSchema, key: Column, value: Column): ReadPlan {
  return {
    source,
    columns: [{ source: key }, { source: value }],
    key: null,
    splitRows: 1,
    batch: { bytes: BATCH_BYTES, rows: Number.MAX_SAFE_INTEGER },
    where: null,
    window: null,
  }
}

export function columnOf({ columns }: TableSchema, name: string): Column | undefined {
  return columns.find((column) => column.name.toLowerCase() === name.toLowerCase())
}

export function unknownColumn(name: string, { table, columns }: TableSchema): string {
  return `${table} has no column ${JSON.stringify(name)}; it has ${columns.map((column) => column.name).join(', ')}`
}

/** Why no two values of the columns have the same bytes, or the same value may have others; null: they can be compared. */
export function cannotBeEqual(a: Column, b: Column): string | null {
  for (const { name, kind, domain } of [a, b]) {
    if (!['integer', 'text', 'bytes'].includes(kind) || domain.maxBits !== undefined)
      return `keys are integers, texts or bytes, and ${name} is ${kind === 'bytes' ? 'bits' : kind}`
  }
  if ((a.kind === 'bytes') !== (b.kind === 'bytes')) return `one is ${a.kind}, the other ${b.kind}`
  const padded = [a, b].find(({ kind, domain }) => kind === 'integer' && domain.maxChars !== undefined)
  return padded ? `${padded.name} (${padded.type}) is written with zeros in front` : null
}

/** What the looked-up values are like. Of a value for missing keys nothing is known but that the user wrote it. */
function valueColumn(values: readonly Column[], { missing }: LookupMake, key: Column, to: Column): Column {
  const [first] = values
  const nulls = missing.rule === 'value' && missing.value === null
  const uncertain = values.length > 1 || (missing.rule === 'value' && !nulls)
  return {
    ...first!,
    name: to.name,
    nullable: key.nullable || nulls || values.some(({ nullable }) => nullable),
    hasDefault: false,
    generated: false,
    ordered: false,
    domain: uncertain ? { dynamic: true } : first!.domain,
  }
}

function indexWarnings(tables: readonly ReadPlan[], key: string): string[] {
  const without = tables.filter(({ source, columns }) => {
    const { name } = columns[0]!.source
    return !source.keys.some(({ columns: [first] }) => first === name)
  })
  if (without.length === 0) return []
  const names = without.map(({ source }) => source.table).join(', ')
  return [
    `lookup table ${names} has no unique key that begins with ${key}: a key with two values ends the run, and without an index on it a table that does not fit into memory is searched from end to end for every batch`,
  ]
}
