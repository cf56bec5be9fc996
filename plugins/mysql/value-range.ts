import type { Characters, Column, ValueRange } from '../../src/contract/plugin.js'

/** A column as information_schema describes it. */
export interface ColumnFacts {
  /** DATA_TYPE: `int`. */
  readonly base: string
  /** COLUMN_TYPE: `int unsigned`. */
  readonly type: string
  readonly precision: number | undefined
  readonly scale: number | undefined
  readonly length: number | undefined
  readonly charset: string | null
  readonly fraction: number | undefined
  /** MySQL: the only SRID that a spatial column takes. */
  readonly srid: string | null
  readonly version: string
}

const INTEGER_BITS: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
}

/** What MariaDB's own text-like types take, and the length of their text. */
const TEXT_SUBTYPES: Readonly<Record<string, { subtype: string; maxChars: number }>> = {
  uuid: { subtype: 'a UUID', maxChars: 36 },
  inet4: { subtype: 'an IPv4 address', maxChars: 15 },
  inet6: { subtype: 'an IPv6 address', maxChars: 45 },
}

/** Spatial types other than `geometry`, which takes all of them. */
const SHAPES: Readonly<Record<string, readonly string[]>> = {
  geometry: [],
  point: ['a point'],
  linestring: ['a line string'],
  polygon: ['a polygon'],
  geometrycollection: ['a geometry collection'],
  geomcollection: ['a geometry collection'],
  multipoint: ['a geometry collection', 'a multipoint'],
  multilinestring: ['a geometry collection', 'a multilinestring'],
  multipolygon: ['a geometry collection', 'a multipolygon'],
}

/** LONGTEXT and LONGBLOB: 4 GiB, more than a statement can carry, so no bound. */
const UNBOUNDED = 2 ** 32 - 1

export function valueRangeOf(facts: ColumnFacts): ValueRange {
  const { base, type } = facts
  if (Object.hasOwn(INTEGER_BITS, base)) return integerRange(INTEGER_BITS[base]!, type, facts.precision)
  if (Object.hasOwn(TEXT_SUBTYPES, base)) {
    const { subtype, maxChars } = TEXT_SUBTYPES[base]!
    return { maxChars, characters: charactersOf('ascii'), subtypes: [subtype] }
  }
  if (Object.hasOwn(SHAPES, base)) {
    const subtypes = ['a geometry', ...SHAPES[base]!]
    return {
      subtypes: facts.srid === null ? subtypes : [...subtypes, `${subtypes.at(-1)!} of SRID ${facts.srid}`],
    }
  }
  switch (base) {
    case 'year':
      // The years between 0 and 1901 are missing.
      return { min: '0', max: '2155', maxChars: 4, subtypes: ['a year'] }
    case 'decimal':
      return { precision: facts.precision!, scale: facts.scale!, ...(isUnsigned(type) ? { min: '0' } : {}) }
    case 'float':
    case 'double':
      return floatRange(facts)
    case 'bit':
      return { maxBits: facts.precision! }
    case 'vector':
      return vectorRange(facts)
    case 'json':
      return { normalised: true, characters: charactersOf('utf8mb4') }
    case 'time':
      return { fractionDigits: facts.fraction ?? 0 }
    case 'date':
      return { dates: 'partial', earliest: '0000-00-00', latest: '9999-12-31' }
    case 'datetime':
      return {
        fractionDigits: facts.fraction ?? 0,
        dates: 'partial',
        earliest: '0000-00-00 00:00:00',
        latest: '9999-12-31 23:59:59',
      }
    case 'timestamp':
      return {
        fractionDigits: facts.fraction ?? 0,
        dates: 'zero',
        earliest: '1970-01-01 00:00:01',
        latest: lastTimestamp(facts.version),
      }
    default:
      return facts.charset === null ? bytesRange(facts) : textRange(facts, facts.charset)
  }
}

function integerRange(bits: bigint, type: string, digits = 20): ValueRange {
  const range = isUnsigned(type)
    ? { min: '0', max: String(2n ** bits - 1n) }
    : { min: String(-(2n ** (bits - 1n))), max: String(2n ** (bits - 1n) - 1n) }
  const width = /\((\d+)\).*zerofill/.exec(type)?.[1]
  return width === undefined ? range : { ...range, maxChars: Math.max(Number(width), digits) }
}

