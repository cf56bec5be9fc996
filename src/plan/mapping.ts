import { RowshiftError } from '../contract/errors.js'
import type { Column, ColumnMapping, Derivation, Origin, TableSchema } from '../contract/plugin.js'
import type { PipelineStep } from '../contract/computed-columns.js'
import { columnNamed, isAlike } from './column-names.js'
import { computedColumn, derive } from './derived.js'
import type { DescribedTables } from './described-tables.js'
import { producedColumn } from '../contract/pipeline.js'
import type { ColumnEntry, KeyPart, NamedEntry } from '../task/columns.js'
import { isProduced, takenColumns } from '../task/columns.js'
import type { Make } from '../task/make.js'

export type ColumnPair = Pick<ColumnMapping, 'source' | 'target' | 'computedBy'> & {
  /** A worker thread is to make the values. */
  readonly make?: Computation
}

/** How a worker thread is to make values. */
export interface Computation {
  /** Where the user asked for it: `params.columns[2]`. */
  readonly at: string
  /** What it is made of, if of anything: columns of the source, and what other entries make. */
  readonly keys: readonly (Column | { readonly as: string })[]
  /** What is done to the first of them. */
  readonly before: readonly PipelineStep[]
  /** null: that is all. */
  readonly how: Make | null
  /** What is done to looked-up values. */
  readonly after: readonly PipelineStep[]
  /** The name under which other entries take it; null: none does. */
  readonly as: string | null
}

export interface MappingResult {
  /** In target order. */
  readonly pairs: readonly ColumnPair[]
  /** What has a name for other entries, also where it goes to no column itself. */
  readonly values: readonly Computation[]
  /** Source columns that nobody chose to leave out and that no target column takes. */
  readonly dropped: readonly Column[]
  /** Columns of the same name on both ends that the target computes itself; only where all columns are mapped by name. */
  readonly generated: readonly ColumnPair[]
}

/**
 * Says what feeds which target column: the entries of `columns`, or all by name, without regard to case. What the entries
 * make of columns becomes derived columns of the source.
 * Throws PARAMS_INVALID with every fault of `columns`, COLUMN_REQUIRED for a target column that must have a value.
 */
export async function mapColumns(
  tables: Pick<DescribedTables, 'table' | 'each'>,
  target: TableSchema,
  entries: readonly ColumnEntry[] | null,
): Promise<MappingResult> {
  const source = tables.table
  const named = (entries ?? []).filter((entry) => entry !== '*')
  const { pairs: listed, values } = await listedPairs(tables, target, named)
  const byName = entries === null || entries.includes('*') ? pairsByName(source, target, named, listed) : none
  const pairs = [...listed, ...byName.pairs].sort(
    (a, b) => target.columns.indexOf(a.target) - target.columns.indexOf(b.target),
  )
  if (pairs.length === 0) throw nothingInCommon(source, target)
  requireFed(
    target,
    pairs.map((pair) => pair.target),
  )
  return { ...byName, pairs, values }
}

/** Throws COLUMN_REQUIRED when a column that must have a value is not among those that get one. */
export function requireFed(target: TableSchema, fed: readonly Column[]): void {
  const unfed = target.columns.filter(
    (column) => !column.generated && !column.nullable && !column.hasDefault && !fed.includes(column),
  )
  if (unfed.length > 0) throw required(unfed, target)
}

const none: Rest = { pairs: [], dropped: [], generated: [] }

type Rest = Omit<MappingResult, 'values'>

/** The columns that no entry names. */
function pairsByName(
  source: TableSchema,
  target: TableSchema,
  entries: readonly NamedEntry[],
  listed: readonly ColumnPair[],
): Rest {
  const taken = entries.flatMap(takenColumns).map((name) => columnNamed(source.columns, name))
  const rest = source.columns.filter((column) => !taken.includes(column))
  const free = target.columns.filter((column) => !listed.some((pair) => pair.target === column))
  const pairs: ColumnPair[] = []
  const dropped: Column[] = []
  const generated: ColumnPair[] = []
  for (const column of rest) {
    const counterpart = counterpartOf(column, rest, free)
    if (pairs.some((pair) => pair.target === counterpart))
      throw twoIntoOne(rest, counterpart!, source, target)
    if (counterpart) (counterpart.generated ? generated : pairs).push({ source: column, target: counterpart })
    if (!column.generated && counterpart?.generated !== false) dropped.push(column)
  }
  return { pairs, dropped, generated }
}

