import type { CastType } from '../contract/derivation.js'

const INTEGER_BITS: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
}
const MOST_DIGITS = 65
const MOST_SCALE = 30
const MOST_CHARS = 16_383

/** The type that a cast names; null when there is none of that name. */
export function parseCast(name: string): CastType | null {
  const text = name.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  const [, base, first, second, unsigned] =
    /^([a-z]+)(?: ?\( ?(\d+)(?: ?, ?(\d+))? ?\))?( unsigned)?$/.exec(text) ?? []
  if (base === undefined) return null
  const a = first === undefined ? null : Number(first)
  const b = second === undefined ? null : Number(second)
  if (a === null && Object.hasOwn(INTEGER_BITS, base))
    return integerType(text, INTEGER_BITS[base]!, unsigned !== undefined)
  if (unsigned !== undefined) return null
  switch (base) {
    case 'decimal':
      return decimalType(text, a ?? 10, b ?? 0)
    case 'double':
      return a === null ? { kind: 'float', name: text } : null
    case 'text':
      return a === null ? { kind: 'text', name: text, maxChars: null } : null
    case 'varchar':
      return a === null || b !== null || a > MOST_CHARS ? null : { kind: 'text', name: text, maxChars: a }
    case 'date':
      return a === null ? { kind: 'date', name: text } : null
    case 'datetime':
      return b !== null || (a ?? 0) > 6 ? null : { kind: 'datetime', name: text, fractionDigits: a ?? 0 }
    default:
      return null
  }
}

function integerType(name: string, bits: bigint, unsigned: boolean): CastType {
  const [min, max] = unsigned ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
  return { kind: 'integer', name, min: String(min), max: String(max) }
}

function decimalType(name: string, precision: number, scale: number): CastType | null {
  const valid = precision >= 1 && precision <= MOST_DIGITS && scale <= MOST_SCALE && scale <= precision
  return valid ? { kind: 'decimal', name, precision, scale } : null
}
