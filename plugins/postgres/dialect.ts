import type { Column, ColumnKind, ReadSpec, RowCheck, WriteMode } from '../../src/contract/plugin.js'
import { readTableName } from '../../src/contract/plugin.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { postgresError, sqlState } from './errors.js'
import { A_UUID, cellOf } from './types.js'
import { lossSql } from './loss-sql.js'
import { expressionOf, hexLiteral, identifier, literal, tableId, tableSql, text } from './sql.js'

/** A session of a replica does not check foreign keys, and changes nothing by them. */
const CHECKED = "current_setting('session_replication_role') <> 'replica'"

export const postgresDialect: SqlDialect = {
  identifier,
  table: tableSql,
  text,
  literal,
  expression: expressionOf,
  cell,
  cellText,
  excerpt,
  source: ({ table }: ReadSpec) => tableSql(table.table),
  keyCell,
  lookupLiteral,
  lookupColumn,
  unreadable,
  lookupList: (columns, keys) =>
    `(${columns.join(', ')}) IN (${keys.map((key) => `(${key.join(', ')})`).join(', ')})`,
  losses: lossSql,
  failsByValue: (thrown) => /^(22|23514|P0001)/.test(sqlState(thrown) ?? ''),
  // Those of a partition run for each row only.
  writeTriggers: (table, mode) =>
    `SELECT DISTINCT tgname FROM pg_trigger WHERE (tgrelid = ${tableId(table)} OR tgrelid IN (${partitionsOf(table)}) AND tgtype & 1 <> 0) AND NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & ${EVENTS[mode]} <> 0`,
  deletingKeys: (table) =>
    `SELECT DISTINCT concat('foreign key ', conname, ' of ', conrelid::regclass, CASE confdeltype WHEN 'c' THEN ' (ON DELETE CASCADE)' WHEN 'n' THEN ' (ON DELETE SET NULL)' ELSE ' (ON DELETE SET DEFAULT)' END)
     FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND confdeltype IN ('c', 'n', 'd') AND (confrelid = ${tableId(table)} OR confrelid IN (${partitionsOf(table)})) AND ${CHECKED}`,
  parentTables: (table) =>
    `SELECT DISTINCT confrelid::regclass::text FROM pg_constraint WHERE conrelid = ${tableId(table)} AND contype = 'f' AND ${CHECKED}`,
  emptyTable: 'TRUNCATE TABLE',
  overriding: ' OVERRIDING SYSTEM VALUE',
  sameValue: ({ target }, value) => sameValue(target, value),
  now,
  upsert: (key, set) =>
    ` ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${Object.entries(set)
      .map(([name, sql]) => `${name} = ${sql}`)
      .join(', ')}`,
  locking: (shared) => (shared ? ' FOR SHARE' : ' FOR UPDATE'),
  knownName,
  columnNames: (table) =>
    `SELECT attname FROM pg_attribute WHERE attrelid = ${tableId(table)} AND attnum > 0 AND NOT attisdropped`,
  ownType(type) {
    if (type === 'integer') return 'bigint'
    return `${type === 'text' ? 'text' : `varchar(${type})`} COLLATE "C"`
  },
  ownOptions: () => '',
  error: postgresError,
}

/** As a session of any search path understands it. */
function knownName(table: string): string {
  const named = readTableName(table)
  if (named === null) return text(table)
  const { schema, name } = named
  const own = schema === undefined ? 'current_schema()' : text(schema)
  return `coalesce(
    (SELECT concat(quote_ident(nspname), '.', quote_ident(relname)) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
     WHERE pg_class.oid = ${tableId(table)}),
    concat(quote_ident(${own}), '.', quote_ident(${text(name)})))`
}

/** Bits of pg_trigger.tgtype: 4 INSERT, 8 DELETE, 16 UPDATE. */
const EVENTS: Readonly<Record<WriteMode, number>> = { insert: 4, ignore: 4, replace: 12, upsert: 20 }

function partitionsOf(table: string): string {
  return `SELECT relid FROM pg_partition_tree(${tableId(table)})`
}

/** How a column is selected, so that COPY writes its cells as the plan says. In its own writing, anything stands as it is. */
function cell(column: Column): string {
  const sql = expressionOf(column)
  return column.cells === 'stored' ? sql : cellOf(column, column.sql === undefined ? sql : `(${sql})`)
}

