import { RowshiftError } from '../errors.js'
import type { Column, ColumnMapping, TableSchema } from '../plugin.js'
import type { ColumnEntry } from '../task/params.js'

export type ColumnPair = Pick<ColumnMapping, 'source' | 'target'>

export interface MappingResult {
  /** In target order. */
  readonly pairs: readonly ColumnPair[]
  /** Source columns that nobody chose to leave out and that no target column takes. */
  readonly dropped: readonly Column[]
}

/**
 * Says which source column feeds which target column: those of `columns`, or all by name, without regard to case.
 * Throws PARAMS_INVALID with every fault of `columns`, COLUMN_REQUIRED for a target column that must have a value.
 */
export function mapColumns(
  source: TableSchema,
  target: TableSchema,
  entries: readonly ColumnEntry[] | null,
): MappingResult {
  const listed = entries === null ? [] : listedPairs(source, target, entries)
  const byName = entries === null || entries.includes('*') ? pairsByName(source, target, listed) : none
  const pairs = [...listed, ...byName.pairs].sort(
    (a, b) => target.columns.indexOf(a.target) - target.columns.indexOf(b.target),
  )
  if (pairs.length === 0) throw nothingInCommon(source, target)
  const unfed = target.columns.filter(
    (column) =>
      !column.generated &&
      !column.nullable &&
      !column.hasDefault &&
      !pairs.some((pair) => pair.target === column),
  )
  if (unfed.length > 0) throw required(unfed, target)
  return { pairs, dropped: byName.dropped }
}

const none: MappingResult = { pairs: [], dropped: [] }

/** The columns that no entry names. */
function pairsByName(source: TableSchema, target: TableSchema, listed: readonly ColumnPair[]): MappingResult {
  const rest = source.columns.filter((column) => !listed.some((pair) => pair.source === column))
  const free = target.columns.filter((column) => !listed.some((pair) => pair.target === column))
  const pairs: ColumnPair[] = []
  const dropped: Column[] = []
  for (const column of rest) {
    const counterpart = find(free, column.name)
    if (counterpart && !counterpart.generated) pairs.push({ source: column, target: counterpart })
    else if (!column.generated) dropped.push(column)
  }
  return { pairs, dropped }
}

function listedPairs(
  source: TableSchema,
  target: TableSchema,
  entries: readonly ColumnEntry[],
): ColumnPair[] {
  const pairs: ColumnPair[] = []
  const faults: string[] = []
  for (const [i, entry] of entries.entries()) {
    if (entry === '*') continue
    const at = `params.columns[${i}]: `
    const from = find(source.columns, entry.from)
    const to = find(target.columns, entry.to)
    if (!from) faults.push(`${at}source ${source.table} has no column ${unknown(entry.from, source)}`)
    if (!to) faults.push(`${at}target ${target.table} has no column ${unknown(entry.to, target)}`)
    else if (to.generated) faults.push(`${at}${target.table}.${to.name} is generated and cannot be written`)
    else if (pairs.some((pair) => pair.target === to)) {
      faults.push(`${at}${target.table}.${to.name} is fed by another entry already`)
    }
    if (from && to) pairs.push({ source: from, target: to })
  }
  if (faults.length === 0) return pairs
  throw new RowshiftError('PARAMS_INVALID', `The params do not fit the tables:\n  ${faults.join('\n  ')}`, {
    faults,
  })
}

function find(columns: readonly Column[], name: string): Column | undefined {
  return columns.find((column) => column.name.toLowerCase() === name.toLowerCase())
}

function unknown(name: string, { columns }: TableSchema): string {
  return `${JSON.stringify(name)}; it has ${columns.map((column) => column.name).join(', ')}`
}

function required(unfed: readonly Column[], target: TableSchema): RowshiftError {
  const names = unfed.map(({ name }) => name)
  return new RowshiftError(
    'COLUMN_REQUIRED',
    `Target table ${target.table} has NOT NULL columns without a default that no source column feeds: ${names.join(', ')}. ` +
      'Give them a default, or add them to the source.',
    { table: target.table, columns: names },
  )
}

function nothingInCommon(source: TableSchema, target: TableSchema): RowshiftError {
  return new RowshiftError(
    'COLUMN_NOT_FOUND',
    `${source.table} and ${target.table} have no column name in common. Name the columns with "columns".`,
    { source: source.table, target: target.table },
  )
}
