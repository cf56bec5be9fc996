import type { Column, ColumnMapping } from '../plugin.js'
import { canonicalJson } from './json.js'

/**
 * How two cells of a column are brought to one spelling before they are compared outside the databases. Whatever is not
 * named here is compared byte by byte.
 *
 * - `number`: zeros that do not count and the sign of zero are left out;
 * - `float`: the 64-bit number that the text stands for; zero has no sign;
 * - `time`: zeros at the end of the fraction, and the zone mark of UTC, are left out;
 * - `day`: the same, and midnight is no time: one end has no time of day;
 * - `json`: parsed; the order of keys, spaces and the spelling of numbers do not matter;
 * - `bits`: zero bytes in front do not matter; `padded`: nor, here, those at the end.
 */
export type Form = 'bytes' | 'number' | 'float' | 'time' | 'day' | 'json' | 'bits' | 'padded'

const NUMBERS = new Set<string>(['integer', 'decimal', 'boolean'])
const TIMES = new Set<string>(['date', 'time', 'datetime', 'instant'])

/** The form in which both ends of a column can be compared. */
export function formOf({ source, target }: Pick<ColumnMapping, 'source' | 'target'>): Form {
  const both = (kinds: ReadonlySet<string>) => kinds.has(source.kind) && kinds.has(target.kind)
  const either = (is: (column: Column) => boolean) => is(source) || is(target)
  if (both(NUMBERS)) return 'number'
  if (both(new Set([...NUMBERS, 'float']))) return 'float'
  if (both(TIMES)) return either(({ kind }) => kind === 'date') ? 'day' : 'time'
  if (either(({ domain }) => domain.normalised === true)) return 'json'
  if (source.kind !== 'bytes' || target.kind !== 'bytes') return 'bytes'
  if (either(({ domain }) => domain.maxBits !== undefined)) return 'bits'
  const lengths = new Set([source, target].map(({ domain }) => domain.padded && domain.maxBytes))
  return lengths.size > 1 ? 'padded' : 'bytes'
}

/** A cell in its form; equal bytes are equal values. */
export function canonical(form: Form, cell: Buffer): Buffer {
  switch (form) {
    case 'bytes':
      return cell
    case 'number':
      return Buffer.from(plainNumber(cell.toString('latin1')), 'latin1')
    case 'float':
      return floatBytes(cell.toString('latin1'))
    case 'time':
      return Buffer.from(plainTime(cell.toString('latin1')), 'latin1')
    case 'day':
      return Buffer.from(plainTime(cell.toString('latin1')).replace(/ 00:00(:00)?$/, ''), 'latin1')
    case 'json':
      return canonicalJson(cell)
    case 'bits':
      return withoutZeros(cell, true)
    case 'padded':
      return withoutZeros(cell, false)
    default:
      return form satisfies never
  }
}

function plainNumber(text: string): string {
  const [match, sign, whole, fraction = ''] = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) ?? []
  if (match === undefined) return text
  if (whole === '' && fraction === '') return '0'
  return `${sign === '-' ? '-' : ''}${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** Text that is no number keeps its own bytes, which are never those of a number: there are not eight of them alone. */
function floatBytes(text: string): Buffer {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) return Buffer.from(`text ${text}`, 'latin1')
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value === 0 ? 0 : value)
  return bytes
}

function plainTime(text: string): string {
  return text
    .replace(/^(\d{4}-\d\d-\d\d)T/, '$1 ')
    .replace(/(Z|[+-]00:?00)$/, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}

function withoutZeros(cell: Buffer, front: boolean): Buffer {
  let from = 0
  let to = cell.length
  if (front) while (from < to && cell[from] === 0) from++
  else while (to > from && cell[to - 1] === 0) to--
  return cell.subarray(from, to)
}
