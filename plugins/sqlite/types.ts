import type { Column, ColumnKind } from '../../src/contract/plugin.js'
import { sizesOf } from '../../src/sql/mapped-table.js'

/**
 * The declared type for the columns of another family of databases. Numbers stay numbers, so that they sort as such:
 * SQLite keeps integers of 64 bits with a sign, and decimals of 15 digits, exactly, and each value is checked when it is written.
 * A column that is `wide` holds others, which SQLite would round, and becomes text.
 */
const types: Readonly<Record<ColumnKind, (type: string, wide: boolean) => string>> = {
  // YEAR 0000 must not come back as 0, which stands for 2000.
  integer: (type, wide) => (wide || /^year/i.test(type) ? 'TEXT' : 'INTEGER'),
  decimal: (type, wide) => {
    const [precision, scale = 0] = sizesOf(type)
    if (wide || precision === undefined) return 'TEXT'
    return scale === 0 ? 'INTEGER' : `DECIMAL(${precision},${scale})`
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

export function mappedType({ kind, type }: Column, wide: boolean): string {
  return types[kind](type, wide)
}
