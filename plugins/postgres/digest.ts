import type { Column } from '../../src/contract/plugin.js'
import type { DigestSql, WrittenFormat } from '../../src/sql/row-digest.js'
import type { SqlSession } from '../../src/sql/session.js'

/** The first release whose `to_char` writes a chosen number of digits of a second. */
const FRACTIONS_VERSION = 130_000
/** What MySQL's `POINT(x, 0)` has around the eight bytes of x, which come in the other order there. */
const POINT = ["'\\x000000000101000000'::bytea", "'\\x0000000000000000'::bytea"] as const

/**
 * How values are written to be hashed. Everything is bytea, so that no encoding and no collation has a say in it; `'N'` and `';'` become
 * bytea too where they stand beside it. null: the server is too old.
 */
export async function digestSql(session: SqlSession): Promise<DigestSql | null> {
  const [row] = await session.query(`SELECT current_setting('server_version_num')`)
  if (Number(row![0]) < FRACTIONS_VERSION) return null
  return {
    formats: (column) => written(column, session.dialect.cell({ ...column, cells: 'utf8' })),
    concat: (parts) => parts.join(' || '),
    sha256: (bytes) => `encode(sha256(${bytes}), 'hex')`,
    // A bigint has a sign; what is added to it makes it positive, modulo 2^64.
    first64Bits: (digits) =>
      `mod(('x' || left(${digits}, 16))::bit(64)::bigint + 18446744073709551616, 18446744073709551616)`,
  }
}

/** `sql` is the column as it is read, which is not always of its own type: see `cell` of the dialect. */
function written({ type, kind, valueRange }: Column, sql: string): WrittenFormat[] {
  const { scale, fractionDigits = 6 } = valueRange
  const seconds = `HH24:MI:SS${fractionDigits === 0 ? '' : `.FF${fractionDigits}`}`
  switch (kind) {
    case 'integer':
    case 'boolean':
      return [{ name: 'integer', sql: utf8(sql) }]
    case 'decimal':
      return [
        { name: scale === undefined ? 'numeric' : `decimal(${scale})`, sql: utf8(sql) },
        ...(scale === 0 ? [{ name: 'integer', sql: utf8(sql) }] : []),
      ]
    case 'float':
      return floats(sql)
    case 'date':
      return [{ name: 'date', sql: utf8(sql) }]
    case 'time':
      return [{ name: `time(${fractionDigits})`, sql: utf8(`to_char((${sql})::interval, '${seconds}')`) }]
    case 'datetime':
    case 'instant': {
      // `to_char` says neither BC nor infinity.
      const ordinary = `${sql} >= '0001-01-01' AND ${sql} < 'infinity'`
      const shown = `CASE WHEN ${ordinary} THEN to_char(${sql}, 'YYYY-MM-DD ${seconds}') ELSE (${sql})::text END`
      return [{ name: `${kind}(${fractionDigits})`, sql: utf8(shown) }]
    }
    case 'bytes':
      return [{ name: 'bytes', sql, length: utf8(`octet_length(${sql})`) }]
    case 'json':
      return [text(valueRange.normalised ? type : 'text', sql)]
    case 'text':
      return [text('text', sql)]
    default:
      return kind satisfies never
  }
}

function utf8(sql: string): string {
  return `convert_to((${sql})::text, 'UTF8')`
}

/** It may hold any byte. */
function text(name: string, sql: string): WrittenFormat {
  return { name, sql: utf8(sql), length: utf8(`octet_length(${utf8(sql)})`) }
}

/** Every NaN is the same value here, whatever its bits. */
function floats(sql: string): WrittenFormat[] {
  const sent = (value: string) => `float8send(CASE WHEN ${value} = 'NaN' THEN 'NaN' ELSE ${value} END)`
  const reversed = (value: string) => {
    const bytes = sent(value)
    return [8, 7, 6, 5, 4, 3, 2, 1].map((at) => `substr(${bytes}, ${at}, 1)`).join(' || ')
  }
  const point = (value: string) => `${POINT[0]} || ${reversed(value)} || ${POINT[1]}`
  return [
    { name: 'float64, highest byte first', sql: sent(sql) },
    { name: 'float64', sql: `(${point(sql)})` },
    // -0 + 0 is 0.
    { name: 'float64 without the sign of zero', sql: `(${point(`(${sql} + 0)`)})` },
  ]
}
