import type { Column, Digest, ReadPlan } from '../../src/plugin.js'
import { charsetOf, expressionOf } from './sql.js'
import { mappedText } from './unmapped.js'

/**
 * The digest of a set of rows, computed by the server: how many, and the sum of the first 64 bits of SHA-256 of each row. A
 * sum does not depend on the order, and two equal rows count twice, where an exclusive or would make them vanish.
 *
 * A row is written as `lengths and values;…` followed by the texts and byte strings that the lengths belong to, so no two rows
 * give the same bytes. Texts are in utf8mb4. SHA2() is the one strong hash that MySQL 9.7 has left; docs/verify.md has what
 * each part costs.
 */
const DIGITS_OF_64_BITS = 16

/** More than any sum of 64-bit numbers: added for a row whose text the server cannot make. */
const UNKNOWN = `1${'0'.repeat(38)}`

/** How a column's values stand in the text of a row. */
interface Written {
  readonly form: string
  readonly sql: string
  /** It may hold any byte, so its length comes first and itself behind all others. */
  readonly variable: boolean
}

export function digestForms({ columns }: ReadPlan): readonly string[] {
  return columns.map(({ source }) => `sha256-sum64 ${written(source).form}`)
}

/** `SELECT COUNT(*), SUM(…)`, to be followed by FROM. */
export function digestSelect({ columns }: ReadPlan): string {
  const all = columns.map(({ source }) => ({ ...written(source), nullable: source.nullable }))
  const heads = all.map(({ sql, variable, nullable }) => {
    const head = variable ? `LENGTH(${sql})` : sql
    return nullable ? `COALESCE(${head},'N')` : head
  })
  const tails = all
    .filter(({ variable }) => variable)
    .map(({ sql, nullable }) => (nullable ? `COALESCE(${sql},'')` : sql))
  const row = `CONCAT(${[heads.join(",';',"), ...tails].join(',')})`
  const hash = `CAST(CONV(LEFT(SHA2(${row},256),${DIGITS_OF_64_BITS}),16,10) AS UNSIGNED)`
  return `SELECT COUNT(*), SUM(COALESCE(${hash},${UNKNOWN}))`
}

/** null: some row was longer than max_allowed_packet, for which CONCAT gives NULL. */
export function digestOf(rows: string, sum: string | null): Digest | null {
  if (sum !== null && sum.length >= UNKNOWN.length) return null
  return { rows: Number(rows), digest: sum ?? '0' }
}

function written(column: Column): Written {
  const { type, kind, domain } = column
  const sql = expressionOf(column)
  const fixed = (form: string, expression = sql): Written => ({ form, sql: expression, variable: false })
  switch (kind) {
    case 'integer':
    case 'boolean':
      // ZEROFILL and YEAR are padded to a width that is no part of the value.
      return fixed('integer', /zerofill|^year/i.test(type) ? `(${sql}+0)` : sql)
    case 'decimal':
      return fixed(`decimal(${domain.scale})`, /zerofill/i.test(type) ? `(${sql}+0)` : sql)
    case 'float':
      // As a double it has all its digits, and minus zero loses its sign: MariaDB does not keep it anyway.
      return fixed('double', `(${sql}*1e0+0e0)`)
    case 'date':
      return fixed('date')
    case 'time':
    case 'datetime':
    case 'instant':
      return fixed(`${kind}(${domain.fractionDigits})`)
    case 'bytes':
      if (domain.maxBits !== undefined) return fixed('bits', `(${sql}+0)`)
      return { form: domain.padded ? `binary(${domain.maxBytes})` : 'bytes', sql, variable: true }
    case 'json':
      return { form: domain.normalised ? 'json' : 'text', sql: text(column, sql), variable: true }
    case 'text':
      return { form: 'text', sql: text(column, sql), variable: true }
    default:
      return kind satisfies never
  }
}

/** MySQL's own JSON and the types without a character set (UUID, INET6) become text by a cast. */
function text(column: Column, sql: string): string {
  const charset = charsetOf(column)
  if (charset === null) return `CAST(${sql} AS CHAR CHARACTER SET utf8mb4)`
  return charset === 'utf8mb4' ? sql : (mappedText(column) ?? `CONVERT(${sql} USING utf8mb4)`)
}
