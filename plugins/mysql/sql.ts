import type { Column, ColumnKind } from '../../src/plugin.js'

/** A quoted identifier; any name is possible. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** A string literal, for sessions without NO_BACKSLASH_ESCAPES and with ASCII-safe character sets only. */
export function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`
}

/** The literal of a key bound. Numbers stay digits: as text, MySQL would compare them as doubles. */
export function keyLiteral(kind: ColumnKind, value: string): string {
  if (kind === 'integer' || kind === 'decimal') return value
  return kind === 'bytes' ? `x'${value}'` : text(value)
}

/** The character set of a text column, which begins its collation's name. */
export function charsetOf({ collation }: Column): string | null {
  return collation === undefined ? null : /^[a-z0-9]+/i.exec(collation)![0]
}
