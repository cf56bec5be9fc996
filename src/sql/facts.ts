/** What is known of values after a step, from what was known before it. */
import type { ValueRange } from '../contract/value-range.js'
import type { ColumnKind } from '../contract/table-schema.js'
import type { Facts } from './literals.js'
import { ASCII, charactersOf, charsOf, literalFacts, most, typeName } from './literals.js'

/** Text is compared by its bytes, whole and decimal numbers by their value; everything else is made text first. */
export function isComparable({ kind }: Facts): boolean {
  return kind === 'text' || kind === 'integer' || kind === 'decimal' || kind === 'boolean'
}

/** Of a text that stands in a template. */
export function fixedText(text: string): Facts {
  return textual({ maxChars: charsOf(text), characters: charactersOf(text) }, false)
}

/** Of the texts that the values are written as. */
export function textFacts({ kind, valueRange, nullable }: Facts): Facts {
  if (kind === 'text') return textual(valueRange, nullable)
  const maxChars = valueRange.dynamic ? undefined : mostChars(kind, valueRange)
  const characters = kind === 'json' ? undefined : ASCII
  return textual(
    {
      ...(valueRange.dynamic ? { dynamic: true } : {}),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...(characters === undefined || valueRange.dynamic ? {} : { characters, stripsTrailingSpaces: true }),
    },
    nullable,
  )
}

export function trimmed({ valueRange, nullable }: Facts): Facts {
  const plain = withMembers(valueRange, (member) => member.replaceAll(/^ +|(?<! ) +$/g, ''))
  return textual({ ...plain, stripsTrailingSpaces: true }, nullable)
}

export function replaced(
  { valueRange, nullable }: Facts,
  pairs: readonly (readonly [string, string])[],
): Facts {
  const growth = pairs.reduce((most, [from, to]) => most * Math.max(1, charsOf(to) / charsOf(from)), 1)
  const {
    maxBytes,
    stripsTrailingSpaces: _,
    ...rest
  } = withMembers(valueRange, (member) =>
    pairs.reduce((text, [from, to]) => text.replaceAll(from, to), member),
  )
  const added = charactersOf(pairs.map(([, to]) => to).join(''))
  const maxChars = growth === 1 ? rest.maxChars : scaled(rest.maxChars ?? maxBytes, growth)
  return textual(
    {
      ...without(rest, 'maxChars'),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...(growth === 1 && maxBytes !== undefined && added === ASCII ? { maxBytes } : {}),
      ...charactersField(valueRange.characters, added),
    },
    nullable,
  )
}

export function masked({ valueRange, nullable }: Facts, by: string): Facts {
  const maxChars = valueRange.maxChars ?? valueRange.maxBytes
  return textual(
    {
      ...(valueRange.dynamic ? { dynamic: true } : {}),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...charactersField(valueRange.characters, charactersOf(by)),
    },
    nullable,
  )
}

/** Of texts one behind the other. */
export function joined(parts: readonly Facts[]): Facts {
  const lengths = parts.map(({ valueRange }) => valueRange.maxChars ?? valueRange.maxBytes)
  const maxChars = lengths.reduce(
    (sum, length) => (sum === undefined || length === undefined ? undefined : sum + length),
    0,
  )
  const characters = parts.reduce<ValueRange['characters']>(
    (all, { valueRange }) => wider(all, valueRange.characters),
    ASCII,
  )
  const dynamic = parts.some(({ valueRange }) => valueRange.dynamic)
  return textual(
    {
      ...(dynamic ? { dynamic } : {}),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...(characters === undefined ? {} : { characters }),
    },
    parts.some(({ nullable }) => nullable),
  )
}

/** Of the values and some literals, where all literals are of the values' kind; else null. */
export function merged(value: Facts, literals: readonly (string | null)[]): Facts | null {
  const texts = literals.filter((literal) => literal !== null)
  const nullable = value.nullable || texts.length < literals.length
  if (texts.length === 0) return { ...value, nullable }
  const others = literalFacts(texts)
  const valueRange =
    value.kind === 'text' ? mergedTexts(value.valueRange, texts) : mergedValueRange(value, others)
  return valueRange && { kind: value.kind, type: typeName(value.kind, valueRange), nullable, valueRange }
}

function mergedFloat({ dynamic, nonFinite }: ValueRange): ValueRange {
  return { ...(dynamic && { dynamic }), bits: 53, ...(nonFinite && { nonFinite }) }
}

function mergedValueRange({ kind, valueRange }: Facts, others: Facts): ValueRange | null {
  const numbers = others.kind === 'integer' || others.kind === 'decimal'
  switch (kind) {
    case 'boolean':
    case 'integer':
      return others.kind === 'integer' ? mergedRange(kind, valueRange, others.valueRange) : null
    case 'decimal':
      return numbers ? mergedDigits(valueRange, others) : null
    case 'float':
      return numbers ? mergedFloat(valueRange) : null
    case 'date':
      return others.kind === 'date'
        ? { ...valueRange, ...mergedMoments(valueRange, others.valueRange, '') }
        : null
    case 'datetime':
    case 'instant': {
      if (others.kind !== 'date' && others.kind !== 'datetime') return null
      const midnight = others.kind === 'date' ? ' 00:00:00' : ''
      const moments = mergedMoments(valueRange, others.valueRange, midnight)
      return mergedFraction({ ...valueRange, ...moments }, others.valueRange)
    }
    case 'time':
      return others.kind === 'time' ? mergedTimes(valueRange, others.valueRange) : null
    case 'json':
      return others.kind === 'json' ? valueRange : null
    default:
      return null
  }
}

