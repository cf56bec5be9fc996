import type { Column, ColumnMapping } from '../../contract/plugin.js'
import { canonicalJson } from './json.js'

/**
 * How a cell of one end is brought to a spelling that can be compared with the other end's outside the databases. Whatever is not
 * named here is compared byte by byte.
 *
 * - `number`: plain digits; zeros that do not count and the sign of zero are left out, an exponent is applied;
 * - `single`: the same for the shortest number that a float of 32 bits is known by;
 * - `float`: the 64-bit number that the text stands for; `unsigned zero`: the same, and zero has no sign;
 * - `time`: zeros at the end of the fraction, seconds that are zero, and the zone mark of UTC, are left out;
 * - `day`: the same, and midnight is not a time: one end has no time of day;
 * - `json`: parsed; the order of keys, spaces and the spelling of numbers do not matter;
 * - `bits`: zero bytes in front do not matter;
 * - `padded N`: zero bytes are added at the end, up to N bytes.
 */
export type Canonicalization =
  | 'bytes'
  | 'number'
  | 'single'
  | 'float'
  | 'unsigned zero'
  | 'time'
  | 'day'
  | 'json'
  | 'bits'
  | `padded ${number}`

/** The spellings in which a copied value is the same on both ends, and any other value is not. */
export interface CanonicalizationPair {
  readonly source: Canonicalization
  readonly target: Canonicalization
}

export type SideName = keyof CanonicalizationPair

const NUMBERS = new Set<string>(['integer', 'decimal', 'boolean'])
const TIMES = new Set<string>(['date', 'time', 'datetime', 'instant'])

export function canonicalizationsOf({
  source,
  target,
}: Pick<ColumnMapping, 'source' | 'target'>): CanonicalizationPair {
  const both = (how: Canonicalization): CanonicalizationPair => ({ source: how, target: how })
  if (source.cells === 'stored') return both('bytes')
  // Both ends hold whatever they are given, so that a copy changes nothing.
  if (isFree(source) && isFree(target)) return both('bytes')
  const from = source.kind === 'text' ? target.kind : source.kind
  if (NUMBERS.has(from) && NUMBERS.has(target.kind)) return both('number')
  if (target.kind === 'float' && NUMBERS.has(source.kind)) {
    return { source: 'number', target: target.valueRange.bits === 24 ? 'single' : 'number' }
  }
  if (from === 'float' && NUMBERS.has(target.kind)) return both('number')
  if (from === 'float' && target.kind === 'float') {
    const unsigned = [source, target].some(({ valueRange }) => valueRange.unsignedZero === true)
    return both(unsigned ? 'unsigned zero' : 'float')
  }
  if (TIMES.has(from) && TIMES.has(target.kind)) {
    const day = [source, target].some(({ kind }) => kind === 'date' || kind === 'text')
    return both(day ? 'day' : 'time')
  }
  if (source.kind === 'time' && target.valueRange.subtypes?.includes('a span of time')) return both('time')
  if (source.valueRange.normalised || target.valueRange.normalised) return both('json')
  if (target.valueRange.maxBits !== undefined) return both('bits')
  const { padded, maxBytes } = target.valueRange
  return padded ? { source: `padded ${maxBytes!}`, target: 'bytes' } : both('bytes')
}

function isFree({ valueRange, sql }: Column): boolean {
  return valueRange.dynamic === true && sql === undefined
}

/** A cell brought to its canonical spelling; equal bytes are equal values. */
export function canonical(how: Canonicalization, cell: Buffer): Buffer {
  switch (how) {
    case 'bytes':
      return cell
    case 'number':
      return Buffer.from(plainNumber(cell.toString('latin1')), 'latin1')
    case 'single':
      return Buffer.from(plainNumber(shortestSingle(cell.toString('latin1'))), 'latin1')
    case 'float':
    case 'unsigned zero':
      return floatBytes(cell.toString('latin1'), how === 'float')
    case 'time':
      return Buffer.from(plainTime(cell.toString('latin1')), 'latin1')
    case 'day':
      return Buffer.from(plainTime(cell.toString('latin1')).replace(/ 00:00$/, ''), 'latin1')
    case 'json':
      return canonicalJson(cell)
    case 'bits':
      return withoutZeros(cell)
    default:
      return Buffer.concat([
        cell,
        Buffer.alloc(Math.max(0, Number(how.slice('padded '.length)) - cell.length)),
      ])
  }
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i

/** Text that is not a number stays as it is. */
function plainNumber(text: string): string {
  const [match, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? []
  if (match === undefined || whole + fraction === '') return text
  const point = whole.length + Number(exponent)
  const digits = whole + fraction
  const before = point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0')
  const after = point <= 0 ? '0'.repeat(-point) + digits : digits.slice(point)
  const plain = `${before.replace(/^0+/, '') || '0'}.${after.replace(/(?<!0)0+$/, '')}`.replace(/\.$/, '')
  return sign === '-' && plain !== '0' ? `-${plain}` : plain
}

const SINGLE_DIGITS = 9

function shortestSingle(text: string): string {
  const value = Number(text)
  for (let digits = 1; digits <= SINGLE_DIGITS; digits++) {
    const shorter = value.toPrecision(digits)
    if (Math.fround(Number(shorter)) === value) return shorter
  }
  return text
}

/** Text that is not a number keeps its own bytes, which are never those of a number: there are not eight of them alone. */
function floatBytes(text: string, signed: boolean): Buffer {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) return Buffer.from(`text ${text}`, 'latin1')
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value === 0 && !signed ? 0 : value)
  return bytes
}

function plainTime(text: string): string {
  return text
    .replace(/^(\d{4}-\d\d-\d\d)T/, '$1 ')
    .replace(/(Z|[+-]00:?00)$/, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
    .replace(/^((?:\d{4}-\d\d-\d\d |-?)\d{2,3}:\d\d):00$/, '$1')
}

function withoutZeros(cell: Buffer): Buffer {
  let from = 0
  while (from < cell.length && cell[from] === 0) from++
  return cell.subarray(from)
}
