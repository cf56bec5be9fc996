import type { ColumnKind, ValueRange } from '../../src/contract/plugin.js'
import type { Facts } from '../../src/sql/literals.js'
import { literalFacts, typeName } from '../../src/sql/literals.js'
import { valueRangeOf } from './value-range.js'
import type { ResultField } from './driver.js'

const NOT_NULL = 1
const UNSIGNED = 32
const BINARY_CHARSET = 63
const BYTES_PER_CHARACTER = 4
/** Bytes that TINYTEXT, TEXT and MEDIUMTEXT hold; the server counts them as characters in a result. */
const TEXT_BYTES = new Set([255, 65_535, 16_777_215])
/** More than any VARCHAR. */
const LONGEST = 65_535

const INTEGERS: Readonly<Record<number, string>> = {
  1: 'tinyint',
  2: 'smallint',
  9: 'mediumint',
  3: 'int',
  8: 'bigint',
}
const TEMPORAL: Readonly<Record<number, readonly [string, ColumnKind]>> = {
  7: ['timestamp', 'instant'],
  10: ['date', 'date'],
  11: ['time', 'time'],
  12: ['datetime', 'datetime'],
}
const [YEAR, BIT, JSON_TYPE, DECIMAL, FLOAT, DOUBLE, NULL_TYPE, GEOMETRY] = [13, 16, 245, 246, 4, 5, 6, 255]

/**
 * What the server says of an expression's values. It is not a promise: a display width counts as a length, for instance. So the
 * value range is `dynamic`, and what does not surely fit is checked value by value.
 */
export function resultFacts(field: ResultField): Facts {
  const { columnType: code, flags } = field
  if (code === NULL_TYPE) return literalFacts([null])
  const [kind, valueRange] = kindAndRange(field)
  const dynamic: ValueRange = { ...valueRange, dynamic: true }
  return { kind, type: typeName(kind, dynamic), nullable: (flags & NOT_NULL) === 0, valueRange: dynamic }
}

/** FLOAT comes with six digits only, and a YEAR is padded. */
export function exactly(sql: string, { columnType: code }: ResultField): string {
  if (code === FLOAT) return `(${sql}*1e0)`
  return code === YEAR ? `(${sql}+0)` : sql
}

function kindAndRange(field: ResultField): [ColumnKind, ValueRange] {
  const { columnType: code, columnLength: length, decimals, flags, characterSet } = field
  const unsigned = (flags & UNSIGNED) !== 0
  const facts = {
    precision: undefined,
    scale: undefined,
    length: undefined,
    charset: null,
    fraction: decimals,
    srid: null,
    version: '',
  }
  if (code in INTEGERS) {
    const base = INTEGERS[code]!
    return ['integer', valueRangeOf({ ...facts, base, type: unsigned ? `${base} unsigned` : base })]
  }
  if (code in TEMPORAL) {
    const [base, kind] = TEMPORAL[code]!
    return [kind, valueRangeOf({ ...facts, base, type: base })]
  }
  switch (code) {
    case YEAR:
      return ['integer', { min: '0', max: '2155' }]
    case BIT:
      return ['bytes', { maxBits: length }]
    case JSON_TYPE:
      return ['json', valueRangeOf({ ...facts, base: 'json', type: 'json' })]
    case GEOMETRY:
      return ['bytes', { subtypes: ['a geometry'] }]
    case FLOAT:
    case DOUBLE:
      return ['float', { bits: code === FLOAT ? 24 : 53, nonFinite: 'none' }]
    case DECIMAL: {
      const precision = length - (decimals > 0 ? 1 : 0) - (unsigned ? 0 : 1)
      return ['decimal', { precision, scale: decimals }]
    }
    default:
      return characterSet === BINARY_CHARSET
        ? ['bytes', bounded('maxBytes', length)]
        : ['text', textRange(length)]
  }
}

function textRange(length: number): ValueRange {
  const characters = { coverage: 'unicode', encoding: 'utf8', maxBytes: 4 }
  const count = Math.floor(length / BYTES_PER_CHARACTER)
  return { ...bounded(TEXT_BYTES.has(count) ? 'maxBytes' : 'maxChars', count), characters }
}

function bounded(field: 'maxBytes' | 'maxChars', count: number): ValueRange {
  return count > LONGEST ? {} : { [field]: count }
}
