import { isWellFormed } from '../../src/wire/cell-syntax.js'
import type { Column } from '../../src/contract/plugin.js'
import { checkedValue } from '../../src/sql/range.js'

/** A quoted identifier; any name is possible. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** Every text of these comes back from UTF-8 as it was: Unicode, checked by the server, and latin1, which maps all 256 bytes. */
export function isReversible(charset: string): boolean {
  return /^(utf8\w*|utf16\w*|utf32|latin1|binary)$/.test(charset)
}

/** What stands for a column's values in SQL: its name, or what it is derived by. */
export function expressionOf({ name, sql, readAs }: Column): string {
  return sql ?? readAs ?? identifier(name)
}

/** A string literal, for sessions without NO_BACKSLASH_ESCAPES and with ASCII-safe character sets only. */
export function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`
}

/** A key column as the text of its cell that `keyLiteral` understands. */
export function keyText({ name, type, kind }: Column): string {
  const sql = identifier(name)
  if (isBit(type) || enumMembers(type) > 0) return `${sql}+0`
  return kind === 'bytes' ? `HEX(${sql})` : sql
}

/**
 * The literal of a key bound. Numbers stay digits: as text, MySQL would compare them as doubles. Throws DATA_REJECTED for
 * what must not become SQL text: bounds come from another server, or out of a task store.
 */
export function keyLiteral(column: Column, value: string): string {
  const { type, kind } = column
  if (isBit(type) || enumMembers(type) > 0) return checkedValue(column, value, /^\d+$/.test(value))
  if (kind === 'integer' || kind === 'decimal' || kind === 'float') return numberLiteral(column, value)
  if (kind === 'bytes') return hexLiteral(column, value)
  return text(value)
}

/** A number as it stands in SQL. Throws DATA_REJECTED for what is not one. */
export function numberLiteral(column: Column, value: string): string {
  const number = checkedValue(column, value, isWellFormed(column, value))
  // Without an exponent it would be a DECIMAL.
  return column.kind !== 'float' || /e/i.test(number) ? number : `${number}e0`
}

/** Bytes, of their hexadecimal digits. Throws DATA_REJECTED for others. */
export function hexLiteral(column: Column, value: string): string {
  return `x'${checkedValue(column, value, /^([0-9a-f]{2})*$/i.test(value))}'`
}

/** ENUM is sorted by index but compared as text; compared with a number, it is its index. 0 is the invalid value. */
export function keyOrder({ type }: Column): readonly string[] | undefined {
  const members = enumMembers(type)
  return members === 0 ? undefined : Array.from({ length: members + 1 }, (_, index) => String(index))
}

function isBit(type: string): boolean {
  return /^bit\b/i.test(type)
}

/** How many members an `enum('a','it''s')` has; 0 for other types. */
function enumMembers(type: string): number {
  return /^enum\(/i.test(type) ? [...type.matchAll(/'(?:[^']|'')*'/g)].length : 0
}

/**
 * The number of a member of an ENUM, or of the members of a SET. `+ 0` makes a double of it in MySQL, which does not hold that of a SET
 * of 64 members, and a CAST warns in MariaDB when the last of 64 is among them.
 */
export function memberNumber(sql: string): string {
  return `(${sql} | 0)`
}

/** The character set of a text column, which begins its collation's name. */
export function charsetOf({ collation }: Column): string | null {
  return collation === undefined ? null : /^[a-z0-9]+/i.exec(collation)![0]
}
