import type { Digest, DigestFormat, DigestFormats, ReadSpec, Split } from '../contract/read.js'
import type { Column } from '../contract/table-schema.js'
import { selectSql, splitRows } from './select.js'
import type { SqlSession } from './session.js'

/**
 * Digests of rows, computed by the database: how many rows, and the sum of the first 64 bits of SHA-256 of each. A sum does not depend on
 * the order, and two equal rows count twice, where an exclusive or would make them vanish.
 *
 * A row is written as `lengths and values;…` followed by the texts and byte strings that the lengths belong to, so no two rows give
 * the same bytes. NULL is `N`. This layout, and the names and bytes of formats, are the same in every database.
 */
export interface DigestSql {
  /** The ways to write a column's values, the best first. */
  formats(column: Column): readonly WrittenFormat[]
  /** One behind the other, as bytes; NULL where that is too long. */
  concat(parts: readonly string[]): string
  /** Hexadecimal digits of SHA-256 of bytes. */
  sha256(bytes: string): string
  /** The first 64 bits of such digits, as a number without a sign that `SUM` adds exactly. */
  first64Bits(digits: string): string
}

/** One way to write a column's values. */
export interface WrittenFormat extends DigestFormat {
  readonly sql: string
  /** It may hold any byte, so its length comes first and itself behind all others. Default: it holds no `;`. */
  readonly length?: string
}

/** More than any sum of 64-bit numbers: added for a row that the database cannot write down. */
const UNKNOWN = `1${'0'.repeat(38)}`

const SAMPLE_DIGITS = 16

/** By column, the names of its formats, the best first. */
export function formatNames(sql: DigestSql, { columns }: ReadSpec): DigestFormat[][] {
  return columns.map((column) =>
    sql.formats(column).map(({ name, finer }) => (finer ? { name, finer } : { name })),
  )
}

/** The digest of one row, read like a column. */
export function rowDigest(
  session: SqlSession,
  sql: DigestSql,
  spec: ReadSpec,
  formats: DigestFormats,
): Column {
  return {
    name: 'digest',
    type: 'varchar(64)',
    kind: 'text',
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange: { maxChars: 64 },
    sql: sql.sha256(rowBytes(session, sql, spec, formats)),
  }
}

/** The SQL of a digest of one row, by the best formats, of 16 digits. */
export function sampleDigest(session: SqlSession, sql: DigestSql, spec: ReadSpec): string {
  const best = spec.columns.map((column) => sql.formats(column)[0]?.name ?? null)
  return `LEFT(${sql.sha256(rowBytes(session, sql, spec, best))},${SAMPLE_DIGITS})`
}

/** Of the rows of a split; null: some row could not be written down. */
export async function splitDigest(
  session: SqlSession,
  sql: DigestSql,
  spec: ReadSpec,
  formats: DigestFormats,
  split: Split,
): Promise<Digest | null> {
  const number = sql.first64Bits(sql.sha256(rowBytes(session, sql, spec, formats)))
  const select = ['COUNT(*)', `SUM(COALESCE(${number},${UNKNOWN}))`]
  const [row] = await session.query(selectSql({ select, ...splitRows(session.dialect, spec, split) }))
  const [rows, sum] = row!
  if (sum != null && sum.length >= UNKNOWN.length) return null
  return { rows: Number(rows), digest: sum ?? '0' }
}

function rowBytes(
  { dialect }: SqlSession,
  sql: DigestSql,
  { columns }: ReadSpec,
  formats: DigestFormats,
): string {
  const all = columns.flatMap((column, i) => {
    const format = sql.formats(column).find(({ name }) => name === formats[i])
    return format ? [{ ...format, value: dialect.expression(column), nullable: column.nullable }] : []
  })
  // A text that is too long to be converted is NULL too, and must not look like one: so the value itself is asked.
  const unlessNull = (value: string, mark: string, written: string) =>
    `CASE WHEN ${value} IS NULL THEN ${mark} ELSE ${written} END`
  const heads = all.map(({ sql: written, length, value, nullable }) => {
    if (!nullable) return length ?? written
    return length === undefined ? `COALESCE(${written},'N')` : unlessNull(value, "'N'", length)
  })
  const tails = all
    .filter(({ length }) => length !== undefined)
    .map(({ sql: written, value, nullable }) => (nullable ? unlessNull(value, "''", written) : written))
  return sql.concat([...heads.flatMap((head, i) => (i === 0 ? [head] : ["';'", head])), ...tails])
}
