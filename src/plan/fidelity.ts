/**
 * Whether every value that a source column can hold arrives unchanged in a target column, judged by what the two columns
 * declare. Knows kinds and value ranges only, no database.
 */
import type { Column, ColumnKind, ConversionCheck } from '../contract/plugin.js'
import { isSpellingChecked } from '../wire/silent-changes.js'
import { nonFiniteLosses, numberLosses, numberTextLength } from './fidelity-numbers.js'
import { byteLosses, textLosses } from './fidelity-text.js'
import { rareDateLosses, temporalTextLength, timeLosses } from './fidelity-times.js'

/** What some values of the source would lose, in words that follow "loses". Empty: nothing. */
export type Losses = readonly string[]
type Compare = (source: Column, target: Column) => Losses

/** The text that values are written as goes into a text column. */
const asText: Compare = (source, target) => [
  ...textLosses(withTextLength(source), target),
  ...(isNumber(source.kind) ? numberLosses(source, target) : []),
]
const notA =
  (what: string): Compare =>
  () => [`text that is not ${what}`]
/** A database that parses JSON writes it anew, whatever it came as. */
const respelled: Compare = (source, target) =>
  target.valueRange.normalised && !source.valueRange.normalised
    ? ['the spelling of JSON: key order, repeated keys, spaces and digits of numbers']
    : []
const nothing: Compare = () => []
const textToBytes: Compare = (source, target) => [
  'the character set: text becomes its UTF-8 bytes',
  ...byteLosses({ ...source, valueRange: { maxBytes: utf8Length(source) } }, target),
]
const bytesToText: Compare = (source, target) => [
  'bytes that are not UTF-8 text',
  ...textLosses(
    { ...source, valueRange: { ...source.valueRange, characters: target.valueRange.characters! } },
    target,
  ),
]
const numberToJson: Compare = (source, target) =>
  source.kind !== 'integer' && target.valueRange.normalised ? ['the spelling of numbers'] : []

/** The kinds that have a meaning as another kind. Pairs that are missing have none. */
const comparisons: Readonly<Record<ColumnKind, Partial<Record<ColumnKind, Compare>>>> = {
  integer: {
    integer: numberLosses,
    decimal: numberLosses,
    float: numberLosses,
    boolean: numberLosses,
    ...into(),
  },
  decimal: { integer: numberLosses, decimal: numberLosses, float: numberLosses, ...into() },
  float: { integer: numberLosses, decimal: numberLosses, float: numberLosses, ...into() },
  boolean: { integer: numberLosses, decimal: numberLosses, float: numberLosses, boolean: nothing, ...into() },
  text: {
    text: textLosses,
    integer: notA('an integer'),
    decimal: notA('a decimal number'),
    float: notA('a number'),
    boolean: notA('0 or 1'),
    json: (source, target) => ['text that is not JSON', ...respelled(source, target)],
    date: notA('a date'),
    time: notA('a time'),
    datetime: notA('a date and time'),
    instant: notA('a date and time'),
    bytes: textToBytes,
  },
  bytes: { bytes: byteLosses, text: bytesToText },
  json: { json: jsonLosses, text: textLosses },
  date: { date: timeLosses, datetime: timeLosses, instant: timeLosses, text: asText },
  time: { time: timeLosses, text: asText },
  datetime: { datetime: timeLosses, instant: timeLosses, date: timeLosses, text: asText },
  instant: { instant: timeLosses, datetime: timeLosses, date: timeLosses, text: asText },
}

function into(): Partial<Record<ColumnKind, Compare>> {
  return { text: asText, json: numberToJson }
}

export function judge(source: Column, target: Column): ConversionCheck {
  if (source.valueRange.members?.length === 0) return judgeNull(target)
  if (source.cells === 'stored' && target.cells === 'stored') return judgeStored(source, target)
  const compare = hasMeaning(source, target) ? comparisons[source.kind][target.kind] : undefined
  if (compare === undefined) {
    return { conversion: 'impossible', why: `${describe(source)} has no meaning as ${describe(target)}` }
  }
  if (!fitsCells(source, target)) {
    return { conversion: 'impossible', why: notText(source) }
  }
  const same = source.cells === 'numbered' || (source.kind === target.kind && sameRange(source, target))
  const values = same ? [] : [...new Set([...subtypeLosses(source, target), ...compare(source, target)])]
  const nulls = source.nullable && !target.nullable ? ['NULL'] : []
  const losses = [...nulls, ...values, ...rareLosses(source, target)]
  if (losses.length === 0) return lossless(source, target)
  // Each value of a source without bounds is checked when it is written, but what is written anew passes every check.
  const unchecked =
    (target.kind === 'json' &&
      ['text', 'json'].includes(source.kind) &&
      respelled(source, target).length > 0) ||
    isWrittenAnew(source, target)
  const loses =
    nulls.length > 0 ||
    unchecked ||
    (values.length > 0 && !source.valueRange.dynamic && !checkedThere(source, target))
  return { conversion: loses ? 'lossy' : 'checked', why: losses.join('; ') }
}

function judgeStored(source: Column, target: Column): ConversionCheck {
  if (source.nullable && !target.nullable) return { conversion: 'lossy', why: 'NULL' }
  return { conversion: 'exact', why: 'same type, any value' }
}

/** A target that declares no bounds looks at each number, and takes those that it keeps exactly. */
function checkedThere(source: Column, target: Column): boolean {
  const exact = ({ kind }: Column) => kind === 'integer' || kind === 'decimal'
  return target.valueRange.dynamic === true && exact(source) && exact(target)
}

