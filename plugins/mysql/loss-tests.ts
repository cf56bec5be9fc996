import type { Column, ColumnMapping } from '../../src/contract/plugin.js'
import { charsetOf, expressionOf, text } from './sql.js'

/** Conditions of which at least one is true for every value that is lost; null when that cannot be said in SQL. */
export function lossTests({ source, target }: ColumnMapping): string[] | null {
  const value = expressionOf(source)
  const number = source.kind === 'integer' || source.kind === 'decimal' || source.kind === 'float'
  switch (target.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
      if (number) return numberTests(target, value)
      return source.kind === 'text' && target.kind === 'integer'
        ? [`${value} NOT REGEXP '^[+-]?[0-9]+$'`]
        : null
    case 'text':
      return source.kind === 'text' ? textTests(source, target, value) : null
    case 'bytes':
      return source.kind === 'bytes' ? byteTests(target, value) : null
    case 'date':
      return source.kind === 'datetime' || source.kind === 'instant' ? [`TIME(${value}) <> 0`] : null
    case 'time':
    case 'datetime':
    case 'instant':
      return timeTests(source, target, value)
    default:
      return null
  }
}

function numberTests({ kind, valueRange }: Column, value: string): string[] | null {
  const { min, max, precision, scale, bits, forms } = valueRange
  if (forms !== undefined) return [`${value} NOT BETWEEN 1901 AND 2155`]
  // Whether a binary number holds a value cannot be asked without another binary number.
  if (bits !== undefined) return null
  const places = kind === 'integer' ? 0 : (scale ?? 0)
  const limit = precision === undefined ? null : `1${'0'.repeat(precision - (scale ?? 0))}`
  return [
    `${value} <> TRUNCATE(${value}, ${places})`,
    ...(min === undefined ? [] : [`${value} < ${min}`]),
    ...(max === undefined ? [] : [`${value} > ${max}`]),
    ...(limit === null ? [] : [`ABS(${value}) >= ${limit}`]),
  ]
}

function textTests(source: Column, target: Column, value: string): string[] | null {
  const { maxChars, maxBytes, characters, members, stripsTrailingSpaces, forms } = target.valueRange
  if (forms !== undefined) return null
  if (members !== undefined) {
    if (target.valueRange.multiValued || source.valueRange.multiValued) return null
    const list = members.map((member) => `CAST(${text(member)} AS BINARY)`)
    return [`${bytesOf(value)} NOT IN (${list.join(', ')})`]
  }
  const charset = charsetOf(target)
  const there = charset === null ? value : `CONVERT(${value} USING ${charset})`
  return [
    ...(maxChars === undefined ? [] : [`CHAR_LENGTH(${value}) > ${maxChars}`]),
    ...(maxBytes === undefined ? [] : [`LENGTH(${there}) > ${maxBytes}`]),
    ...(stripsTrailingSpaces ? [`${value} LIKE '% '`] : []),
    ...(characters === undefined || characters.coverage === 'unicode'
      ? []
      : [`${bytesOf(there)} <> ${bytesOf(value)}`]),
  ]
}

function bytesOf(expression: string): string {
  return `CAST(CONVERT(${expression} USING utf8mb4) AS BINARY)`
}

function byteTests({ valueRange }: Column, value: string): string[] | null {
  if (valueRange.forms !== undefined || valueRange.maxBits !== undefined || valueRange.maxBytes === undefined)
    return null
  return [`LENGTH(${value}) ${valueRange.padded ? '<>' : '>'} ${valueRange.maxBytes}`]
}

function timeTests(source: Column, { kind, valueRange }: Column, value: string): string[] | null {
  if (source.kind === 'text') return null
  const { fractionDigits, earliest, latest } = valueRange
  const step = 10 ** (6 - (fractionDigits ?? 6))
  return [
    ...(step === 1 || source.kind === 'date' ? [] : [`MICROSECOND(${value}) % ${step} <> 0`]),
    ...(earliest === undefined || kind !== 'instant' ? [] : [`${value} < ${text(earliest)}`]),
    ...(latest === undefined || kind !== 'instant' ? [] : [`${value} > ${text(`${latest}.999999`)}`]),
  ]
}
