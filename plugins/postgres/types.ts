import type { Characters, Column, ColumnKind, ValueRange } from '../../src/contract/plugin.js'

/** A type, as the catalog describes it; of a domain the type that it is made of. */
export interface TypeFacts {
  /** Name of a built-in type, or of one that an extension brings; empty for any other one. */
  readonly base: string
  /** With its sizes, for people: `numeric(10,2)`. */
  readonly type: string
  /** What stands in parentheses, as the server keeps it; -1: nothing. */
  readonly modifier: number
  /** Of an enum, in its order; else null. */
  readonly labels: readonly string[] | null
  /** Of the database. */
  readonly encoding: string
  /** Decimal places of `money` by the server's lc_monetary, which sessions keep; null: it would not read digits with a point as such an amount. */
  readonly moneyScale: number | null
  /** By which the server writes `money`, and reads it. */
  readonly lcMonetary: string
}

type Described = Pick<Column, 'kind' | 'ordered' | 'valueRange'>

/** MariaDB has the same. */
export const A_UUID = 'a UUID'
const UUID: ValueRange = {
  maxChars: 36,
  characters: { coverage: 'ascii', encoding: 'ascii', maxBytes: 1 },
  subtypes: [A_UUID],
}
/** What any value of the kind `time` is, too. */
const INTERVAL = 'a span of time'

/** The kind of a type, and what its values can be. A type without a kind of its own is text, which only the same type takes back. */
export function described(facts: TypeFacts): Described {
  const { base, modifier, labels } = facts
  const text = (more: ValueRange = {}): ValueRange => ({ ...textRange(facts), ...more })
  if (labels !== null) return ordered('text', text({ members: labels, maxChars: longest(labels) }))
  switch (base) {
    case 'bool':
      return ordered('boolean', {})
    case 'int2':
      return integer(-(2n ** 15n), 2n ** 15n - 1n)
    case 'int4':
      return integer(-(2n ** 31n), 2n ** 31n - 1n)
    case 'int8':
      return integer(-(2n ** 63n), 2n ** 63n - 1n)
    case 'oid':
      return integer(0n, 2n ** 32n - 1n)
    case 'numeric':
      return ordered('decimal', numericRange(facts))
    case 'money':
      if (facts.moneyScale === null)
        return {
          kind: 'text',
          ordered: false,
          valueRange: text({ subtypes: [`money of ${facts.lcMonetary}`] }),
        }
      return ordered('decimal', { precision: 19, scale: facts.moneyScale })
    case 'float4':
      return ordered('float', { bits: 24 })
    case 'float8':
      return ordered('float', { bits: 53 })
    case 'text':
    case 'citext':
      return ordered('text', text())
    case 'varchar':
      return ordered('text', text(modifier < 0 ? {} : { maxChars: modifier - 4 }))
    case 'bpchar':
      // Without a length, the spaces at the end are those that were written.
      return ordered('text', text(modifier < 0 ? {} : { maxChars: modifier - 4, stripsTrailingSpaces: true }))
    case 'bytea':
      return ordered('bytes', {})
    case 'json':
      return { kind: 'json', ordered: false, valueRange: { characters: charactersOf(facts) } }
    case 'jsonb':
      return {
        kind: 'json',
        ordered: false,
        valueRange: { normalised: true, characters: charactersOf(facts) },
      }
    case 'uuid':
      return ordered('text', UUID)
    case 'date':
      return ordered('date', {
        dates: 'calendar',
        earliest: '0001-01-01',
        latest: '9999-12-31',
        anyYear: true,
      })
    case 'time':
      return ordered('time', { fractionDigits: digitsOf(facts), earliest: '00:00:00', latest: '24:00:00' })
    case 'timestamp':
      return ordered('datetime', momentRange(facts))
    case 'timestamptz':
      return ordered('instant', momentRange(facts))
    case 'interval':
      return { kind: 'text', ordered: false, valueRange: text({ subtypes: [INTERVAL] }) }
    case 'bit':
    case 'varbit': {
      const length = modifier < 0 ? {} : { maxChars: modifier }
      return { kind: 'text', ordered: false, valueRange: text({ subtypes: subtypesOf(facts), ...length }) }
    }
  }
  return { kind: 'text', ordered: false, valueRange: text({ subtypes: subtypesOf(facts) }) }
}

/**
 * How a column is selected so that its text is a cell: booleans as 1 and 0, moments in UTC, a float of 32 bits with all digits of the number
 * that it is. The padding of `char(n)` is not part of its values. `sql` is the column, or what it is derived by.
 */
export function cellOf({ kind, type, valueRange, sql: derived }: Column, sql: string): string {
  switch (kind) {
    case 'boolean':
      return `${sql}::int`
    case 'float':
      return valueRange.bits === 24 ? `${sql}::float8` : sql
    case 'decimal':
      return type.startsWith('numeric') ? sql : `${sql}::numeric`
    case 'instant':
      return derived === undefined ? `(${sql} AT TIME ZONE 'UTC')` : sql
    case 'text':
      return valueRange.stripsTrailingSpaces && derived === undefined ? `${sql}::text` : sql
    default:
      return sql
  }
}

function ordered(kind: ColumnKind, valueRange: ValueRange): Described {
  return { kind, ordered: true, valueRange }
}

function integer(min: bigint, max: bigint): Described {
  return ordered('integer', { min: String(min), max: String(max) })
}

function subtypesOf({ type }: TypeFacts): string[] {
  return [`a value of type ${type}`]
}

/** Without digits it holds anything. Any numeric holds NaN. */
function numericRange({ modifier, type }: TypeFacts): ValueRange {
  if (modifier < 0) return { dynamic: true, nonFinite: 'all' }
  const precision = (modifier - 4) >> 16
  // Eleven bits with a sign.
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
  const range = (all: number, places: number) =>
    ({ precision: all, scale: places, nonFinite: 'nan' }) satisfies ValueRange
  if (scale > precision) return range(scale, scale)
  // The server rounds what is written to hundreds, thousands and so on.
  return scale < 0
    ? { ...range(precision - scale, 0), subtypes: [`a value of type ${type}`] }
    : range(precision, scale)
}

function momentRange(facts: TypeFacts): ValueRange {
  return {
    fractionDigits: digitsOf(facts),
    dates: 'calendar',
    earliest: '0001-01-01 00:00:00',
    latest: '9999-12-31 23:59:59',
    anyYear: true,
  }
}

function digitsOf({ modifier }: TypeFacts): number {
  return modifier < 0 ? 6 : modifier
}

function textRange(facts: TypeFacts): ValueRange {
  return { characters: charactersOf(facts), rejectsNul: true }
}

/** In a database of SQL_ASCII, text that is read must be UTF-8. */
function charactersOf({ encoding }: TypeFacts): Characters {
  const unicode = encoding === 'UTF8' || encoding === 'SQL_ASCII'
  return unicode
    ? { coverage: 'unicode', encoding: 'utf8', maxBytes: 4 }
    : { coverage: encoding, encoding, maxBytes: 4 }
}

function longest(labels: readonly string[]): number {
  return labels.reduce((most, label) => Math.max(most, Array.from(label).length), 0)
}
