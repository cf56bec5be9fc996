import type { ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { displayKey, displayValue } from './display.js'
import type { Row, SqliteValue } from './driver.js'

/** SQLite lets any column hold any value; what the column's kind cannot carry ends the run. */
export function misfitError(spec: ReadSpec, row: Row, index: number): RowshiftError {
  const column = spec.columns[index]!
  const { table, keys } = spec.table
  const names = spec.key?.columns.map(({ name }) => name) ?? keys[0]?.columns ?? []
  const key = displayKey(spec.columns, row, names)
  return new RowshiftError(
    'DATA_REJECTED',
    `Column ${column.name}${column.type === '' ? '' : ` (${column.type})`} of table "${table}" holds ${found(row[index]!)}` +
      `${key === '' ? '' : ` in the row with ${key}`}, which cannot be copied unchanged as ${column.kind}; correct that value first`,
    { table, column: column.name, key },
  )
}

function found(value: SqliteValue): string {
  if (value instanceof Uint8Array) return 'a BLOB or text that is not valid'
  if (typeof value === 'number') return `the REAL ${displayValue(value)}`
  if (typeof value === 'bigint') return `the INTEGER ${value}`
  return `the text "${displayValue(value)}"`
}