/** One that differs by case only belongs to the column of exactly its name, if there is one. */
function counterpartOf(column: Column, rest: readonly Column[], free: readonly Column[]): Column | undefined {
  const found = columnNamed(free, column.name)
  return found?.name === column.name || !rest.some(({ name }) => name === found?.name) ? found : undefined
}

async function listedPairs(
  tables: Pick<DescribedTables, 'table' | 'each'>,
  target: TableSchema,
  entries: readonly NamedEntry[],
): Promise<Pick<MappingResult, 'pairs' | 'values'>> {
  const source = tables.table
  const faults = [...targetFaults(target, entries), ...dropFaults(entries), ...nameFaults(entries)]
  const found = entries.map((entry) => {
    if (isComputed(entry, source, target)) return entry
    const missing = namesOf(entry).filter((name) => !columnNamed(source.columns, name))
    faults.push(
      ...missing.map((name) => `${entry.at}: source ${source.table} has no column ${unknown(name, source)}`),
    )
    return missing.length > 0 ? null : { ...entry, origin: exactly(entry.origin, source) }
  })
  const sound = found.filter(
    (entry) => entry !== null && (entry.to !== null || entry.as !== undefined),
  ) as NamedEntry[]
  const wanted = sound.filter(isDerived).map((entry) => derivation(entry, target))
  const derived = await derive(tables, wanted).catch((thrown: unknown) => {
    faults.push(...faultsOf(thrown))
    return []
  })
  if (faults.length > 0) throw invalid(faults)
  let next = 0
  const values: Computation[] = []
  const pairs = sound.flatMap((entry): ColumnPair[] => {
    const own = (entry.origin as { name: string } | null)?.name
    const read = isDerived(entry)
      ? derived[next++]!
      : own === undefined
        ? null
        : columnNamed(source.columns, own)!
    const making = computationOf(entry, read, source)
    if (making?.as != null) values.push(making)
    const to = entry.to === null ? undefined : columnNamed(target.columns, entry.to)!
    return to ? [{ source: read ?? producedColumn(to), target: to, ...(making && { make: making }) }] : []
  })
  return { pairs, values }
}

/** `read`: the column that its values are made of, if it is one. */
function computationOf(entry: NamedEntry, read: Column | null, source: TableSchema): Computation | null {
  if (!isProduced(entry)) return null
  const { at, keys, late = [], make, after = [], as = null } = entry
  const parts = keys?.map((key) => (typeof key === 'string' ? columnNamed(source.columns, key)! : key))
  return { at, keys: parts ?? (read === null ? [] : [read]), before: late, how: make, after, as }
}

/** Each name is of one value, and each value that is taken has one. */
function nameFaults(entries: readonly NamedEntry[]): string[] {
  const names = entries.flatMap(({ as }) => as ?? [])
  return entries.flatMap(({ at, as, to, keys = [] }, i) => {
    const other = entries.findIndex((entry) => entry.as === as)
    const taken = keys.flatMap((key) => (typeof key === 'string' || names.includes(key.as) ? [] : key.as))
    const unknown = taken.map(
      (name) =>
        `${at}: no entry has "as": ${JSON.stringify(name)}${names.length === 0 ? '' : `; there are ${names.join(', ')}`}`,
    )
    if (as !== undefined && to === null && !entries.some(({ keys = [] }) => takes(keys, as)))
      unknown.push(
        `${at}: nothing takes what is made "as": ${JSON.stringify(as)}; write it with "to", or name it in "from"`,
      )
    if (as === undefined || other === i) return unknown
    return [...unknown, `${at}: "as": ${JSON.stringify(as)} is the name of ${entries[other]!.at} already`]
  })
}

function takes(keys: readonly KeyPart[], name: string): boolean {
  return keys.some((key) => typeof key === 'object' && key.as === name)
}

