/** What is known of values after a step, from what was known before it. */
import type { Domain } from '../contract/domain.js'
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
export function textFacts({ kind, domain, nullable }: Facts): Facts {
  if (kind === 'text') return textual(domain, nullable)
  const maxChars = domain.dynamic ? undefined : mostChars(kind, domain)
  const characters = kind === 'json' ? undefined : ASCII
  return textual(
    {
      ...(domain.dynamic ? { dynamic: true } : {}),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...(characters === undefined || domain.dynamic ? {} : { characters, stripsTrailingSpaces: true }),
    },
    nullable,
  )
}

export function trimmed({ domain, nullable }: Facts): Facts {
  const plain = withMembers(domain, (member) => member.replaceAll(/^ +|(?<! ) +$/g, ''))
  return textual({ ...plain, stripsTrailingSpaces: true }, nullable)
}

export function replaced({ domain, nullable }: Facts, pairs: readonly (readonly [string, string])[]): Facts {
  const growth = pairs.reduce((most, [from, to]) => most * Math.max(1, charsOf(to) / charsOf(from)), 1)
  const {
    maxBytes,
    stripsTrailingSpaces: _,
    ...rest
  } = withMembers(domain, (member) => pairs.reduce((text, [from, to]) => text.replaceAll(from, to), member))
  const added = charactersOf(pairs.map(([, to]) => to).join(''))
  const maxChars = growth === 1 ? rest.maxChars : scaled(rest.maxChars ?? maxBytes, growth)
  return textual(
    {
      ...without(rest, 'maxChars'),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...(growth === 1 && maxBytes !== undefined && added === ASCII ? { maxBytes } : {}),
      ...charactersField(domain.characters, added),
    },
    nullable,
  )
}

export function masked({ domain, nullable }: Facts, by: string): Facts {
  const maxChars = domain.maxChars ?? domain.maxBytes
  return textual(
    {
      ...(domain.dynamic ? { dynamic: true } : {}),
      ...(maxChars === undefined ? {} : { maxChars }),
      ...charactersField(domain.characters, charactersOf(by)),
    },
    nullable,
  )
}

/** Of texts one behind the other. */
export function joined(parts: readonly Facts[]): Facts {
  const lengths = parts.map(({ domain }) => domain.maxChars ?? domain.maxBytes)
  const maxChars = lengths.reduce(
    (sum, length) => (sum === undefined || length === undefined ? undefined : sum + length),
    0,
  )
  const characters = parts.reduce<Domain['characters']>(
    (all, { domain }) => wider(all, domain.characters),
    ASCII,
  )
  const dynamic = parts.some(({ domain }) => domain.dynamic)
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
  const domain = value.kind === 'text' ? mergedTexts(value.domain, texts) : mergedDomain(value, others)
  return domain && { kind: value.kind, type: typeName(value.kind, domain), nullable, domain }
}

function mergedFloat({ dynamic, nonFinite }: Domain): Domain {
  return { ...(dynamic && { dynamic }), bits: 53, ...(nonFinite && { nonFinite }) }
}

function mergedDomain({ kind, domain }: Facts, others: Facts): Domain | null {
  const numbers = others.kind === 'integer' || others.kind === 'decimal'
  switch (kind) {
    case 'boolean':
    case 'integer':
      return others.kind === 'integer' ? mergedRange(kind, domain, others.domain) : null
    case 'decimal':
      return numbers ? mergedDigits(domain, others) : null
    case 'float':
      return numbers ? mergedFloat(domain) : null
    case 'date':
      return others.kind === 'date' ? { ...domain, ...mergedMoments(domain, others.domain, '') } : null
    case 'datetime':
    case 'instant': {
      if (others.kind !== 'date' && others.kind !== 'datetime') return null
      const midnight = others.kind === 'date' ? ' 00:00:00' : ''
      const moments = mergedMoments(domain, others.domain, midnight)
      return mergedFraction({ ...domain, ...moments }, others.domain)
    }
    case 'time':
      return others.kind === 'time' ? mergedFraction(domain, others.domain) : null
    case 'json':
      return others.kind === 'json' ? domain : null
    default:
      return null
  }
}