function mergedRange(kind: ColumnKind, valueRange: ValueRange, others: ValueRange): ValueRange {
  const own = kind === 'boolean' ? { min: '0', max: '1' } : valueRange
  const pick = (a: string | undefined, b: string, first: boolean) =>
    a === undefined ? undefined : BigInt(a) < BigInt(b) === first ? a : b
  const [min, max] = [pick(own.min, others.min!, true), pick(own.max, others.max!, false)]
  return {
    ...(valueRange.dynamic ? { dynamic: true } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

function mergedDigits(valueRange: ValueRange, others: Facts): ValueRange {
  const { precision, scale } = valueRange
  if (precision === undefined || scale === undefined) return valueRange
  const [whole, places] =
    others.kind === 'decimal'
      ? [others.valueRange.precision! - others.valueRange.scale!, others.valueRange.scale!]
      : [Math.max(others.valueRange.min!.length, others.valueRange.max!.length), 0]
  const widest = Math.max(scale, places)
  const digits = { precision: Math.max(precision - scale, whole) + widest, scale: widest }
  return valueRange.nonFinite === undefined ? digits : { ...digits, nonFinite: valueRange.nonFinite }
}

function mergedFraction(valueRange: ValueRange, others: ValueRange): ValueRange {
  const digits = valueRange.fractionDigits
  if (digits === undefined) return valueRange
  return { ...valueRange, fractionDigits: Math.max(digits, others.fractionDigits ?? 0) }
}

function mergedTimes(valueRange: ValueRange, others: ValueRange): ValueRange {
  const { earliest: _, latest: __, ...unbounded } = valueRange
  return mergedFraction(others.latest === undefined ? unbounded : valueRange, others)
}

function mergedMoments(
  valueRange: ValueRange,
  others: ValueRange,
  ending: string,
): Pick<ValueRange, 'earliest' | 'latest'> {
  const { earliest, latest } = valueRange
  const [first, last] = [others.earliest! + ending, others.latest! + ending]
  return {
    ...(earliest === undefined ? {} : { earliest: first < earliest ? first : earliest }),
    ...(latest === undefined ? {} : { latest: last > latest ? last : latest }),
  }
}

function mergedTexts(valueRange: ValueRange, texts: readonly string[]): ValueRange {
  const longest = most(texts.map(charsOf))
  const { members, multiValued, stripsTrailingSpaces, maxChars = valueRange.maxBytes } = valueRange
  const noSpace = stripsTrailingSpaces && !texts.some((text) => text.endsWith(' '))
  return {
    ...(valueRange.dynamic ? { dynamic: true } : {}),
    ...(maxChars === undefined ? {} : { maxChars: Math.max(maxChars, longest) }),
    ...(members === undefined || multiValued ? {} : { members: [...new Set([...members, ...texts])] }),
    ...(noSpace ? { stripsTrailingSpaces } : {}),
    ...charactersField(valueRange.characters, charactersOf(texts.join(''))),
  }
}

function textual(valueRange: ValueRange, nullable: boolean): Facts {
  const { subtypes: _, ...plain } = valueRange
  return { kind: 'text', type: typeName('text', plain), nullable, valueRange: plain }
}

/** Lists of members are no longer lists of known ones. */
function withMembers(valueRange: ValueRange, change: (member: string) => string): ValueRange {
  const { members, multiValued, ...rest } = valueRange
  return members === undefined || multiValued ? rest : { ...rest, members: [...new Set(members.map(change))] }
}

function charactersField(
  own: ValueRange['characters'],
  added: ValueRange['characters'],
): Pick<ValueRange, 'characters'> {
  const characters = wider(own, added)
  return characters === undefined ? {} : { characters }
}

/** Of two coverages, the one that holds both; everything holds ASCII. */
function wider(a: ValueRange['characters'], b: ValueRange['characters']): ValueRange['characters'] {
  if (a === undefined || b === undefined) return undefined
  if (b.coverage === 'ascii' || a.coverage === b.coverage) return a
  if (a.coverage === 'ascii') return b
  const unicode = a.coverage === 'unicode' || b.coverage === 'unicode'
  return { coverage: unicode ? 'unicode' : 'bmp', encoding: 'utf8', maxBytes: unicode ? 4 : 3 }
}

function mostChars(
  kind: ColumnKind,
  { min, max, precision, scale = 0, maxChars, fractionDigits }: ValueRange,
): number | undefined {
  if (maxChars !== undefined) return maxChars
  switch (kind) {
    case 'integer':
      return min === undefined || max === undefined ? undefined : Math.max(min.length, max.length)
    case 'boolean':
      return 1
    case 'decimal':
      // A sign, a point and a zero before it.
      return precision === undefined ? undefined : precision + (scale > 0 ? 3 : 1)
    case 'float':
      return 24
    case 'date':
      return 10
    case 'time':
    case 'datetime':
    case 'instant':
      return (kind === 'time' ? 10 : 19) + (fractionDigits === 0 ? 0 : 1 + (fractionDigits ?? 9))
    default:
      return undefined
  }
}

function scaled(length: number | undefined, factor: number): number | undefined {
  return length === undefined ? undefined : Math.ceil(length * factor)
}

function without<Field extends keyof ValueRange>(
  valueRange: ValueRange,
  ...fields: readonly Field[]
): Omit<ValueRange, Field> {
  return Object.fromEntries(
    Object.entries(valueRange).filter(([field]) => !fields.includes(field as Field)),
  ) as Omit<ValueRange, Field>
}
