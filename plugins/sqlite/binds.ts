import { isUtf8 } from 'node:buffer'
import type { Column, ColumnMapping } from '../../src/contract/plugin.js'
import type { Affinity } from './affinity.js'
import { affinityOf, convertsNumbers } from './affinity.js'
import type { TextEncoding } from './cells.js'
import type { SqliteValue } from './driver.js'
import { fitsInt64, isExact } from './numbers.js'
import { isMarked, markedValue } from './stored.js'

/** The value to bind for a cell; undefined when the column would store it changed. */
type Bind = (cell: Buffer) => SqliteValue | undefined

/** How a column is written. */
export interface Binding {
  /** The expression that takes the parameter. */
  readonly sql: string
  readonly bind: Bind
}

const RAW: Binding = { sql: '?', bind: (cell) => cell }
/** Bound as bytes, because a JavaScript string on the way costs time and may change what is not UTF-8. */
const TEXT: Binding = { sql: 'CAST(? AS TEXT)', bind: (cell) => cell }
/** `CAST(bytes AS TEXT)` takes the bytes to be in the database's encoding, which UTF-16 databases must not. */
const TEXT_BY_STRING: Binding = { sql: '?', bind: (cell) => (isUtf8(cell) ? cell.toString() : undefined) }

/** How the cells of a mapping reach the target: chosen once per split. */
export function bindingOf(mapping: ColumnMapping, encoding: TextEncoding): Binding {
  const { source, target } = mapping
  if (source.cells === 'stored') return storedBinding(mapping)
  const affinity = affinityOf(target.type)
  if (source.kind === 'bytes') return RAW
  if (affinity === 'text') return encoding === 'UTF-8' ? TEXT : TEXT_BY_STRING
  switch (source.kind) {
    case 'integer':
    case 'boolean':
      // Small integers are bound as doubles: no string and no BigInt is made of them.
      return { sql: 'CAST(? AS INTEGER)', bind: affinity === 'real' ? bindIntegerAsReal : bindInteger }
    case 'decimal':
      return { sql: '?', bind: affinity === 'real' ? bindExact : bindDecimal }
    case 'float':
      return { sql: '?', bind: affinity === 'real' ? bindUnsignedZero : bindFloat }
    case 'text':
    case 'json':
    case 'date':
    case 'time':
    case 'datetime':
    case 'instant':
      return bindTextual(target, encoding)
    default:
      return source.kind satisfies never
  }
}

/** Every value goes in as what it is: the column does with it what the source's column did. */
function storedBinding({ source, target }: ColumnMapping): Binding {
  const plain = storedBind(source.kind, affinityOf(target.type))
  return { sql: '?', bind: (cell) => (isMarked(cell) ? markedValue(cell) : plain(cell)) }
}

function storedBind(kind: Column['kind'], affinity: Affinity): Bind {
  switch (kind) {
    case 'bytes':
      return (cell) => cell
    case 'float':
      return bindFloat
    case 'decimal':
      return bindDecimal
    case 'integer':
    case 'boolean':
      // Not as a double: an upsert compares the value with the one that is there before the column makes an integer of it.
      return (cell) => {
        const value = bindInteger(cell)
        return typeof value === 'number' ? BigInt(value) : value
      }
    default:
      return convertsNumbers(affinity) ? bindConverted : TEXT_BY_STRING.bind
  }
}

function bindTextual(target: Column, encoding: TextEncoding): Binding {
  const affinity = affinityOf(target.type)
  if (affinity === 'blob') return RAW
  if (convertsNumbers(affinity)) return { sql: '?', bind: bindConverted }
  return encoding === 'UTF-8' ? TEXT : TEXT_BY_STRING
}

function bindInteger(cell: Buffer): SqliteValue | undefined {
  const small = smallInteger(cell)
  if (small !== null) return small
  const text = cell.toString('latin1')
  if (!/^-?\d+$/.test(text)) return undefined
  const value = BigInt(text)
  return fitsInt64(value) ? value : undefined
}

function bindIntegerAsReal(cell: Buffer): SqliteValue | undefined {
  const value = bindInteger(cell)
  return typeof value === 'bigint' && BigInt(Number(value)) !== value ? undefined : value
}

/** An integer of at most 15 digits; null for everything else. */
function smallInteger(cell: Buffer): number | null {
  const { length } = cell
  const first = cell[0] === 0x2d ? 1 : 0
  if (length === first || length > 15) return null
  let value = 0
  for (let i = first; i < length; i++) {
    const digit = cell[i]! - 0x30
    if (digit < 0 || digit > 9) return null
    value = value * 10 + digit
  }
  return first === 0 ? value : -value
}

function bindDecimal(cell: Buffer): SqliteValue | undefined {
  const text = cell.toString('latin1')
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text)
    if (fitsInt64(value)) return value
  }
  return bindExact(cell)
}

function bindExact(cell: Buffer): SqliteValue | undefined {
  const text = cell.toString('latin1')
  const value = Number(text)
  return isExact(text, value) ? value : undefined
}

/** The digits of a double name that double, however many of them the source wrote; but none of them name an infinity. */
function bindFloat(cell: Buffer): SqliteValue | undefined {
  const text = cell.toString('latin1')
  const value = text === '' ? NaN : Number(text)
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) || text !== String(value) ? undefined : value
}

/** A REAL column keeps −0 as 0. */
function bindUnsignedZero(cell: Buffer): SqliteValue | undefined {
  const value = bindFloat(cell)
  return Object.is(value, -0) ? undefined : value
}

/** What SQLite takes for a number, more or less: it ends at a NUL and may stand between spaces. */
const LOOKS_NUMERIC = /^[\t-\r ]*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?[\t-\r ]*(\0|$)/i

/**
 * Text for a column that makes numbers of it. A number written as rowshift itself would write it back loses nothing;
 * `007` or `1e2` would be stored as something else.
 */
function bindConverted(cell: Buffer): SqliteValue | undefined {
  if (!isUtf8(cell)) return undefined
  const text = cell.toString()
  if (!LOOKS_NUMERIC.test(text)) return text
  if (/^(0|-?[1-9]\d*)$/.test(text)) {
    const value = BigInt(text)
    if (fitsInt64(value)) return value
  }
  const value = Number(text)
  return !Object.is(value, -0) && Number.isFinite(value) && String(value) === text ? value : undefined
}