function cellText(column: Column): string {
  return column.kind === 'bytes' ? `encode(${expressionOf(column)}, 'hex')` : unnamed(cell(column))
}

/** What a session shows of a moment depends on its zone, and of money on its locale. */
function keyCell(column: Column): string {
  const plain = ['bytes', 'instant', 'decimal'].includes(column.kind)
  return plain ? cellText(column) : unnamed(expressionOf(column))
}

/** As text. A mere cast would be called like the column in it, and ORDER BY takes a name for that of the result: it would sort by the text. */
function unnamed(sql: string): string {
  return `(${sql})::text || ''`
}

function excerpt(sql: string, kind?: ColumnKind): string {
  return kind === 'bytes' ? `left(concat('0x', encode(${sql}, 'hex')), 60)` : `left((${sql})::text, 60)`
}

/** The hexadecimal digits of UTF-8. */
const UTF8 =
  '^([0-7].|(c[2-9a-f]|d.)[89ab].|e0[ab].[89ab].|(e[1-9a-cef]|ed(?=[89]))([89ab].){2}|(f0(?=[9ab])|f[1-3]|f4(?=8))([89ab].){3})*$'

/** A database whose encoding is SQL_ASCII keeps any bytes as text, and the server does not send those that are not UTF-8. */
function unreadable(column: Column): RowCheck[] {
  if (column.sql !== undefined || (column.kind !== 'text' && column.kind !== 'json')) return []
  const name = identifier(column.name)
  const digits = `encode(convert_to(${name}::text, 'SQL_ASCII'), 'hex')`
  const why = `is not UTF-8, and the encoding of the database (SQL_ASCII) does not say what it is; have it read as bytes, by "columns" with the SQL convert_to(${name}, 'SQL_ASCII'), or leave the row out with "where"`
  return [{ condition: `${digits} !~ '${UTF8}'`, value: `concat('0x', left(${digits}, 58))`, why }]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Literals that a type does not take would fail the query. */
function lookupLiteral(column: Column, cell: Buffer): string | null {
  if (column.kind === 'bytes') return hexLiteral(column, cell.toString('hex'))
  const value = cell.toString()
  // A number that is larger than the column's type is compared as a larger one.
  if (column.kind === 'integer') return /^-?\d+$/.test(value) ? value : null
  const { members, subtypes } = column.valueRange
  const fits = members?.includes(value) ?? (subtypes?.at(-1) !== A_UUID || UUID.test(value))
  if (value.includes('\0') || !fits) return null
  return mayBeLacking(column, cell) ? `'\\x${cell.toString('hex')}'` : text(value)
}

/** The server takes no text with a character that the encoding of the database lacks, not even to compare it. */
function mayBeLacking({ kind, valueRange: { characters } }: Column, cell: Buffer): boolean {
  return kind === 'text' && characters?.coverage !== 'unicode' && cell.some((byte) => byte > 0x7f)
}

/** The value of a type with a form of its own is looked up by its text, which is all that another database has of it. */
function lookupColumn(column: Column, cell: Buffer): string {
  const sql = identifier(column.name)
  if (mayBeLacking(column, cell)) return `convert_to(${sql}::text, 'UTF8')`
  const own = column.kind === 'text' && (column.valueRange.subtypes?.at(-1) ?? A_UUID) !== A_UUID
  return own ? `${sql}::text COLLATE "C"` : sql
}

function sameValue(column: Column, cell: Buffer): [string, ...string[]] {
  const sql = identifier(column.name)
  if (column.kind === 'bytes') return [`${sql} = ${hexLiteral(column, cell.toString('hex'))}`]
  const value = literal(column, cell.toString())
  if (column.kind !== 'text' && column.kind !== 'json') return [`${sql} = ${value}`]
  return [`${sql} = ${value}`, `${sql}::text COLLATE "C" = ${value}`]
}

function now({ kind }: Column): string {
  if (kind === 'instant') return 'statement_timestamp()'
  const utc = "statement_timestamp() AT TIME ZONE 'UTC'"
  return kind === 'date' || kind === 'time' ? `(${utc})::${kind}` : `(${utc})`
}
