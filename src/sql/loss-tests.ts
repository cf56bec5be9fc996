/** In SQL: which values of a column its target would not hold as they are. */
import type { Column, ColumnMapping } from '../contract/table-schema.js'
import type { SqlDialect } from './dialect.js'
import type { LossSql } from './loss-sql.js'

/** Conditions of which at least one is true for every value that is lost, NULL aside; null when that cannot be said in SQL. */
export function lossTests(
  dialect: SqlDialect,
  sql: LossSql,
  { source, target }: ColumnMapping,
): string[] | null {
  const value = dialect.expression(source)
  const isNumber = source.kind === 'integer' || source.kind === 'decimal' || source.kind === 'float'
  switch (target.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
      if (isNumber) return numberTests(sql, target, value)
      return source.kind === 'text' && target.kind === 'integer' ? [sql.isNotInteger(value)] : null
    case 'text':
      return source.kind === 'text' ? textTests(dialect, sql, source, target, value) : null
    case 'bytes':
      return source.kind === 'bytes' ? byteTests(sql, target, value) : null
    case 'date':
      return source.kind === 'datetime' || source.kind === 'instant' ? [sql.isNotMidnight(value)] : null
    case 'time':
    case 'datetime':
    case 'instant':
      return timeTests(dialect, sql, source, target, value)
    default:
      return null
  }
}

function numberTests(sql: LossSql, { kind, valueRange }: Column, value: string): string[] | null {
  const { min, max, precision, scale, bits, subtypes } = valueRange
  // A year, or hundreds, thousands and so on.
  if (subtypes !== undefined) return kind === 'integer' ? [`${value} NOT BETWEEN 1901 AND 2155`] : null
  // Whether a binary number holds a value cannot be asked without another binary number.
  if (bits !== undefined) return null
  const places = kind === 'integer' ? 0 : (scale ?? 0)
  const limit = precision === undefined ? null : `1${'0'.repeat(precision - (scale ?? 0))}`
  return [
    `${value} <> ${sql.truncated(value, places)}`,
    ...(min === undefined ? [] : [`${value} < ${min}`]),
    ...(max === undefined ? [] : [`${value} > ${max}`]),
    ...(limit === null ? [] : [`ABS(${value}) >= ${limit}`]),
  ]
}

function textTests(
  dialect: SqlDialect,
  sql: LossSql,
  source: Column,
  target: Column,
  value: string,
): string[] | null {
  const { maxChars, maxBytes, characters, members, stripsTrailingSpaces, subtypes } = target.valueRange
  if (subtypes !== undefined) return null
  if (members !== undefined) {
    if (target.valueRange.multiValued || source.valueRange.multiValued) return null
    const list = members.map((member) => sql.exact(dialect.text(member)))
    return [`${sql.exact(value)} NOT IN (${list.join(', ')})`]
  }
  const there = sql.converted(value, target)
  const all = characters === undefined || characters.coverage === 'unicode'
  return [
    ...(maxChars === undefined ? [] : [`${sql.characters(value)} > ${maxChars}`]),
    ...(maxBytes === undefined ? [] : [`${sql.bytes(there)} > ${maxBytes}`]),
    ...(stripsTrailingSpaces ? [`${value} LIKE '% '`] : []),
    ...(all ? [] : [`${sql.exact(there)} <> ${sql.exact(value)}`]),
  ]
}

function byteTests(sql: LossSql, { valueRange }: Column, value: string): string[] | null {
  const { subtypes, maxBits, maxBytes, padded } = valueRange
  if (subtypes !== undefined || maxBits !== undefined || maxBytes === undefined) return null
  return [`${sql.bytes(value)} ${padded ? '<>' : '>'} ${maxBytes}`]
}

function timeTests(
  dialect: SqlDialect,
  sql: LossSql,
  source: Column,
  { kind, valueRange }: Column,
  value: string,
): string[] | null {
  if (source.kind === 'text') return null
  const { fractionDigits, earliest, latest } = valueRange
  const step = 10 ** (6 - (fractionDigits ?? 6))
  return [
    ...(step === 1 || source.kind === 'date' ? [] : [`${sql.microseconds(value)} % ${step} <> 0`]),
    ...(earliest === undefined || kind !== 'instant' ? [] : [`${value} < ${dialect.text(earliest)}`]),
    ...(latest === undefined || kind !== 'instant' ? [] : [`${value} > ${dialect.text(`${latest}.999999`)}`]),
  ]
}
