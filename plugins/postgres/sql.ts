import { parseTableName, RowshiftError } from '../../src/contract/plugin.js'

/** A quoted identifier; any name is possible. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string literal, for sessions with standard_conforming_strings. No text of this database has a NUL. */
export function text(value: string): string {
  if (!value.includes('\0')) return `'${value.replaceAll("'", "''")}'`
  throw new RowshiftError(
    'DATA_REJECTED',
    `${JSON.stringify(value.slice(0, 60))} holds a NUL character, which PostgreSQL does not store`,
  )
}

/** A table, by its name as users write it, quoted. */
export function tableSql(table: string): string {
  const { schema, name } = parseTableName(table)
  return schema === undefined ? identifier(name) : `${identifier(schema)}.${identifier(name)}`
}

/** The SQL of a table's number in the catalogs; NULL where there is no such table. */
export function tableId(table: string): string {
  return `to_regclass(${text(tableSql(table))})`
}
