import type { Column, ColumnKind, ReadSpec, WriteMode } from '../../src/contract/plugin.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { mapError } from './errors.js'
import { lossSql } from './loss-sql.js'
import {
  charsetOf,
  expressionOf,
  hexLiteral,
  identifier,
  isReversible,
  keyLiteral,
  keyOrder,
  keyText,
  memberNumber,
  numberLiteral,
  text,
} from './sql.js'
import { mappedText, OUT_OF_RANGE, unmappedError, unmappedChecks } from './unmapped.js'

/** Of triggers, beside INSERT. */
const MORE_EVENTS: Readonly<Partial<Record<WriteMode, string>>> = {
  replace: ", 'DELETE'",
  upsert: ", 'UPDATE'",
}

export const mysqlDialect: SqlDialect = {
  identifier,
  table: identifier,
  text,
  literal: keyLiteral,
  expression: expressionOf,
  cell,
  cellText: keyText,
  excerpt,
  source,
  keyCell,
  keyLiteral: boundLiteral,
  keyOrder,
  lookupLiteral,
  unreadable: unmappedChecks,
  losses: lossSql,
  failsByValue: (thrown) => (thrown as { errno?: number }).errno === OUT_OF_RANGE,
  valueError: unmappedError,
  writeTriggers: (table, mode) =>
    `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
     WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ${text(table)} AND EVENT_MANIPULATION IN ('INSERT'${MORE_EVENTS[mode] ?? ''})`,
  // The server leaves the rows alone that refer to one where the session has switched the checks off.
  deletingKeys: (table) =>
    `SELECT CONCAT('foreign key ', CONSTRAINT_NAME, ' of ', CONSTRAINT_SCHEMA, '.', TABLE_NAME, ' (ON DELETE ', DELETE_RULE, ')')
     FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE UNIQUE_CONSTRAINT_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = ${text(table)} AND DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
       AND @@foreign_key_checks`,
  parentTables: (table) =>
    `SELECT DISTINCT REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)} AND REFERENCED_TABLE_NAME IS NOT NULL AND @@foreign_key_checks`,
  emptyTable: 'TRUNCATE TABLE',
  sameValue: ({ target }, value) => sameValue(target, value),
  // The session's time zone is UTC.
  now: ({ valueRange }) => `CURRENT_TIMESTAMP(${valueRange.fractionDigits ?? 0})`,
  upsert: (_key, set) =>
    ` ON DUPLICATE KEY UPDATE ${Object.entries(set)
      .map(([name, sql]) => `${name} = ${sql}`)
      .join(', ')}`,
  locking: (shared) => (shared ? ' LOCK IN SHARE MODE' : ' FOR UPDATE'),
  knownName: (table) => `IF(@@lower_case_table_names = 0, ${text(table)}, LOWER(${text(table)}))`,
  columnNames: (table) =>
    `SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`,
  ownType(type) {
    if (type === 'integer') return 'BIGINT UNSIGNED'
    return `${type === 'text' ? 'LONGTEXT' : `VARCHAR(${type})`} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`
  },
  checksDdl: true,
  ownOptions: (comment) => ` ENGINE=InnoDB COMMENT=${text(comment)}`,
  error: mapError,
}

function excerpt(sql: string, kind?: ColumnKind): string {
  return `LEFT(${kind === 'bytes' ? `CONCAT('0x', HEX(${sql}))` : `CAST(${sql} AS CHAR)`}, 60)`
}

/**
 * How a column is read, so that its cells are what the plan says. FLOAT is sent with 6 digits, and FLOAT(M,D) and DOUBLE(M,D) with D
 * decimal places; as a plain double a value comes with all its digits. Adding 0 would do the same but lose -0.
 */
function cell(column: Column): string {
  const name = expressionOf(column)
  if (column.cells === 'encoded') return `CONVERT(${name} USING binary)`
  if (column.cells === 'numbered') return memberNumber(name)
  return column.kind === 'float' && /^(float|double\()/.test(column.type)
    ? `${name}*1e0`
    : (mappedText(column) ?? name)
}

/** Left to itself, the optimizer sometimes prefers a full scan and a sort to the split key's index. */
function source(spec: ReadSpec): string {
  const table = identifier(spec.table.table)
  return spec.key === null ? table : `${table} FORCE INDEX (${identifier(spec.key.name)})`
}

/** The bounds of a text that does not come back from UTF-8 as it was are its bytes. */
function keyCell(column: Column): string {
  if (column.readAs !== undefined) return column.readAs
  return ownEncoding(column) === null ? keyText(column) : `HEX(${identifier(column.name)})`
}

function boundLiteral(column: Column, value: string): string {
  const charset = ownEncoding(column)
  return charset === null ? keyLiteral(column, value) : `_${charset} ${hexLiteral(column, value)}`
}

function ownEncoding(column: Column): string | null {
  const charset = charsetOf(column)
  const isText = column.kind === 'text' && column.valueRange.members === undefined
  return isText && charset !== null && !isReversible(charset) ? charset : null
}

function lookupLiteral(column: Column, value: Buffer): string | null {
  if (column.kind === 'bytes') return `x'${value.toString('hex')}'`
  if (column.kind === 'integer') {
    const digits = value.toString('latin1')
    return /^-?\d+$/.test(digits) ? digits : null
  }
  const quoted = text(value.toString())
  const charset = charsetOf(column)
  if (charset === null || charset === 'utf8mb4') return quoted
  // Brought to the column's own character set and collation, so that its index is used; characters that it cannot hold become `?`.
  return `CONVERT(${quoted} USING ${charset}) COLLATE ${column.collation}`
}

function sameValue(column: Column, cell: Buffer): [string, ...string[]] {
  const sql = identifier(column.name)
  const isNumber = ['integer', 'decimal', 'boolean', 'float'].includes(column.kind)
  if (isNumber || column.cells === 'numbered')
    return [`${sql} = ${numberLiteral(column, cell.toString('latin1'))}`]
  const hex = cell.toString('hex')
  if (column.cells === 'encoded')
    return [`${sql} = _${charsetOf(column)} x'${hex}'`, `CONVERT(${sql} USING binary) = x'${hex}'`]
  if (column.kind === 'bytes')
    return [
      column.valueRange.maxBits === undefined ? `${sql} = x'${hex}'` : `${sql}+0 = ${BigInt(`0x0${hex}`)}`,
    ]
  const literal = text(cell.toString())
  if (charsetOf(column) === null) return [`${sql} = ${literal}`]
  return [`${sql} = ${literal}`, `CAST(CONVERT(${sql} USING utf8mb4) AS BINARY) = CAST(${literal} AS BINARY)`]
}
