import { unescapeInto } from '../src/wire/each-row.js'
import type { Column } from '../src/contract/plugin.js'
import type { Value } from '../src/contract/transform.js'
import type { Decoding } from './decoding.js'

/** The value of a cell that stands at `start`, whose separator is at `end`. Its `marks` and its number are those in `RawRows`. */
export type Decode = (batch: Decoding, start: number, end: number, marks: number, cell: number) => Value

const INT32_MIN = -(2n ** 31n)
const UINT32_MAX = 2n ** 32n - 1n
/** So many digits are a number without loss, which becomes a bigint faster than text does. */
const SAFE_DIGITS = 15
const ZERO = 0x30
const MINUS = 0x2d
const POINT = 0x2e
/** Of ten, each exact. */
const POWERS = Float64Array.from({ length: SAFE_DIGITS + 1 }, (_, i) => Number(`1e${i}`))

/**
 * How the cells of a column become values. A source that does not say what it holds may have others among them; they come as
 * the text that they are.
 */
export function decoderOf(column: Column): Decode {
  const decode = plainDecoder(column)
  return column.valueRange.dynamic ? orText(column, decode) : decode
}

/** Whether the values of an integer column are numbers; otherwise they are bigints. */
function isSmall({ valueRange: { min, max, dynamic } }: Column): boolean {
  if (min === undefined || max === undefined || dynamic) return false
  return BigInt(min) >= INT32_MIN && BigInt(max) <= UINT32_MAX
}

function plainDecoder(column: Column): Decode {
  switch (column.kind) {
    case 'integer':
      return isSmall(column) ? decodeNumber : decodeBigint
    case 'float':
      return decodeFloat
    case 'boolean':
      return decodeBoolean
    case 'bytes':
      return decodeBytes
    case 'decimal':
    case 'text':
    case 'json':
    case 'date':
    case 'time':
    case 'datetime':
    case 'instant':
      return decodeText
    default:
      return column.kind satisfies never
  }
}

function decodeNumber({ rows: { bytes } }: Decoding, start: number, end: number, marks: number): Value {
  return marks === 0 ? digits(bytes, start, end) : null
}

function decodeBigint(batch: Decoding, start: number, end: number, marks: number): Value {
  if (marks !== 0) return null
  return BigInt(end - start <= SAFE_DIGITS ? digits(batch.rows.bytes, start, end) : batch.ascii(start, end))
}

function digits(bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === MINUS
  let value = 0
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + bytes[at]! - ZERO
  return negative ? -value : value
}

function decodeFloat(batch: Decoding, start: number, end: number, marks: number): Value {
  if (marks !== 0) return null
  const short = end - start <= SAFE_DIGITS ? fraction(batch.rows.bytes, start, end) : NaN
  return Number.isNaN(short) ? Number(batch.ascii(start, end)) : short
}

/** A whole number that is exact, divided by a power of ten that is too, is the number nearest to what is written. */
function fraction(bytes: Buffer, start: number, end: number): number {
  if (bytes[end - 1]! < ZERO) return NaN
  const negative = bytes[start] === MINUS
  let value = 0
  let point = end
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const digit = bytes[at]! - ZERO
    if (digit >= 0 && digit <= 9) value = value * 10 + digit
    else if (bytes[at] === POINT && point === end) point = at + 1
    else return NaN
  }
  value /= POWERS[end - point]!
  return negative ? -value : value
}

function decodeBoolean({ rows: { bytes } }: Decoding, start: number, _end: number, marks: number): Value {
  return marks === 0 ? bytes[start] !== ZERO : null
}

function decodeText(batch: Decoding, start: number, end: number, marks: number, cell: number): Value {
  return marks === 0 ? batch.ascii(start, end) : batch.textAt(cell)
}

function decodeBytes({ rows: { bytes } }: Decoding, start: number, end: number): Value {
  const cell = new Uint8Array(end - start)
  const length = unescapeInto(cell, bytes, start, end)
  if (length < 0) return null
  return length === cell.length ? cell : cell.slice(0, length)
}

/** What cells look like that are of the column's kind, where others cannot be decoded as such. */
const patterns: Partial<Record<Column['kind'], RegExp>> = {
  integer: /^-?\d+$/,
  float: /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i,
  boolean: /^[01]$/,
}

function orText({ kind }: Column, decode: Decode): Decode {
  const pattern = patterns[kind]
  if (pattern === undefined) return decode
  return (batch, start, end, marks, cell) => {
    const own = marks === 0 && pattern.test(batch.ascii(start, end))
    return own ? decode(batch, start, end, marks, cell) : decodeText(batch, start, end, marks, cell)
  }
}
