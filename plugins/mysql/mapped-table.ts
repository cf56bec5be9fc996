import type { Column, DesignRequest, TableSchema } from '../../src/contract/plugin.js'
import { charsetOf } from './collations.js'
import type { TableDdl } from './ddl.js'
import { parseTable } from './ddl.js'
import { FAMILY } from './definition.js'
import type { Dialect } from './server.js'
import { identifier, text } from './sql.js'
import type { Notes } from './translation.js'
import { mappedTypes } from './types.js'

/** Bytes compare as bytes in most other databases, and there a space at the end counts. */
const COLLATIONS = ['utf8mb4_0900_bin', 'utf8mb4_nopad_bin', 'utf8mb4_bin']

const SHAPES: Partial<Readonly<Record<Column['kind'], RegExp>>> = {
  integer: /^-?\d+$/,
  boolean: /^[01]$/,
  decimal: /^-?\d+(\.\d+)?$/,
  float: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i,
  date: /^\d{4}-\d\d-\d\d$/,
  datetime: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
  text: /^/,
}

/** The table for rows of another family of databases: mapped types, NOT NULL, unique keys and plain defaults. */
export function mappedTable(
  { source, definition, ownTypes: declared = [] }: DesignRequest,
  dialect: Dialect,
  wide: readonly string[],
  notes: Notes,
): TableDdl {
  const own = definition?.family === FAMILY
  const mapped = own ? ownTypes(source) : mappedTypes(source.columns, source.keys, wide)
  const primary = source.keys.find((key) => key.primary && !key.nullable)
  const defaults = definition?.defaults ?? {}
  const lines = source.columns.map((column) => {
    const kept = declared.includes(column.name)
    const type = kept ? column.type : mapped.get(column.name)!
    const collation = kept ? declaredCollation(column) : ownCollation(column, type, dialect)
    const value = defaultOf(column, type, defaults[column.name], notes)
    if (column.generated)
      notes.because(`column ${column.name} is computed in the source: its values are copied`)
    return `${identifier(column.name)} ${type}${collation}${column.nullable ? ' NULL' : ' NOT NULL'}${value}`
  })
  for (const key of source.keys) {
    const columns = key.columns.map(identifier).join(',')
    lines.push(key === primary ? `PRIMARY KEY (${columns})` : `UNIQUE KEY (${columns})`)
  }
  const collation = COLLATIONS.find((name) => dialect.collations.has(name)) ?? 'utf8mb4_bin'
  notes.because(
    `types by what the columns hold, text as ${collation}: the databases are of different families`,
  )
  if (wide.length > 0) {
    notes.because(
      `wider than declared, since they hold more or are too many rows to look at: ${wide.join(', ')}`,
    )
  }
  const extras = definition?.extras ?? []
  if (extras.length > 0) notes.because(`left out: ${extras.join(', ')}`)
  return parseTable(
    `CREATE TABLE t (${lines.join(', ')}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=${collation}`,
  )
}

/** A binary one that this server has: so that the columns can be joined. Others would take different values for equal. */
function ownCollation({ collation }: Column, type: string, dialect: Dialect): string {
  if (collation === undefined || !collation.endsWith('_bin') || !dialect.collations.has(collation)) return ''
  return /char|text/i.test(type) ? ` COLLATE ${collation}` : ''
}

function declaredCollation(column: Column): string {
  return column.collation === undefined
    ? ''
    : ` CHARACTER SET ${charsetOf(column.collation)} COLLATE ${column.collation}`
}

function ownTypes({ columns }: TableSchema): ReadonlyMap<string, string> {
  return new Map(columns.map(({ name, type }) => [name, type]))
}

function defaultOf(column: Column, type: string, value: string | undefined, notes: Notes): string {
  if (value === undefined) return ''
  if (!SHAPES[column.kind]?.test(value)) {
    notes.because(`the default of ${column.name} is left out`)
    return ''
  }
  return type === 'longtext' ? ` DEFAULT (${text(value)})` : ` DEFAULT ${text(value)}`
}
