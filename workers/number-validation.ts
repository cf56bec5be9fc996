import type { ValueRange } from '../src/contract/plugin.js'

const FLOAT_MAX = 3.4028234663852886e38

/** What keeps a value from being written as an integer; null: nothing. */
export function integerFault(value: unknown, { min, max, subtypes }: ValueRange): string | null {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    return 'beyond the integers that a number holds exactly: give a bigint'
  const number = integerOf(value)
  if (number === null) return 'not an integer: give a number, a bigint or a string of digits'
  if (min !== undefined && number < BigInt(min)) return `less than ${min}`
  if (max !== undefined && number > BigInt(max)) return `more than ${max}`
  if (subtypes?.includes('a year') && number !== 0n && number <= 1900n) return 'not a year from 1901'
  return null
}

function integerOf(value: unknown): bigint | null {
  switch (typeof value) {
    case 'bigint':
      return value
    case 'boolean':
      return BigInt(value)
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : null
    case 'string':
      return /^-?\d+$/.test(value) ? BigInt(value) : null
    default:
      return null
  }
}

/** A number without an exponent; null: it is none. */
export function plainDigits(value: unknown): string | null {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return /^(?!.{401})-?(\d+(\.\d*)?|\.\d+)$/.test(value) ? value : null
  if (typeof value !== 'number' || !Number.isFinite(value)) return null
  const text = String(value)
  const [, sign, whole, fraction = '', exponent] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? []
  if (exponent === undefined) return text
  const point = whole!.length + Number(exponent)
  const digits = whole! + fraction
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return sign + digits.padEnd(point, '0')
}

/** What of a decimal number its column would round or refuse; null: nothing. */
export function decimalFault(digits: string, { min, precision, scale }: ValueRange): string | null {
  const [, sign, whole = '', fraction = ''] = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(digits)!
  if (sign === '-' && min === '0' && whole + fraction !== '') return 'less than 0'
  if (scale !== undefined && fraction.length > scale)
    return `more than ${scale} decimal places: round it, for instance by toFixed(${scale})`
  if (precision !== undefined && whole.length > precision - (scale ?? 0))
    return `more than ${precision - (scale ?? 0)} digits before the point`
  return null
}

/** The number that a column of floats holds in the place of this one, or what is wrong with it. */
export function roundedFloat(value: number, { bits, min, scale }: ValueRange): number | string {
  if (min === '0' && value < 0) return 'less than 0'
  if (scale !== undefined && Number(value.toFixed(scale)) !== value)
    return `more than ${scale} decimal places`
  if (bits !== 24) return value
  // The nearest float of 32 bits, as any program has it.
  return Math.abs(value) > FLOAT_MAX ? 'beyond the range of a float of 32 bits' : Math.fround(value)
}
