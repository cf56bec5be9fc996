import type { Column, ColumnMapping, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { bindingOf } from './binds.js'
import type { TextEncoding } from './cells.js'
import { cellOf, decodeText } from './cells.js'
import type { SqliteValue } from './driver.js'
import { asBuffer } from './driver.js'
import { sqliteCode, sqliteError } from './errors.js'
import { expressionOf, quoteName } from './names.js'
import { fitsInt64, numberLiteral } from './numbers.js'

const EXCERPT = 60

export function sqliteDialect(encoding: TextEncoding): SqlDialect {
  return {
    identifier: quoteName,
    table: quoteName,
    text: (value) => textLiteral(value, encoding),
    literal: (column, value) => literal(column, value, encoding),
    expression: expressionOf,
    cell: (column) => cellOf(column, encoding).sql,
    excerpt: (sql) =>
      `CASE typeof(${sql}) WHEN 'blob' THEN 'x''' || lower(substr(hex(${sql}), 1, ${EXCERPT})) || '''' ` +
      `ELSE substr(CAST(${sql} AS TEXT), 1, ${EXCERPT}) END`,
    source: ({ table }) => quoteName(table.table),
    cellText: ({ name, kind }) => (kind === 'bytes' ? quoteName(name) : `CAST(${quoteName(name)} AS TEXT)`),
    isInteger: (sql) => `typeof(${sql}) = 'integer'`,
    keyCell,
    keyValue: (column, cell, table) => keyValue(column, cell, table, encoding),
    lookupLiteral: (column, cell) => lookupLiteral(column, cell, encoding),
    lookupList: (columns, keys) =>
      `(${columns.join(',')}) IN (VALUES ${keys.map((key) => `(${key.join(',')})`).join(',')})`,
    failsByValue: (thrown) => sqliteCode(thrown) === 'SQLITE_ERROR',
    // An upsert runs those for updates too, and a replaced row may run those for deletes.
    writeTriggers: (table) =>
      `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ${textLiteral(table, encoding)} COLLATE NOCASE`,
    deletingKeys: (table) =>
      `SELECT 'a foreign key of ' || name || ' (ON DELETE ' || on_delete || ')' FROM sqlite_schema, pragma_foreign_key_list(name)
       WHERE type = 'table' AND "table" = ${textLiteral(table, encoding)} COLLATE NOCASE AND on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
         AND (SELECT foreign_keys FROM pragma_foreign_keys)`,
    parentTables: (table) =>
      `SELECT DISTINCT "table" FROM pragma_foreign_key_list(${textLiteral(table, encoding)}) WHERE (SELECT foreign_keys FROM pragma_foreign_keys)`,
    emptyTable: 'DELETE FROM',
    sameValue: (mapping, cell) => sameValue(mapping, cell, encoding),
    now: () => 'CURRENT_TIMESTAMP',
    upsert: (key, set) =>
      ` ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${Object.entries(set)
        .map(([name, sql]) => `${name} = ${sql}`)
        .join(', ')}`,
    // Who writes is alone.
    locking: () => '',
    knownName: (table) => `lower(${textLiteral(table, encoding)})`,
    columnNames: (table) => `SELECT name FROM pragma_table_info(${textLiteral(table, encoding)})`,
    ownType: (type) => (type === 'integer' ? 'INTEGER' : 'TEXT'),
    ownOptions: () => '',
    error: sqliteError,
  }
}

/** Text is written as bytes, so that NUL and quotes need no thought. */
function textLiteral(value: string, encoding: TextEncoding): string {
  return `CAST(x'${encode(value, encoding).toString('hex')}' AS TEXT)`
}

/** Text as the bytes that the database keeps. */
export function encode(text: string, encoding: TextEncoding): Buffer {
  if (encoding === 'UTF-8') return Buffer.from(text)
  const bytes = Buffer.from(text, 'utf16le')
  return encoding === 'UTF-16be' ? bytes.swap16() : bytes
}

export function literal(column: Column, value: string, encoding: TextEncoding): string {
  if (column.kind === 'integer' && /^-?\d+$/.test(value)) return value
  if (column.kind === 'bytes' && /^([0-9a-f]{2})*$/i.test(value)) return `x'${value}'`
  if (column.kind === 'integer' || column.kind === 'bytes') {
    throw new RowshiftError('INTERNAL', `"${value}" is not a bound for ${column.name} (${column.kind})`)
  }
  return textLiteral(value, encoding)
}

function lookupLiteral({ kind }: Column, cell: Buffer, encoding: TextEncoding): string | null {
  if (kind === 'bytes') return `x'${cell.toString('hex')}'`
  if (kind !== 'integer') return textLiteral(cell.toString(), encoding)
  const digits = cell.toString('latin1')
  return /^-?\d+$/.test(digits) && fitsInt64(BigInt(digits)) ? digits : null
}

/** The first comparison is for the index; the second one is exact whatever the collation. */
function sameValue(mapping: ColumnMapping, cell: Buffer, encoding: TextEncoding): [string, string] {
  const name = quoteName(mapping.target.name)
  const binding = bindingOf(mapping, encoding)
  const value = binding.sql.replace('?', () => valueLiteral(binding.bind(cell)!, encoding))
  return [`${name} = ${value}`, `${name} COLLATE BINARY = ${value}`]
}

function valueLiteral(value: SqliteValue, encoding: TextEncoding): string {
  if (value instanceof Uint8Array) return `x'${asBuffer(value).toString('hex')}'`
  if (typeof value === 'string') return textLiteral(value, encoding)
  return typeof value === 'number' ? numberLiteral(value) : String(value)
}

/** A column holds values of any class. Text comes as bytes, because the driver would replace what is not UTF-8. */
function keyCell(column: Column): string {
  const name = quoteName(column.name)
  const own = column.kind === 'integer' ? 'integer' : column.kind === 'bytes' ? 'blob' : 'text'
  const value = own === 'text' ? `CAST(${name} AS BLOB)` : name
  return `CASE typeof(${name}) WHEN '${own}' THEN ${value} ELSE '${OTHER}' || typeof(${name}) END`
}

/** Begins neither a number nor hexadecimal digits. */
const OTHER = '!'

function keyValue(
  column: Column,
  cell: string | null,
  { table }: Pick<TableSchema, 'table'>,
  encoding: TextEncoding,
): string {
  const isOther = cell === null || cell.startsWith(OTHER)
  const isText = column.kind !== 'integer' && column.kind !== 'bytes'
  const value = isOther ? null : isText && cell !== '' ? decodeText(Buffer.from(cell, 'hex'), encoding) : cell
  if (value !== null) return value
  const found = isOther ? `a value of class ${cell?.slice(1) ?? 'null'}` : 'bytes'
  throw new RowshiftError(
    'DATA_REJECTED',
    `Column ${column.name} (${column.type}) of ${table} holds ${found} that ${isOther ? 'is' : 'are'} not ${column.kind}; ` +
      'correct that row, or give the table another unique key',
    { table, column: column.name },
  )
}