function isUnsigned(type: string): boolean {
  return / unsigned/.test(type)
}

function floatRange({ base, type, precision, scale, version }: ColumnFacts): ValueRange {
  return {
    bits: base === 'float' ? 24 : 53,
    nonFinite: 'none',
    ...(/mariadb/i.test(version) ? { unsignedZero: true } : {}),
    ...(scale === undefined ? {} : { precision: precision!, scale }),
    ...(isUnsigned(type) ? { min: '0' } : {}),
  }
}

/** MySQL's dimension is the largest, MariaDB's the only one. */
function vectorRange({ type, version }: ColumnFacts): ValueRange {
  const maxBytes = 4 * Number(/\((\d+)\)/.exec(type)?.[1] ?? 0)
  return { maxBytes, ...(/mariadb/i.test(version) ? { padded: true } : {}), subtypes: ['a vector'] }
}

function bytesRange({ base, length }: ColumnFacts): ValueRange {
  if (length === undefined || length === UNBOUNDED) return {}
  return base === 'binary' ? { maxBytes: length, padded: true } : { maxBytes: length }
}

function textRange({ base, type, length }: ColumnFacts, charset: string): ValueRange {
  const characters = charactersOf(charset)
  switch (base) {
    case 'char':
      return { maxChars: length!, characters, stripsTrailingSpaces: true }
    case 'varchar':
      return { maxChars: length!, characters }
    case 'enum':
      return { maxChars: length!, characters, members: membersOf(type) }
    case 'set':
      return { maxChars: length!, characters, members: membersOf(type), multiValued: true }
    default:
      return length === UNBOUNDED || length === undefined ? { characters } : { maxBytes: length, characters }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', Z: '\x1a', b: '\b' }

/** Members as they stand in the type: `enum('a','it''s')`, with backslash escapes. */
function membersOf(type: string): string[] {
  return [...type.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs)].map(([, member]) =>
    member!.replaceAll(/''|\\(.)/gs, (_, letter?: string) =>
      letter === undefined ? "'" : (ESCAPES[letter] ?? letter),
    ),
  )
}

/** Character sets of more than one byte per character at most, other than UTF-8. */
const WIDE: Readonly<Record<string, number>> = {
  big5: 2,
  sjis: 2,
  cp932: 2,
  euckr: 2,
  gb2312: 2,
  gbk: 2,
  ujis: 3,
  eucjpms: 3,
}

function charactersOf(charset: string): Characters {
  switch (charset) {
    case 'utf8mb4':
      return { coverage: 'unicode', encoding: 'utf8', maxBytes: 4 }
    case 'utf8':
    case 'utf8mb3':
      return { coverage: 'bmp', encoding: 'utf8', maxBytes: 3 }
    case 'utf16':
    case 'utf16le':
    case 'utf32':
    case 'gb18030':
      return { coverage: 'unicode', encoding: charset, maxBytes: 4 }
    case 'ucs2':
      return { coverage: 'bmp', encoding: charset, maxBytes: 2 }
    default:
      return { coverage: charset, encoding: charset, maxBytes: WIDE[charset] ?? 1 }
  }
}

/** MariaDB 11.5 and later on 64 bits keep seconds without a sign. */
function lastTimestamp(version: string): string {
  const [, major, minor] = /^(?:5\.5\.5-)?(\d+)\.(\d+)/.exec(version) ?? []
  const late = /mariadb/i.test(version) && Number(major) * 100 + Number(minor) >= 1105
  return late ? '2106-02-07 06:28:15' : '2038-01-19 03:14:07'
}

/** Of a value as UTF-8, or as the bytes that it is. */
export function mostBytes({ valueRange }: Column): number {
  const { maxChars, maxBytes, maxBits, characters } = valueRange
  if (maxBits !== undefined) return Math.ceil(maxBits / 8)
  return maxBytes ?? (maxChars === undefined ? Infinity : maxChars * (characters?.maxBytes ?? 4))
}
