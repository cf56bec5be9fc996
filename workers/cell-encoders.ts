import { ESCAPE_LETTER, TAB } from '../src/wire/batch.js'
import type { BatchBuilder } from '../src/wire/builder.js'
import type { Column, ValueRange } from '../src/contract/plugin.js'
import { decimalFault, integerFault, plainDigits, roundedFloat } from './number-validation.js'
import { momentFault } from './time-validation.js'
import { counted } from '../src/wire/counted.js'

/**
 * Appends a value to a column of the target, or says what is wrong with it. What a server would change without a word is a
 * fault here already; the plan counts on that (`guaranteed` in `src/features/transform/plan.ts`).
 */
export type Encode = (value: unknown, to: BatchBuilder) => string | null

/** Longer texts are looked at by a regular expression and encoded by the runtime, whose calls cost as much as 50 characters. */
const SHORT = 50

const NULL_FAULT = 'the column is NOT NULL'

export function encoderOf(target: Column): Encode {
  const encode = kindEncoder(target)
  const { nullable } = target
  return (value, to) => {
    if (value !== null) return encode(value, to)
    if (!nullable) return NULL_FAULT
    to.appendNull()
    return null
  }
}

function kindEncoder(target: Column): Encode {
  switch (target.kind) {
    case 'integer':
      return integerEncoder(target)
    case 'decimal':
      return decimalEncoder(target)
    case 'float':
      return floatEncoder(target)
    case 'boolean':
      return encodeBoolean
    case 'text':
      return textEncoder(target)
    case 'json':
      return encodeJson
    case 'bytes':
      return bytesEncoder(target)
    case 'date':
    case 'time':
    case 'datetime':
    case 'instant':
      return momentEncoder(target)
    default:
      return target.kind satisfies never
  }
}

function integerEncoder(target: Column): Encode {
  const { min, max, subtypes } = target.valueRange
  const year = subtypes?.includes('a year')
  // Numbers within these bounds need no further look.
  const least = Math.max(Number(min ?? 0), Number.MIN_SAFE_INTEGER)
  const most = Math.min(Number(max ?? 0), Number.MAX_SAFE_INTEGER)
  return (value, to) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most && !year) {
      to.appendPlain(value === 0 ? '0' : String(value))
      return null
    }
    const fault = integerFault(value, target.valueRange)
    if (fault !== null) return fault
    const text =
      typeof value === 'boolean' ? String(Number(value)) : String(value as number | bigint | string)
    to.appendPlain(year ? text.padStart(4, '0') : text)
    return null
  }
}

function decimalEncoder({ valueRange }: Column): Encode {
  return (value, to) => {
    const digits = plainDigits(value)
    if (digits === null)
      return 'not a decimal number: give a string such as "12.50", a bigint or a finite number'
    const fault = decimalFault(digits, valueRange)
    if (fault === null) to.appendPlain(digits)
    return fault
  }
}

function floatEncoder({ valueRange }: Column): Encode {
  return (value, to) => {
    const text = typeof value === 'string' && value.trim() !== ''
    const number = typeof value === 'number' || text ? Number(value) : NaN
    if (!Number.isFinite(number)) return encodeNonFinite(value, valueRange, to)
    const rounded = roundedFloat(number, valueRange)
    if (typeof rounded === 'string') return rounded
    to.appendPlain(Object.is(rounded, -0) ? '-0' : String(rounded))
    return null
  }
}

/** A text that is a number beyond all floats is not Infinity. */
function encodeNonFinite(value: unknown, { nonFinite }: ValueRange, to: BatchBuilder): string | null {
  const infinite = value === Infinity || value === -Infinity
  const fits = infinite ? nonFinite !== 'none' : typeof value === 'number' && nonFinite === undefined
  if (!fits) return 'not a finite number'
  to.appendPlain(String(value))
  return null
}

function encodeBoolean(value: unknown, to: BatchBuilder): string | null {
  const number = Number(value)
  const fits = typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint'
  if (!fits || (number !== 0 && number !== 1)) return 'neither true, false, 0 nor 1'
  to.appendPlain(number === 1 ? '1' : '0')
  return null
}

function textEncoder({ valueRange }: Column): Encode {
  const { stripsTrailingSpaces } = valueRange
  const members = valueRange.members && new Set(valueRange.members)
  return (value, to) => {
    if (typeof value !== 'string') return textFault(value)
    if (stripsTrailingSpaces && value.endsWith(' '))
      return 'the column does not keep spaces at the end: take them away'
    if (members && !isMember(value, members, valueRange)) return 'not a member of the column'
    return appendText(value, to)
  }
}

function isMember(value: string, members: ReadonlySet<string>, { multiValued }: ValueRange): boolean {
  if (!multiValued) return members.has(value)
  return value === '' || value.split(',').every((part) => members.has(part))
}

function encodeJson(value: unknown, to: BatchBuilder): string | null {
  return typeof value === 'string' ? appendText(value, to) : textFault(value)
}

function textFault(value: unknown): string {
  if (value instanceof Date) return 'not a string: write the date down, for instance by toISOString()'
  if (typeof value === 'object') return 'not a string: give JSON.stringify(…) of it'
  return 'not a string: give String(…) of it'
}

function momentEncoder(target: Column): Encode {
  return (value, to) => {
    const fault = momentFault(value, target)
    if (fault === null) to.appendPlain(value as string)
    return fault
  }
}

function bytesEncoder({ valueRange: { maxBytes, padded, maxBits } }: Column): Encode {
  return (value, to) => {
    if (!(value instanceof Uint8Array)) return 'not a Uint8Array'
    if (maxBytes !== undefined && value.length > maxBytes)
      return `${counted(value.length, 'byte')}, and the column takes ${maxBytes}`
    if (padded && value.length !== maxBytes)
      return `${counted(value.length, 'byte')}, and the column would fill them up to ${maxBytes}`
    if (maxBits !== undefined && bitsOf(value) > maxBits) return `more than ${maxBits} bits`
    to.appendBytes(value)
    return null
  }
}

function bitsOf(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first]!) - 24)
}

function appendText(text: string, to: BatchBuilder): string | null {
  if (text.length > SHORT) return appendLong(text, to)
  // Three bytes are the most that a character of a string takes; escaped ones take two.
  to.reserve(text.length * 3 + 1)
  const out = to.buffer
  let at = to.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80 || ESCAPE_LETTER[code] !== 0) return appendEscaped(text, to)
    out[at++] = code
  }
  out[at++] = TAB
  to.length = at
  return null
}

function appendLong(text: string, to: BatchBuilder): string | null {
  // oxlint-disable-next-line no-control-regex
  if (/[\0\t\n\r\\]/.test(text)) return appendEscaped(text, to)
  const bytes = Buffer.byteLength(text)
  if (bytes !== text.length && !isWellFormed(text)) return NOT_WELL_FORMED
  to.reserve(bytes + 1)
  to.length += to.buffer.write(text, to.length)
  to.buffer[to.length++] = TAB
  return null
}

const NOT_WELL_FORMED = 'half of a character: the string was cut in the middle of a surrogate pair'

function appendEscaped(text: string, to: BatchBuilder): string | null {
  if (!isWellFormed(text)) return NOT_WELL_FORMED
  to.appendBytes(Buffer.from(text))
  return null
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