function targetFaults(target: TableSchema, entries: readonly NamedEntry[]): string[] {
  const fed = new Set<Column>()
  return entries.flatMap(({ at, to }) => {
    if (to === null) return []
    const column = columnNamed(target.columns, to)
    if (!column) return [`${at}: target ${target.table} has no column ${unknown(to, target)}`]
    if (column.generated) return [`${at}: ${target.table}.${column.name} is generated and cannot be written`]
    if (fed.has(column)) return [`${at}: ${target.table}.${column.name} is fed by another entry already`]
    fed.add(column)
    return []
  })
}

function dropFaults(entries: readonly NamedEntry[]): string[] {
  const left = entries.filter(({ to, as }) => to === null && as === undefined)
  return left.flatMap(({ at, origin }) => {
    const [name] = namesOf({ origin })
    const other = entries.find(
      ({ to, origin }) => to !== null && origin?.type === 'column' && origin.name === name,
    )
    return other ? [`${at}: ${JSON.stringify(name)} is left out here, and copied by ${other.at}`] : []
  })
}

/** The values stand in a row file already, and what they were computed from need not. */
function isComputed(entry: NamedEntry, source: TableSchema, target: TableSchema): boolean {
  return entry.to !== null && isDerived(entry) && computedColumn(source, derivation(entry, target)) !== null
}

/** The source has to compute something. */
function isDerived({ origin, steps }: NamedEntry): boolean {
  return origin !== null && (origin.type !== 'column' || steps.length > 0)
}

function derivation({ at, origin: from, steps, to }: NamedEntry, target: TableSchema): Derivation {
  const origin = from!
  const encoding = columnNamed(target.columns, to!)?.valueRange.characters?.encoding
  const name = origin.type === 'column' ? origin.name : to!
  return { at, name, origin, ...(encoding === undefined ? {} : { encoding }), steps }
}

function faultsOf(thrown: unknown): readonly string[] {
  const faults =
    thrown instanceof RowshiftError && thrown.code === 'PARAMS_INVALID' && thrown.details['faults']
  if (Array.isArray(faults)) return faults as string[]
  throw thrown
}

function namesOf({ origin, keys }: Pick<NamedEntry, 'origin' | 'keys'>): readonly string[] {
  if (keys !== undefined) return keys.filter((key) => typeof key === 'string')
  if (origin === null) return []
  if (origin.type === 'column') return [origin.name]
  return origin.type === 'template'
    ? origin.parts.flatMap((part) => ('column' in part ? [part.column] : []))
    : []
}

/** The same with the names of columns as the table spells them. */
function exactly(origin: Origin | null, { columns }: TableSchema): Origin | null {
  if (origin === null) return null
  const spelled = (name: string) => columnNamed(columns, name)!.name
  if (origin.type === 'column') return { ...origin, name: spelled(origin.name) }
  if (origin.type !== 'template') return origin
  const parts = origin.parts.map((part) => ('column' in part ? { column: spelled(part.column) } : part))
  return { ...origin, parts }
}

function unknown(name: string, { columns }: TableSchema): string {
  return `${JSON.stringify(name)}; it has ${columns.map((column) => column.name).join(', ')}`
}

function invalid(faults: readonly string[]): RowshiftError {
  const message = `The params do not fit the tables:\n  ${faults.join('\n  ')}`
  return new RowshiftError('PARAMS_INVALID', message, { faults })
}

function required(unfed: readonly Column[], target: TableSchema): RowshiftError {
  const names = unfed.map(({ name }) => name)
  return new RowshiftError(
    'COLUMN_REQUIRED',
    `Target table ${target.table} has NOT NULL columns without a default that nothing feeds: ${names.join(', ')}. ` +
      'Give them a default, add them to the source, or name what goes into them in "columns".',
    { table: target.table, columns: names },
  )
}

function twoIntoOne(
  columns: readonly Column[],
  { name }: Column,
  source: TableSchema,
  target: TableSchema,
): RowshiftError {
  const names = columns.filter((column) => isAlike(column, name)).map((column) => column.name)
  return new RowshiftError(
    'PARAMS_INVALID',
    `${names.join(' and ')} of ${source.table} would both go into ${name} of ${target.table}. Say which one does with "columns".`,
    { table: target.table },
  )
}

function nothingInCommon(source: TableSchema, target: TableSchema): RowshiftError {
  return new RowshiftError(
    'COLUMN_NOT_FOUND',
    `${source.table} and ${target.table} have no column name in common. Name the columns with "columns".`,
    { source: source.table, target: target.table },
  )
}
