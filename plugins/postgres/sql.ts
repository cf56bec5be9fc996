import type { Column } from '../../src/contract/plugin.js'
import { parseTableName, RowshiftError } from '../../src/contract/plugin.js'
import { checkedValue } from '../../src/sql/range.js'

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

/** Whether the server may cut it: as it is usually built, names have 63 bytes. It counts in its own encoding, which is asked only then. */
export function isLong(name: string): boolean {
  return Buffer.byteLength(name) > 63
}

/** The SQL of a table's number in the catalogs; NULL where there is no such table. */
export function tableId(table: string): string {
  return `to_regclass(${text(tableSql(table))})`
}

/** What stands for a column's values in SQL: its name, or what it is derived by. */
export function expressionOf({ name, sql, readAs }: Column): string {
  return sql ?? readAs ?? identifier(name)
}

/** Bytes, of their hexadecimal digits. Throws DATA_REJECTED for others. */
export function hexLiteral(column: Column, value: string): string {
  return `'\\x${checkedValue(column, value, /^([0-9a-f]{2})*$/i.test(value))}'`
}

const NUMBER = /^(-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|-?Infinity)$/

/** The literal of a value as `cellText` or `keyCell` gives it. In quotes it is of the type of what it is compared with. */
export function literal(column: Column, value: string): string {
  switch (column.kind) {
    case 'bytes':
      return hexLiteral(column, value)
    case 'integer':
    case 'decimal':
    case 'float':
      return `'${checkedValue(column, value, NUMBER.test(value))}'`
    case 'instant':
      // Without an offset it would be a moment in the zone of the session.
      return text(value.replace(/^(\d+-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d+)?)?)( BC)?$/, '$1+00$2'))
    default:
      return text(value)
  }
}
