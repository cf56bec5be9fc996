import type { CreateTableRequest } from '../contract/create-table.js'
import { ofColumn } from '../contract/create-table.js'
import type { Column } from '../contract/table-schema.js'

/** How a database declares columns whose values come from another family of databases. */
export interface MappedColumns {
  identifier(name: string): string
  /** Its type, with whatever belongs to that. */
  type(column: Column): string
  /** A default of the source as SQL; null: as a default of this column it would mean something else. */
  defaultValue(column: Column, value: string): string | null
  /**
   * What makes the database number a column by itself, as SQL that follows the type; null: it cannot number this one. `next`: the number that comes
   * next in the source, where that is known and the column can hold it.
   */
  numbering(column: Column, next: string | undefined): string | null
}

/** The lines between the brackets of CREATE TABLE: mapped types, NOT NULL, plain defaults and unique keys. */
export function mappedTable(
  { source, sourceDdl, foreignKeys }: CreateTableRequest,
  sql: MappedColumns,
): { readonly lines: readonly string[]; readonly reasons: readonly string[] } {
  const reasons: string[] = []
  const defaultOf = (column: Column) => {
    const given = ofColumn(sourceDdl?.defaults, column.name)
    const value = given === undefined ? null : sql.defaultValue(column, given)
    if (given !== undefined && value === null) reasons.push(`the default of ${column.name} is left out`)
    return value === null ? '' : ` DEFAULT ${value}`
  }
  const numberingOf = (column: Column) => {
    if (!sourceDdl?.numbered?.includes(column.name)) return ''
    const numbering = column.nullable ? null : sql.numbering(column, nextOf(column, sourceDdl))
    if (numbering === null) reasons.push(`the numbering of ${column.name} is left out`)
    return numbering ? ` ${numbering}` : ''
  }
  const columns = source.columns.map((column) => {
    if (column.generated)
      reasons.push(`column ${column.name} is computed in the source: its values are copied`)
    const nullable = column.nullable ? 'NULL' : 'NOT NULL'
    return `${sql.identifier(column.name)} ${sql.type(column)} ${nullable}${defaultOf(column)}${numberingOf(column)}`
  })
  const primary = source.keys.find((key) => key.primary && !key.nullable)
  const keys = source.keys.map(
    (key) =>
      `${key === primary ? 'PRIMARY KEY' : 'UNIQUE'} (${key.columns.map((name) => sql.identifier(name)).join(', ')})`,
  )
  const keysToo = foreignKeys === undefined ? (sourceDdl?.foreignKeys ?? []) : []
  const extras = [...(sourceDdl?.extras ?? []), ...keysToo]
  if (extras.length > 0) reasons.push(`left out: ${extras.join(', ')}`)
  return { lines: [...columns, ...keys], reasons }
}

function nextOf(
  { name, valueRange }: Column,
  sourceDdl: CreateTableRequest['sourceDdl'],
): string | undefined {
  const next = ofColumn(sourceDdl?.next, name)
  if (next === undefined || !/^\d+$/.test(next)) return undefined
  return valueRange.max !== undefined && BigInt(next) > BigInt(valueRange.max) ? undefined : next
}

const DEFAULTS: Partial<Readonly<Record<Column['kind'], RegExp>>> = {
  integer: /^-?\d+$/,
  boolean: /^[01]$/,
  decimal: /^-?\d+(\.\d+)?$/,
  float: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i,
  date: /^\d{4}-\d\d-\d\d$/,
  datetime: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
  text: /^/,
}

/** Whether a default is written as a value of its column is, so that as a string it means the same everywhere. */
export function isPlainDefault({ kind }: Column, value: string): boolean {
  return DEFAULTS[kind]?.test(value) ?? false
}

/** `(10, 2)` of a type. */
export function sizesOf(type: string): number[] {
  const [, first, second] = /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(type) ?? []
  return [first, second].filter((digits) => digits !== undefined).map(Number)
}
