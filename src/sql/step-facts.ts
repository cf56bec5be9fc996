/** What is known of values after a step, whoever takes it: the source in its SQL, or a worker thread. */
import type { CastType, Step } from '../contract/derivation.js'
import { RowshiftError } from '../contract/errors.js'
import { isComparable, masked, merged, replaced, textFacts, trimmed } from './facts.js'
import type { Facts } from './literals.js'
import { ASCII, literalFacts, literalKind, typeName } from './literals.js'

/** Throws PARAMS_INVALID for a step that such values cannot take. */
export function stepFacts(value: Facts, step: Step): Facts {
  switch (step.type) {
    case 'trim':
      return trimmed(ownText(value, '"trim"'))
    case 'replace':
      return replaced(ownText(value, '"replace"'), step.pairs)
    case 'map':
      return mapFacts(value, step)
    case 'cast':
      return castFacts(value, step.to)
    case 'mask':
      return masked(asText(value, '"mask"'), step.with)
    case 'hash': {
      const { nullable } = value.kind === 'bytes' ? value : asText(value, '"hash"')
      const valueRange = { maxChars: 64, characters: ASCII, stripsTrailingSpaces: true } as const
      return { kind: 'text', type: typeName('text', valueRange), nullable, valueRange }
    }
    case 'default':
      return value.nullable ? { ...either(value, [step.value], '"default"'), nullable: false } : value
    default:
      return step satisfies never
  }
}

/** What a map compares: texts by their bytes, numbers by their values, everything else as text. */
export function mapSubject<T extends Facts>(value: T): Facts {
  return isComparable(value) ? value : asText(value, '"map"')
}

/** Throws PARAMS_INVALID for a key that no such value is equal to. */
export function checkMapKey(from: Facts, key: string): void {
  if (from.kind === 'text') return
  const kind = literalKind([key])
  if (kind === 'integer' || (kind === 'decimal' && from.kind === 'decimal')) return
  throw fault(
    `${JSON.stringify(key)} in "map" is not ${from.kind === 'integer' ? 'an' : 'a'} ${from.kind}, as all values are (${from.type})`,
  )
}

/** Of values that are text already. */
export function ownText(value: Facts, what: string): Facts {
  if (value.kind === 'text') return textFacts(value)
  throw fault(`${what} takes text, not ${value.type} (${value.kind})`)
}

/** Of the texts that values are written as. */
export function asText(value: Facts, what: string): Facts {
  if (value.kind === 'text') return value
  if (value.kind === 'bytes') throw fault(`${what} takes no bytes (${value.type}); compute them with "sql"`)
  return textFacts(value)
}

/** For people, after the value. `at`: where the user asked for it. */
export function notInMap(at: string): string {
  return `is not in "map" of ${at}; add it there, or say with "unmapped" what becomes of such values`
}

export function doesNotFit(to: CastType, at: string): string {
  return `does not fit into ${to.name}, to which ${at} casts; correct it, or map it to another value`
}

export function noCast({ type, kind }: Facts, to: CastType): string {
  return `there is no cast of ${type} (${kind}) to ${to.name}`
}

function mapFacts(value: Facts, { pairs, unmapped }: Step & { type: 'map' }): Facts {
  const from = mapSubject(value)
  for (const [key] of pairs) checkMapKey(from, key)
  const given = pairs.map(([, to]) => to)
  const results = typeof unmapped === 'object' ? [...given, unmapped.value] : given
  const facts = unmapped === 'keep' ? either(from, results, '"map"') : literalFacts(results)
  return { ...facts, nullable: from.nullable || results.includes(null) }
}

/** Of the values and the literals: of their own kind where all of them are of it, else texts. */
function either(value: Facts, literals: readonly (string | null)[], what: string): Facts {
  return merged(value, literals) ?? merged(asText(value, what), literals)!
}

function castFacts({ nullable, kind, valueRange, type }: Facts, to: CastType): Facts {
  const own = { kind: to.kind, type: to.name, nullable }
  switch (to.kind) {
    case 'integer':
      return { ...own, valueRange: { min: to.min, max: to.max } }
    case 'decimal':
      return { ...own, valueRange: { precision: to.precision, scale: to.scale } }
    case 'float':
      return { ...own, valueRange: { bits: 53, nonFinite: 'none' } }
    case 'text': {
      const facts = kind === 'text' ? valueRange : textFacts({ kind, valueRange, nullable, type }).valueRange
      const { maxBytes: _, members: __, multiValued: ___, dynamic: ____, ...rest } = facts
      const maxChars = Math.min(to.maxChars ?? Infinity, facts.maxChars ?? facts.maxBytes ?? Infinity)
      return { ...own, valueRange: maxChars === Infinity ? rest : { ...rest, maxChars } }
    }
    case 'date':
      return { ...own, valueRange: { dates: 'calendar', earliest: '0001-01-01', latest: '9999-12-31' } }
    case 'datetime': {
      const bounds = { earliest: '0001-01-01 00:00:00', latest: '9999-12-31 23:59:59' }
      return { ...own, valueRange: { dates: 'calendar', ...bounds, fractionDigits: to.fractionDigits } }
    }
    default:
      return to satisfies never
  }
}

function fault(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
