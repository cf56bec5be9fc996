/** What the texts that a user wrote stand for: the narrowest kind and value range that holds all of them. */
import { isJson } from '../config/json.js'
import type { ValueRange } from '../contract/value-range.js'
import type { Column, ColumnKind } from '../contract/table-schema.js'

/** What can be said of values before they are read. */
export type Facts = Pick<Column, 'kind' | 'type' | 'nullable' | 'valueRange'>

const INTEGER = /^(0|-?[1-9]\d*)$/
const DECIMAL = /^-?(0|[1-9]\d*)\.\d+$/
const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^-?\d{2,3}:[0-5]\d:[0-5]\d(\.\d{1,6})?$/
const DATETIME = /^(\d{4}-\d\d-\d\d) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/

/** Of times that a clock shows. */
const DAY = { earliest: '00:00:00', latest: '24:00:00' }

export const ASCII = { coverage: 'ascii', encoding: 'ascii', maxBytes: 1 } as const

/** Facts about a set of values; null is NULL. */
export function literalFacts(values: readonly (string | null)[]): Facts {
  const texts = [...new Set(values.filter((value) => value !== null))]
  const nullable = texts.length < values.length || values.length === 0
  const kind = literalKind(texts)
  const valueRange = literalRange(kind, texts)
  return { kind, type: typeName(kind, valueRange), nullable, valueRange }
}

export function literalKind(texts: readonly string[]): ColumnKind {
  const all = (is: (text: string) => boolean) => texts.length > 0 && texts.every(is)
  if (all((text) => INTEGER.test(text))) return 'integer'
  if (all((text) => INTEGER.test(text) || DECIMAL.test(text))) return 'decimal'
  if (all(isDate)) return 'date'
  if (all((text) => isDate(text) || isDatetime(text))) return 'datetime'
  if (all((text) => TIME.test(text))) return 'time'
  return all(isJson) ? 'json' : 'text'
}

function isDate(text: string): boolean {
  if (!DATE.test(text)) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

function isDatetime(text: string): boolean {
  return isDate(DATETIME.exec(text)?.[1] ?? '')
}

function literalRange(kind: ColumnKind, texts: readonly string[]): ValueRange {
  switch (kind) {
    case 'integer':
      return { min: extreme(texts, (a, b) => a < b), max: extreme(texts, (a, b) => a > b) }
    case 'decimal': {
      const digits = texts.map((text) => text.replace('-', '').split('.'))
      const scale = most(digits.map(([, fraction = '']) => fraction.length))
      const whole = most(digits.map(([whole]) => (whole === '0' ? 0 : whole!.length)))
      return { precision: Math.max(1, whole + scale), scale, ...(texts.some(isNegative) ? {} : { min: '0' }) }
    }
    case 'date':
    case 'datetime': {
      const sorted = [...texts].sort()
      const bounds = { dates: 'calendar', earliest: sorted[0]!, latest: sorted.at(-1)! } as const
      return kind === 'date' ? bounds : { ...bounds, fractionDigits: fractionDigits(texts) }
    }
    case 'time':
      return { fractionDigits: fractionDigits(texts), ...(texts.every(isClock) ? DAY : {}) }
    case 'json':
      // How it is spelled is nobody's concern, so a target may spell it anew.
      return { normalised: true }
    default:
      return {
        maxChars: most(texts.map(charsOf)),
        characters: charactersOf(texts.join('')),
        members: texts,
        ...(texts.some((text) => text.endsWith(' ')) ? {} : { stripsTrailingSpaces: true as const }),
      }
  }
}

function extreme(texts: readonly string[], before: (a: bigint, b: bigint) => boolean): string {
  return String(texts.map(BigInt).reduce((best, value) => (before(value, best) ? value : best)))
}

function isClock(text: string): boolean {
  return /^([01]\d|2[0-3]):/.test(text)
}

function isNegative(text: string): boolean {
  return text.startsWith('-')
}

function fractionDigits(texts: readonly string[]): number {
  return most(texts.map((text) => /\.(\d+)$/.exec(text)?.[1]!.length ?? 0))
}

/** The largest of any number of counts; 0: there is none. `Math.max(...counts)` fails for 120,000 of them. */
export function most(counts: readonly number[]): number {
  return counts.reduce((largest, count) => Math.max(largest, count), 0)
}

export function charsOf(text: string): number {
  return Array.from(text).length
}

/** The smallest coverage that has all of these characters. */
export function charactersOf(text: string): NonNullable<ValueRange['characters']> {
  if (/^[\0-\x7f]*$/.test(text)) return ASCII
  if (/^[\0-\uffff]*$/u.test(text)) return { coverage: 'bmp', encoding: 'utf8', maxBytes: 3 }
  return { coverage: 'unicode', encoding: 'utf8', maxBytes: 4 }
}

/** A type for people to read, in the words of standard SQL. */
export function typeName(
  kind: ColumnKind,
  { precision, scale, maxChars, fractionDigits }: ValueRange,
): string {
  switch (kind) {
    case 'decimal':
      return precision === undefined ? 'decimal' : `decimal(${precision},${scale})`
    case 'float':
      return 'double'
    case 'text':
      return maxChars === undefined ? 'text' : `varchar(${maxChars})`
    case 'time':
    case 'datetime':
      return fractionDigits ? `${kind}(${fractionDigits})` : kind
    case 'instant':
      return fractionDigits ? `timestamp(${fractionDigits})` : 'timestamp'
    default:
      return kind
  }
}
