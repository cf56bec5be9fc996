import type { Column, ColumnKind, ValueRange } from '../../src/contract/plugin.js'

/** Anybody may have changed the schema of a file, and the plan counts on each word of it. */
export function isColumn(value: unknown): value is Column {
  const {
    name,
    type,
    kind,
    nullable,
    valueRange,
    collation = '',
    derivation,
    cells,
  } = asObject(value) as Partial<Column>
  return (
    [name, type, collation].every(isText) &&
    KINDS.has(kind!) &&
    typeof nullable === 'boolean' &&
    (derivation === undefined || (isText(derivation) && derivation !== '')) &&
    [undefined, 'utf8', 'encoded', 'stored', 'numbered'].includes(cells) &&
    hasFields(valueRange, VALUE_RANGE)
  )
}

const KINDS: ReadonlySet<string> = new Set<ColumnKind>([
  'integer',
  'decimal',
  'float',
  'boolean',
  'text',
  'bytes',
  'json',
  'date',
  'time',
  'datetime',
  'instant',
])

type Is = (value: unknown) => boolean

const isTrue: Is = (value) => value === true
const isText: Is = (value) => typeof value === 'string'
const isInteger: Is = (value) => typeof value === 'string' && /^-?\d{1,400}$/.test(value)
const isCount: Is = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isRange: Is = (value) => Array.isArray(value) && value.length === 2 && value.every(isCodePoint)
const isCodePoint: Is = (value) => isCount(value) && (value as number) <= 0x10ffff
const listOf =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(is)
const oneOf =
  (...values: readonly unknown[]): Is =>
  (value) =>
    values.includes(value)

const VALUE_RANGE = {
  dynamic: isTrue,
  stored: isTrue,
  min: isInteger,
  max: isInteger,
  precision: isCount,
  scale: isCount,
  bits: oneOf(24, 53),
  nonFinite: oneOf('none', 'infinities', 'nan', 'all'),
  unsignedZero: isTrue,
  maxChars: isCount,
  maxBytes: isCount,
  members: listOf(isText),
  ambiguous: listOf(isText),
  multiValued: isTrue,
  rejectsNul: isTrue,
  stripsTrailingSpaces: isTrue,
  padded: isTrue,
  maxBits: isCount,
  subtypes: listOf(isText),
  normalised: isTrue,
  fractionDigits: isCount,
  dates: oneOf('calendar', 'zero', 'partial'),
  earliest: isText,
  latest: isText,
  anyYear: isTrue,
  characters: (value) => hasFields(value, CHARACTERS) && 'maxBytes' in asObject(value),
} satisfies Record<keyof ValueRange, Is>

const CHARACTERS = {
  coverage: isText,
  encoding: isText,
  maxBytes: isCount,
  mapping: isText,
  ranges: listOf(isRange),
} satisfies Record<keyof NonNullable<ValueRange['characters']>, Is>

/** An object with no fields but these. */
function hasFields(value: unknown, fields: Readonly<Record<string, Is>>): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, field]) => Object.hasOwn(fields, name) && fields[name]!(field))
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}
