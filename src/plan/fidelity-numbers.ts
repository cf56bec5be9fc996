import type { Column } from '../contract/plugin.js'

interface Range {
  /** null: no bound. */
  readonly min: bigint | null
  readonly max: bigint | null
}

/** What numbers of one column lose in another. */
export function numberLosses(source: Column, target: Column): string[] {
  return [...rangeLosses(source, target), ...scaleLosses(source, target), ...digitLosses(source, target)]
}

function rangeLosses(source: Column, target: Column): string[] {
  // The range is that of the integers of such a column; its other numbers are floats themselves.
  const ownRange = target.kind === 'integer' || target.kind === 'float'
  if (source.kind === 'float' && !ownRange && target.valueRange.bits !== undefined) return []
  const from = rangeOf(source)
  const to = rangeOf(target)
  const losses: string[] = []
  if (to.min !== null && (from.min === null || from.min < to.min)) losses.push(`numbers below ${to.min}`)
  if (to.max !== null && (from.max === null || from.max > to.max)) losses.push(`numbers above ${to.max}`)
  return losses
}

/** The whole numbers between which the values lie. */
function rangeOf({ kind, valueRange }: Column): Range {
  if (kind === 'boolean') return { min: 0n, max: 1n }
  const { min, max, precision, scale = 0 } = valueRange
  const digits = precision === undefined ? null : 10n ** BigInt(precision - scale)
  const declaredMax = max === undefined ? null : BigInt(max)
  return {
    min: min === undefined ? digits && 1n - digits : BigInt(min),
    max: digits === null ? declaredMax : digits - 1n,
  }
}

function scaleLosses(source: Column, target: Column): string[] {
  const scale = scaleOf(target)
  if (scaleOf(source) <= scale) return []
  return [scale === 0 ? 'fractions' : `digits beyond ${scale} decimal places`]
}

function scaleOf({ kind, valueRange }: Column): number {
  return kind === 'integer' || kind === 'boolean' ? 0 : (valueRange.scale ?? Infinity)
}

/** Numbers that no digits write, where the target does not hold them. */
export function nonFiniteLosses(source: Column, target: Column): string[] {
  if (!NUMBERS.includes(target.kind)) return []
  const [from, to] = [nonFiniteOf(source), nonFiniteOf(target)]
  const has = (which: 'nan' | 'infinities') =>
    (from === which || from === 'all') && to !== which && to !== 'all'
  return [...(has('nan') ? ['NaN'] : []), ...(has('infinities') ? ['Infinity and -Infinity'] : [])]
}

const NUMBERS: readonly Column['kind'][] = ['integer', 'decimal', 'float']

function nonFiniteOf({ kind, valueRange }: Column): NonNullable<Column['valueRange']['nonFinite']> {
  return kind === 'float' || kind === 'decimal'
    ? (valueRange.nonFinite ?? (kind === 'float' ? 'all' : 'none'))
    : 'none'
}

/** A binary number holds every decimal one of 15 (or 6) digits, and every integer of as many bits. */
function digitLosses(source: Column, target: Column): string[] {
  const { bits } = target.valueRange
  if (bits === undefined) return []
  const digits = bits === 24 ? 6 : 15
  const loss = [`digits beyond the first ${digits}`]
  if (source.kind === 'float') return (source.valueRange.bits ?? 53) > bits ? loss : []
  if (source.kind === 'decimal') return (source.valueRange.precision ?? Infinity) > digits ? loss : []
  if (target.kind !== 'float') return []
  const { min, max } = rangeOf(source)
  const most = 2n ** BigInt(bits)
  return min !== null && max !== null && min >= -most && max <= most ? [] : [`integers beyond ${most}`]
}

/** Most characters of a number's text; undefined when there is no bound. */
export function numberTextLength(column: Column): number | undefined {
  const { maxChars, precision, scale = 0, min } = column.valueRange
  if (maxChars !== undefined) return maxChars
  // A sign, 17 digits, a point and an exponent like e-308.
  if (column.kind === 'float') return 24
  if (precision !== undefined)
    return precision + (scale > 0 ? 1 : 0) + (precision === scale ? 1 : 0) + (min === '0' ? 0 : 1)
  const range = rangeOf(column)
  if (range.min === null || range.max === null) return undefined
  return Math.max(String(range.min).length, String(range.max).length)
}
