import type { Column, ReadPlan, Refusal } from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { charsetOf, identifier } from './sql.js'

export const OUT_OF_RANGE = 1690

/** Whatever these hold has a character: Unicode, checked by the server, and latin1, which maps all 256 bytes. */
export const COMPLETE = /^(utf8\w*|utf16\w*|utf32|ucs2|latin1|binary)$/

/**
 * Columns of other character sets may hold bytes that are no character (0x98 in cp1251), which the server sends as `?`
 * without a word. There the expression fails, by a number that is out of range, when text has more `?` as it is sent
 * than as it is stored. null: nothing can be lost.
 */
export function mappedText(column: Column): string | null {
  if (column.sql !== undefined) return null
  const name = identifier(column.name)
  if (hasEmptyMember(column)) return `IF(${name} + 0 = 0, CONCAT(~0 + (1 + LENGTH(${name}))), ${name})`
  const charset = charsetOf(column)
  if (charset === null || column.domain.members || COMPLETE.test(charset)) return null
  return `IF(${isMapped(name)}, CONVERT(${name} USING utf8mb4), CONCAT(~0 + LENGTH(${name})))`
}

/** The invalid value of an ENUM, index 0, is sent as the empty text, just like a member that is empty. */
function hasEmptyMember({ domain }: Column): boolean {
  return !domain.several && domain.members?.includes('') === true
}

/** The failure of {@link mappedText} in words; null when the error is another one. */
export function unmappedError(thrown: unknown, plan: ReadPlan): RowshiftError | null {
  const { errno, message } = thrown as { errno?: number; message: string }
  if (errno !== OUT_OF_RANGE) return null
  const columns = plan.columns.map(({ source }) => source).filter((column) => mappedText(column) !== null)
  const column = columns.find(({ name }) => message.includes(`.${identifier(name)})`))
  if (!column) return null
  const { table } = plan.source
  const name = identifier(column.name)
  if (hasEmptyMember(column)) {
    return new RowshiftError(
      'DATA_REJECTED',
      `Column ${column.name} of table ${table} holds the invalid value of an ENUM (index 0), which would arrive as its empty member. ` +
        `Correct the rows of: SELECT * FROM ${identifier(table)} WHERE ${name} + 0 = 0.`,
      { table, column: column.name },
      thrown,
    )
  }
  return new RowshiftError(
    'DATA_REJECTED',
    `Column ${column.name} of table ${table} holds bytes that are no character of ${charsetOf(column)}, and would arrive as "?". ` +
      `Correct the rows of: SELECT * FROM ${identifier(table)} WHERE NOT (${isMapped(name)}).`,
    { table, column: column.name },
    thrown,
  )
}

/** The rows for which {@link mappedText} fails, where a derived column is made of it. */
export function unmappedRefusals(column: Column): Refusal[] {
  if (mappedText(column) === null) return []
  const name = identifier(column.name)
  if (hasEmptyMember(column))
    return [
      {
        condition: `${name} + 0 = 0`,
        value: `${name} + 0`,
        why: 'is the invalid index of an ENUM; correct it',
      },
    ]
  const why = `(as hexadecimal digits) is no text in ${charsetOf(column)}; correct it`
  return [{ condition: `NOT (${isMapped(name)})`, value: `HEX(${name})`, why }]
}

function isMapped(name: string): string {
  const length = (text: string) => `CHAR_LENGTH(REPLACE(${text}, '?', ''))`
  return `${length(name)} <=> ${length(`CONVERT(${name} USING utf8mb4)`)}`
}
