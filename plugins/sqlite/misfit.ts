import { isUtf8 } from 'node:buffer'
import type { Column, ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Row, SqliteValue } from './driver.js'
import { asBuffer } from './driver.js'

/** SQLite lets any column hold any value; what the column's kind cannot carry ends the run. */
export function misfitError(spec: ReadSpec, row: Row, index: number): RowshiftError {
  const column = spec.columns[index]!
  const { table, keys } = spec.table
  const names = spec.key?.columns.map(({ name }) => name) ?? keys[0]?.columns ?? []
  const key = displayKey(spec.columns, row, names)
  return new RowshiftError(
    'DATA_REJECTED',
    `Column ${column.name}${column.type === '' ? '' : ` (${column.type})`} of table "${table}" holds ${describeValue(row[index]!)}` +
      `${key === '' ? '' : ` in the row with ${key}`}, which cannot be copied unchanged as ${column.kind}; correct that value first`,
    { table, column: column.name, key },
  )
}

function describeValue(value: SqliteValue): string {
  if (value instanceof Uint8Array) return 'a BLOB or text that is not valid'
  if (typeof value === 'number') return `the REAL ${displayValue(value)}`
  if (typeof value === 'bigint') return `the INTEGER ${value}`
  return `the text "${displayValue(value)}"`
}

/** A value in a message, short. */
function displayValue(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (!(value instanceof Uint8Array)) return shorten(String(value as bigint | number | string))
  const bytes = asBuffer(value)
  return isUtf8(bytes)
    ? shorten(bytes.subarray(0, 300).toString())
    : `x'${shorten(bytes.subarray(0, 60).toString('hex'))}'`
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}

/** `id = 7, name = x` for the mapped columns among `names`; empty when none is mapped. */
function displayKey(
  columns: readonly Column[],
  values: readonly unknown[],
  names: readonly string[],
): string {
  return columns
    .flatMap(({ name }, i) => (names.includes(name) ? [`${name} = ${displayValue(values[i])}`] : []))
    .join(', ')
}