function mergedRange(kind: ColumnKind, domain: Domain, others: Domain): Domain {
  const own = kind === 'boolean' ? { min: '0', max: '1' } : domain
  const pick = (a: string | undefined, b: string, first: boolean) =>
    a === undefined ? undefined : BigInt(a) < BigInt(b) === first ? a : b
  const [min, max] = [pick(own.min, others.min!, true), pick(own.max, others.max!, false)]
  return {
    ...(domain.dynamic ? { dynamic: true } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

function mergedDigits(domain: Domain, others: Facts): Domain {
  const { precision, scale } = domain
  if (precision === undefined || scale === undefined) return domain
  const [whole, places] =
    others.kind === 'decimal'
      ? [others.domain.precision! - others.domain.scale!, others.domain.scale!]
      : [Math.max(others.domain.min!.length, others.domain.max!.length), 0]
  const widest = Math.max(scale, places)
  return { precision: Math.max(precision - scale, whole) + widest, scale: widest }
}

function mergedFraction(domain: Domain, others: Domain): Domain {
  const digits = domain.fractionDigits
  if (digits === undefined) return domain
  return { ...domain, fractionDigits: Math.max(digits, others.fractionDigits ?? 0) }
}

function mergedMoments(domain: Domain, others: Domain, ending: string): Pick<Domain, 'earliest' | 'latest'> {
  const { earliest, latest } = domain
  const [first, last] = [others.earliest! + ending, others.latest! + ending]
  return {
    ...(earliest === undefined ? {} : { earliest: first < earliest ? first : earliest }),
    ...(latest === undefined ? {} : { latest: last > latest ? last : latest }),
  }
}

function mergedTexts(domain: Domain, texts: readonly string[]): Domain {
  const longest = most(texts.map(charsOf))
  const { members, multiValued, stripsTrailingSpaces, maxChars = domain.maxBytes } = domain
  const noSpace = stripsTrailingSpaces && !texts.some((text) => text.endsWith(' '))
  return {
    ...(domain.dynamic ? { dynamic: true } : {}),
    ...(maxChars === undefined ? {} : { maxChars: Math.max(maxChars, longest) }),
    ...(members === undefined || multiValued ? {} : { members: [...new Set([...members, ...texts])] }),
    ...(noSpace ? { stripsTrailingSpaces } : {}),
    ...charactersField(domain.characters, charactersOf(texts.join(''))),
  }
}

function textual(domain: Domain, nullable: boolean): Facts {
  const { forms: _, ...plain } = domain
  return { kind: 'text', type: typeName('text', plain), nullable, domain: plain }
}

/** Lists of members are no longer lists of known ones. */
function withMembers(domain: Domain, change: (member: string) => string): Domain {
  const { members, multiValued, ...rest } = domain
  return members === undefined || multiValued ? rest : { ...rest, members: [...new Set(members.map(change))] }
}

function charactersField(own: Domain['characters'], added: Domain['characters']): Pick<Domain, 'characters'> {
  const characters = wider(own, added)
  return characters === undefined ? {} : { characters }
}

/** Of two coverages, the one that holds both; everything holds ASCII. */
function wider(a: Domain['characters'], b: Domain['characters']): Domain['characters'] {
  if (a === undefined || b === undefined) return undefined
  if (b.coverage === 'ascii' || a.coverage === b.coverage) return a
  if (a.coverage === 'ascii') return b
  const unicode = a.coverage === 'unicode' || b.coverage === 'unicode'
  return { coverage: unicode ? 'unicode' : 'bmp', encoding: 'utf8', maxBytes: unicode ? 4 : 3 }
}

function mostChars(
  kind: ColumnKind,
  { min, max, precision, scale = 0, maxChars, fractionDigits }: Domain,
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

function without<Field extends keyof Domain>(
  domain: Domain,
  ...fields: readonly Field[]
): Omit<Domain, Field> {
  return Object.fromEntries(
    Object.entries(domain).filter(([field]) => !fields.includes(field as Field)),
  ) as Omit<Domain, Field>
}
