import { unescapeInto } from '../src/batch/cells.js'
import type { RawRows } from '../src/batch/raw-rows.js'
import { ESCAPED, HIGH } from '../src/batch/raw-rows.js'
import type { Column } from '../src/plugin.js'
import type { Value } from '../src/transform.js'

/** A batch that is decoded: `text` has a character for each of its bytes from `from` on, at least for those of one row. */
export interface Decoding {
  readonly rows: RawRows
  text: string
  from: number
}

/** The value of the cell that stands at `start`, whose separator is at `end`; `marks` as in {@link RawRows}. */
export type Decode = (batch: Decoding, start: number, end: number, marks: number) => Value

const INT32_MIN = -(2n ** 31n)
const UINT32_MAX = 2n ** 32n - 1n
/** So many digits are a number without loss, which becomes a bigint faster than text does. */
const SAFE_DIGITS = 15
const ZERO = 0x30
const MINUS = 0x2d

/**
 * How the cells of a column become values. A source that does not say what it holds may have others among them; they come as
 * the text that they are.
 */
export function decoderOf(column: Column): Decode {
  const decode = plainDecoder(column)
  return column.domain.dynamic ? orText(column, decode) : decode
}

/** Whether the values of an integer column are numbers; otherwise they are bigints. */
function isSmall({ domain: { min, max, dynamic } }: Column): boolean {
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
  return BigInt(end - start <= SAFE_DIGITS ? digits(batch.rows.bytes, start, end) : ascii(batch, start, end))
}

/** A cell whose bytes are its text. */
function ascii({ text, from }: Decoding, start: number, end: number): string {
  return text.slice(start - from, end - from)
}

function digits(bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === MINUS
  let value = 0
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + bytes[at]! - ZERO
  return negative ? -value : value
}

function decodeFloat(batch: Decoding, start: number, end: number, marks: number): Value {
  return marks === 0 ? Number(ascii(batch, start, end)) : null
}

function decodeBoolean({ rows: { bytes } }: Decoding, start: number, _end: number, marks: number): Value {
  return marks === 0 ? bytes[start] !== ZERO : null
}

function decodeText(batch: Decoding, start: number, end: number, marks: number): Value {
  if (marks === 0) return ascii(batch, start, end)
  const { bytes } = batch.rows
  if ((marks & ESCAPED) === 0) return bytes.toString('utf8', start, end)
  const length = unescapeInto(scratch(end - start), bytes, start, end)
  return length < 0 ? null : plain.toString((marks & HIGH) === 0 ? 'latin1' : 'utf8', 0, length)
}

/** Where texts are unescaped, one after another. */
let plain = Buffer.allocUnsafeSlow(1 << 12)

function scratch(bytes: number): Buffer {
  if (plain.length < bytes) plain = Buffer.allocUnsafeSlow(bytes * 2)
  return plain
}

function decodeBytes({ rows: { bytes } }: Decoding, start: number, end: number): Value {
  const cell = new Uint8Array(end - start)
  const length = unescapeInto(cell, bytes, start, end)
  if (length < 0) return null
  return length === cell.length ? cell : cell.slice(0, length)
}

/** What cells look like that are of the column's kind, where others cannot be decoded as such. */
const forms: Partial<Record<Column['kind'], RegExp>> = {
  integer: /^-?\d+$/,
  float: /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i,
  boolean: /^[01]$/,
}

function orText({ kind }: Column, decode: Decode): Decode {
  const form = forms[kind]
  if (form === undefined) return decode
  return (batch, start, end, marks) => {
    const own = marks === 0 && form.test(ascii(batch, start, end))
    return own ? decode(batch, start, end, marks) : decodeText(batch, start, end, marks)
  }
}