/** Cells that are not UTF-8 have a meaning only where the target expects the same. */
function fitsCells({ cells }: Column, target: Column): boolean {
  return cells === undefined || cells === 'utf8' || cells === 'reversible' || cells === target.cells
}

function notText(source: Column): string {
  if (source.cells === 'stored')
    return `its cells are values of any kind, which only a ${describe(source)} column of the same database type takes`
  const what =
    source.cells === 'numbered'
      ? 'the numbers of members'
      : `text in ${source.valueRange.characters?.encoding}`
  return `its cells are ${what}, which only a column like ${describe(source)} takes`
}

/** A column without any possible value is always NULL, whatever its kind. */
function judgeNull({ nullable }: Column): ConversionCheck {
  return nullable ? { conversion: 'widening', why: 'always NULL' } : { conversion: 'lossy', why: 'NULL' }
}

function lossless(source: Column, target: Column): ConversionCheck {
  if (source.kind !== target.kind) {
    const utc = source.kind === 'instant' ? ', in UTC' : ''
    return { conversion: 'widening', why: `every value fits as ${describe(target)}${utc}` }
  }
  // The text that a database writes anew itself is kept by every other.
  if (source.kind === 'json' || sameRange(source, target)) return { conversion: 'exact', why: 'same type' }
  return { conversion: 'widening', why: `every value fits into ${target.type || target.kind}` }
}

function sameRange(source: Column, target: Column): boolean {
  const canonical = ({ valueRange }: Column) =>
    JSON.stringify({
      ...valueRange,
      members: valueRange.members && [...valueRange.members].sort(),
      // Judged apart.
      unsignedZero: undefined,
    })
  return source.valueRange.ambiguous === undefined && canonical(source) === canonical(target)
}

/** A geometry or a UUID is itself, text or bytes, nothing else; and only UTF-8 columns can take the bytes of a cell as text. */
function hasMeaning({ kind, valueRange }: Column, target: Column): boolean {
  if (kind === target.kind || (kind !== 'text' && kind !== 'bytes')) return true
  if (valueRange.subtypes !== undefined && !valueRange.dynamic) return false
  if (kind !== 'bytes' || target.kind !== 'text') return true
  return (target.valueRange.characters?.encoding ?? 'utf8') === 'utf8' && valueRange.maxBits === undefined
}

/** Hardly any column holds such a value: no reason to refuse all that could. */
function rareLosses(source: Column, target: Column): Losses {
  const signed = source.kind === 'float' && source.valueRange.unsignedZero !== true
  const parsed =
    source.valueRange.normalised === true && source.sql === undefined && !source.valueRange.dynamic
  return [
    ...(signed && target.valueRange.unsignedZero === true ? ['the sign of −0'] : []),
    ...nonFiniteLosses(source, target),
    ...(DATES.has(source.kind) ? rareDateLosses(source, target) : []),
    ...(mayHaveNul(source) && target.valueRange.rejectsNul ? ['the character NUL'] : []),
    ...(parsed && target.valueRange.normalised === true
      ? ['types inside that its text does not show (DECIMAL, unsigned, dates and times, bytes)']
      : []),
  ]
}

const DATES: ReadonlySet<ColumnKind> = new Set(['date', 'datetime', 'instant'])

/** Text of a number, a date or JSON has none. */
function mayHaveNul({ kind, valueRange }: Column): boolean {
  const free = valueRange.rejectsNul || valueRange.members !== undefined || valueRange.subtypes !== undefined
  return (kind === 'text' || kind === 'bytes') && !free
}

/** What every value of a kind is. */
const KIND_FORMS: Partial<Record<ColumnKind, string>> = { time: 'a span of time' }

function subtypeLosses(source: Column, target: Column): Losses {
  const subtype = target.valueRange.subtypes?.at(-1)
  if (
    subtype === undefined ||
    subtype === KIND_FORMS[source.kind] ||
    source.valueRange.subtypes?.includes(subtype)
  )
    return []
  return [`values that are not ${subtype}`]
}

/** A type of a form of its own may take more spellings than it gives back: `1 week` is `7 days`. Bytes of another form are refused. */
function isWrittenAnew(source: Column, target: Column): boolean {
  const form = target.valueRange.subtypes?.at(-1) ?? ''
  const respells = target.kind === 'text' || target.kind === 'decimal'
  return respells && !isSpellingChecked(form) && subtypeLosses(source, target).length > 0
}

function jsonLosses(source: Column, target: Column): Losses {
  return [...respelled(source, target), ...textLosses(source, target)]
}

function isNumber(kind: ColumnKind): boolean {
  return kind === 'integer' || kind === 'decimal' || kind === 'float' || kind === 'boolean'
}

function withTextLength(source: Column): Column {
  const length = isNumber(source.kind) ? numberTextLength(source) : temporalTextLength(source)
  const characters = { coverage: 'ascii', encoding: 'ascii', maxBytes: 1 }
  return {
    ...source,
    valueRange: {
      ...(length === undefined ? {} : { maxChars: length }),
      characters,
      stripsTrailingSpaces: true,
    },
  }
}

function utf8Length({ valueRange }: Column): number {
  const { maxChars, maxBytes, characters } = valueRange
  if (characters?.encoding === 'utf8' && maxBytes !== undefined) return maxBytes
  return (maxChars ?? maxBytes ?? Infinity) * 4
}

function describe({ kind, type }: Column): string {
  return type === '' ? kind : `${type} (${kind})`
}
