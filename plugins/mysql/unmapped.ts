import type { Column, ReadSpec, RowCheck } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { holdsHiddenType } from './json-types.js'
import { charsetOf, identifier, isReversible, memberNumber } from './sql.js'

export const OUT_OF_RANGE = 1690

const HIDDEN = 'DECIMAL, UNSIGNED, a date or time, bytes'

/** Unicode itself, in which U+FFFD is a character like others; elsewhere it stands for what has none. */
const UNICODE = /^(ucs2|gb18030)$/

/** What a column may hold that its text does not say. */
interface Unclear {
  /** True of every row whose value arrives. */
  readonly condition: string
  readonly value: string
  /** Follows the value. */
  readonly why: string
  /** Follows "Column c of table t". */
  readonly holds: string
}

/**
 * Columns of other character sets may hold codes that are not characters (0x98 in cp1251), which the server sends as `?` or
 * U+FFFD without a word, and codes that share a character (0x5C and 0x815F in sjis). There the expression fails, by a number that
 * is out of range. null: nothing can be lost.
 */
export function mappedText(column: Column): string | null {
  const unclear = unclearValues(column)
  if (unclear === null) return null
  const name = identifier(column.name)
  const plain = column.kind === 'json' || column.valueRange.members !== undefined
  const text = plain ? name : `CONVERT(${name} USING utf8mb4)`
  return `IF(${unclear.condition}, ${text}, CONCAT(~0 + (1 + LENGTH(${name}))))`
}

/** The failure of {@link mappedText} in words; null when the error is another one. */
export function unmappedError(thrown: unknown, spec: ReadSpec): RowshiftError | null {
  const { errno, message } = thrown as { errno?: number; message: string }
  if (errno !== OUT_OF_RANGE) return null
  const columns = spec.columns.filter((column) => unclearValues(column) !== null)
  const column = columns.find(({ name }) => message.includes(`.${identifier(name)})`))
  if (!column) return null
  const { table } = spec.table
  const { condition, holds } = unclearValues(column)!
  return new RowshiftError(
    'DATA_REJECTED',
    `Column ${column.name} of table ${table} ${holds} ` +
      `Correct the rows of: SELECT * FROM ${identifier(table)} WHERE NOT (${condition}).`,
    { table, column: column.name },
    thrown,
  )
}

/** The rows for which {@link mappedText} fails, where a derived column is made of it. */
export function unmappedChecks(column: Column): RowCheck[] {
  const unclear = unclearValues(column)
  if (unclear === null) return []
  const { condition, value, why } = unclear
  return [{ condition: `NOT (${condition})`, value, why }]
}

function unclearValues(column: Column): Unclear | null {
  const { sql, cells, valueRange } = column
  if (sql !== undefined || cells === 'encoded' || cells === 'numbered') return null
  if (column.kind === 'json') return cells === 'reversible' ? hiddenType(column) : null
  if (valueRange.members !== undefined) return unclearMember(column)
  const charset = charsetOf(column)
  if (charset === null || isReversible(charset)) return null
  return unclearText(identifier(column.name), charset, cells === 'reversible')
}

/** The empty member: that of an ENUM reads like its invalid value, index 0; that of a SET is lost between commas. */
function unclearMember({ name: column, valueRange }: Column): Unclear | null {
  const empty = valueRange.members!.indexOf('')
  if (empty < 0) return null
  const name = identifier(column)
  const value = memberNumber(name)
  if (valueRange.multiValued) {
    return {
      condition: `COALESCE((${value}) & ${2n ** BigInt(empty)} = 0, TRUE)`,
      value,
      why: 'has the empty member of a SET, which its text does not show; correct it',
      holds: 'holds the empty member of a SET, which its text does not show.',
    }
  }
  return {
    condition: `COALESCE(${value} <> 0, TRUE)`,
    value,
    why: 'is the invalid value of an ENUM (index 0), which would arrive as its empty member; correct it',
    holds: 'holds the invalid value of an ENUM (index 0), which would arrive as its empty member.',
  }
}

function hiddenType({ name: column }: Column): Unclear {
  const name = identifier(column)
  return {
    condition: `NOT COALESCE(${holdsHiddenType(column)}, FALSE)`,
    value: `CAST(${name} AS CHAR)`,
    why: `is JSON with a value inside whose type its text does not show (${HIDDEN}); leave the row out, or accept the loss with "allow_lossy"`,
    holds: `holds JSON with a value inside whose type its text does not show (${HIDDEN}).`,
  }
}

/**
 * What an expression gives in a character set, as text in utf8mb4 that fails where a character would be lost; with `reversible`, also
 * where the text would not come back as it was.
 */
export function checkedText(
  sql: string,
  charset: string,
  reversible: boolean,
): { readonly sql: string; readonly rowChecks: readonly RowCheck[] } {
  if (isReversible(charset)) return { sql, rowChecks: [] }
  const { condition, value, why } = unclearText(sql, charset, reversible)
  return {
    sql: `IF(${condition}, CONVERT(${sql} USING utf8mb4), CONCAT(~0 + (1 + LENGTH(${sql}))))`,
    rowChecks: [{ condition: `NOT (${condition})`, value, why }],
  }
}

function unclearText(sql: string, charset: string, reversible: boolean): Unclear {
  return reversible ? irreversible(sql, charset) : unmapped(sql, charset)
}

/** Text has more replacement characters as it is sent than as it is stored. */
function unmapped(name: string, charset: string): Unclear {
  const without = (text: string) => `REPLACE(${text}, '?', '')`
  const sent = without(`CONVERT(${name} USING utf8mb4)`)
  const all = UNICODE.test(charset) ? sent : `REPLACE(${sent}, _utf8mb4 x'EFBFBD', '')`
  return {
    condition: `CHAR_LENGTH(${without(name)}) <=> CHAR_LENGTH(${all})`,
    value: `HEX(${name})`,
    why: `(as hexadecimal digits) is not text in ${charset}; correct it`,
    holds: `holds bytes that are not a character of ${charset}, and would arrive as "?".`,
  }
}

function irreversible(name: string, charset: string): Unclear {
  const back = `CONVERT(CONVERT(${name} USING utf8mb4) USING ${charset})`
  return {
    condition: `CONVERT(${back} USING binary) <=> CONVERT(${name} USING binary)`,
    value: `HEX(${name})`,
    why: `(as hexadecimal digits) does not come back from UTF-8 to ${charset} as it was; correct it`,
    holds:
      `holds bytes that do not come back from UTF-8 to ${charset} as they were: they are not a character, or another code ` +
      'has the same one. They would arrive only in a column of the same character set that nothing on the way looks into.',
  }
}
