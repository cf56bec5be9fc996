import type { Column, ColumnKind } from '../../src/plugin.js'

/** SQLite's integers have 64 bits with a sign; a decimal of more digits is kept as text. */
const INTEGER_DIGITS = 18

/**
 * The declared type for the columns of another family of databases. What SQLite would round or turn into a number is
 * text: the values come back as they were, and text is compared as text.
 */
const types: Readonly<Record<ColumnKind, (type: string) => string>> = {
  // YEAR 0000 must not come back as 0, which stands for 2000.
  integer: (type) => (/^year|bigint.*unsigned/i.test(type) ? 'TEXT' : 'INTEGER'),
  decimal: (type) => {
    const [, precision, scale = '0'] = /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(type) ?? []
    return scale === '0' && Number(precision) <= INTEGER_DIGITS ? 'INTEGER' : 'TEXT'
  },
  float: () => 'REAL',
  boolean: () => 'INTEGER',
  text: () => 'TEXT',
  bytes: () => 'BLOB',
  json: () => 'TEXT',
  date: () => 'DATE',
  time: () => 'TIME',
  datetime: () => 'DATETIME',
  instant: () => 'TIMESTAMP',
}

export function mappedType({ kind, type }: Column): string {
  return types[kind](type)
}
