import type { Column, CreateTableRequest, TableSchema } from '../../src/contract/plugin.js'
import { isPlainDefault, mappedTable } from '../../src/sql/mapped-table.js'
import { charsetOf } from './collations.js'
import type { TableDdl } from './ddl.js'
import { parseTable } from './ddl.js'
import { FAMILY } from './source-ddl.js'
import type { Dialect } from './server.js'
import { identifier, text } from './sql.js'
import type { Notes } from './translation.js'
import { mappedTypes } from './types.js'

/** Bytes compare as bytes in most other databases, and there a space at the end counts. */
const COLLATIONS = ['utf8mb4_0900_bin', 'utf8mb4_nopad_bin', 'utf8mb4_bin']

/** The table for rows of another family of databases. */
export function tableOfOthers(
  request: CreateTableRequest,
  dialect: Dialect,
  wide: readonly string[],
  notes: Notes,
): TableDdl {
  const { source, sourceDdl, ownTypes: declared = [] } = request
  const own = sourceDdl?.family === FAMILY
  const mapped = own ? ownTypes(source) : mappedTypes(source.columns, source.keys, wide)
  const typeOf = ({ name, type }: Column) => (declared.includes(name) ? type : mapped.get(name)!)
  // A table has one such column at most, and a key begins with it.
  const counted = source.columns.find(
    (column) =>
      sourceDdl?.numbered?.includes(column.name) &&
      /^(tiny|small|medium|big)?int/.test(typeOf(column)) &&
      source.keys.some(({ columns }) => columns[0] === column.name),
  )
  let next = ''
  const { lines, reasons } = mappedTable(request, {
    identifier,
    type: (column) => {
      const type = typeOf(column)
      const isDeclared = declared.includes(column.name)
      return `${type}${isDeclared ? declaredCollation(column) : ownCollation(column, type, dialect)}`
    },
    defaultValue: (column, value) => {
      if (!isPlainDefault(column, value)) return null
      return typeOf(column) === 'longtext' ? `(${text(value)})` : text(value)
    },
    numbering: (column, number) => {
      if (column !== counted) return null
      if (number !== undefined) next = ` AUTO_INCREMENT=${number}`
      return 'AUTO_INCREMENT'
    },
  })
  const collation = COLLATIONS.find((name) => dialect.collations.has(name)) ?? 'utf8mb4_bin'
  notes.addReason(
    `types by what the columns hold, text as ${collation}: the databases are of different families`,
  )
  if (wide.length > 0) {
    notes.addReason(
      `wider than declared, since they hold more or are too many rows to look at: ${wide.join(', ')}`,
    )
  }
  for (const reason of reasons) notes.addReason(reason)
  return parseTable(
    `CREATE TABLE t (${lines.join(', ')}) ENGINE=InnoDB${next} DEFAULT CHARSET=utf8mb4 COLLATE=${collation}`,
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
