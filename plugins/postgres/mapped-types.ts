import type { Column, ColumnKind } from '../../src/contract/plugin.js'
import { sizesOf } from '../../src/sql/mapped-table.js'

/** What the server allows. */
const LONGEST_VARCHAR = 10_485_760
const MOST_DIGITS = 1000

type Type = (column: Column, wide: boolean) => string

/**
 * The type for the columns of another family of databases: the narrowest that holds whatever their value range lets through. A source that
 * enforces nothing (`dynamic`) has its declared sizes, unless it holds more (`wide`).
 */
const types: Readonly<Record<ColumnKind, Type>> = {
  integer: ({ valueRange: { min, max, dynamic } }, wide) => {
    if (min === undefined || max === undefined || (dynamic && wide)) return 'numeric'
    const bits = [16n, 32n, 64n].find(
      (bits) => BigInt(min) >= -(2n ** (bits - 1n)) && BigInt(max) < 2n ** (bits - 1n),
    )
    if (bits === undefined) return `numeric(${max.length},0)`
    return bits === 16n ? 'smallint' : bits === 32n ? 'integer' : 'bigint'
  },
  decimal: ({ type, valueRange }, wide) => {
    const declared = valueRange.dynamic ? (wide ? [] : sizesOf(type)) : []
    const [precision = valueRange.precision, scale = valueRange.scale ?? 0] = declared
    const known = precision !== undefined && precision <= MOST_DIGITS && scale <= precision
    return known ? `numeric(${precision},${scale})` : 'numeric'
  },
  float: ({ valueRange: { bits } }) => (bits === 24 ? 'real' : 'double precision'),
  boolean: () => 'boolean',
  text: ({ type, valueRange: { maxChars, dynamic, subtypes, multiValued } }, wide) => {
    if (subtypes?.at(-1) === 'a UUID') return 'uuid'
    const length = maxChars ?? (dynamic && !wide ? sizesOf(type)[0] : undefined)
    const known = length !== undefined && length > 0 && length <= LONGEST_VARCHAR && !multiValued
    return known ? `varchar(${length})` : 'text'
  },
  bytes: () => 'bytea',
  // What another database has parsed and written anew is kept as it has written it.
  json: () => 'json',
  date: () => 'date',
  // A time of other databases may be a span of many days.
  time: ({ valueRange }) => (valueRange.dynamic || valueRange.latest === '24:00:00' ? 'time' : 'interval'),
  datetime: (column) => `timestamp${digits(column)}`,
  instant: (column) => `timestamptz${digits(column)}`,
}

export function mappedType(column: Column, wide: boolean): string {
  return types[column.kind](column, wide)
}

function digits({ valueRange: { fractionDigits } }: Column): string {
  return fractionDigits === undefined || fractionDigits >= 6 ? '' : `(${fractionDigits})`
}
