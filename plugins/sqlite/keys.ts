import { isUtf8 } from 'node:buffer'
import type { Column, ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SqlKeyColumn } from '../../src/sql/range.js'
import { above, orderBy, rangeConditions, upTo, whereClause } from '../../src/sql/range.js'
import type { FoundKey, KeyProbe, KeyValue } from '../../src/sql/splits.js'
import type { TextEncoding } from './cells.js'
import { decodeText } from './cells.js'
import type { Database, Row, SqliteValue } from './driver.js'
import { asBuffer } from './driver.js'
import { quoteName } from './names.js'

export function keyColumns(spec: ReadSpec): SqlKeyColumn[] {
  const columns = spec.key?.columns ?? []
  return columns.map(({ name, nullable }) => ({ sql: quoteName(name), nullable }))
}

/** A bound as SQL literals. Text is written as bytes, so that NUL and quotes need no thought. */
export function literals(spec: ReadSpec, bound: KeyValue | null, encoding: TextEncoding): string[] | null {
  if (bound === null) return null
  return bound.map((value, i) => literal(spec.key!.columns[i]!, value, encoding))
}

/** A value of a column, as cell text, in SQL. */
export function literal(column: Column, value: string, encoding: TextEncoding): string {
  if (column.kind === 'integer' && /^-?\d+$/.test(value)) return value
  if (column.kind === 'bytes' && /^([0-9a-f]{2})*$/i.test(value)) return `x'${value}'`
  if (column.kind === 'integer' || column.kind === 'bytes') {
    throw new RowshiftError('INTERNAL', `"${value}" is no bound for ${column.name} (${column.kind})`)
  }
  return `CAST(x'${encode(value, encoding).toString('hex')}' AS TEXT)`
}

/** Text as the bytes that the database keeps. */
export function encode(text: string, encoding: TextEncoding): Buffer {
  if (encoding === 'UTF-8') return Buffer.from(text)
  const bytes = Buffer.from(text, 'utf16le')
  return encoding === 'UTF-16be' ? bytes.swap16() : bytes
}

export function keyProbe(database: Database, spec: ReadSpec, encoding: TextEncoding): KeyProbe {
  const key = keyColumns(spec)
  const table = quoteName(spec.table.table)
  // Text comes as bytes, because the driver would replace what is not UTF-8.
  const selected = key.map(
    ({ sql }) => `typeof(${sql}), CASE typeof(${sql}) WHEN 'text' THEN CAST(${sql} AS BLOB) ELSE ${sql} END`,
  )
  const pick = (
    lower: KeyValue | null,
    upper: KeyValue | null,
    direction: 'ASC' | 'DESC',
    offset: number,
  ): FoundKey | null => {
    const range = { lower: literals(spec, lower, encoding), upper: literals(spec, upper, encoding) }
    const where = whereClause(rangeConditions(key, range, spec.where, spec.window?.sql))
    const within = [
      ...(range.lower === null ? [] : [above(key, range.lower)]),
      ...(range.upper === null ? [] : [upTo(key, range.upper)]),
    ]
    const cells = [...selected, within.length === 0 ? '1' : within.join(' AND ')]
    const sql = `SELECT ${cells.join(', ')} FROM ${table}${where}${orderBy(key, direction)} LIMIT 1 OFFSET ${offset}`
    const row = database.row(sql)
    return row === undefined ? null : { key: keyValue(spec, row, encoding), within: row.at(-1) === 1n }
  }
  return {
    first: async () => pick(null, null, 'ASC', 0)?.key ?? null,
    last: async () => pick(null, null, 'DESC', 0)?.key ?? null,
    nth: async (lower, upper, offset) => pick(lower, upper, 'ASC', offset),
  }
}

function keyValue(spec: ReadSpec, row: Row, encoding: TextEncoding): KeyValue {
  return spec.key!.columns.map((column, i) => {
    const storage = row[i * 2]
    const text = keyText(column, storage, row[i * 2 + 1]!, encoding)
    if (text !== null) return text
    throw new RowshiftError(
      'DATA_REJECTED',
      `Column ${column.name} (${column.type}) of ${spec.table.table} holds ${String(storage)} that is no ${column.kind}; ` +
        'correct that row, or give the table another unique key',
      { table: spec.table.table, column: column.name },
    )
  })
}

function keyText(
  column: Column,
  storage: SqliteValue | undefined,
  value: SqliteValue,
  encoding: TextEncoding,
): string | null {
  if (column.kind === 'integer') return typeof value === 'bigint' ? String(value) : null
  if (!(value instanceof Uint8Array)) return null
  if (column.kind === 'bytes') return storage === 'blob' ? asBuffer(value).toString('hex') : null
  if (storage !== 'text') return null
  return value.length === 0 ? '' : decodeText(value, encoding)
}

/** A value in a message, short. */
export function displayValue(value: unknown): string {
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
export function displayKey(
  columns: readonly Column[],
  values: readonly unknown[],
  names: readonly string[],
): string {
  return columns
    .flatMap(({ name }, i) => (names.includes(name) ? [`${name} = ${displayValue(values[i])}`] : []))
    .join(', ')
}
