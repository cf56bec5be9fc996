import type { LossSql } from '../../src/sql/loss-sql.js'
import { text } from './sql.js'

export const lossSql: LossSql = {
  isNotInteger: (value) => `${value}::text COLLATE "C" !~ '^[+-]?[0-9]+$'`,
  truncated: (number, places) => `trunc(${number}::numeric, ${places})`,
  characters: (value) => `char_length(${value}::text)`,
  bytes: (value) => `octet_length(${value})`,
  // Fails for a character that the set lacks, so that nothing is said of the values.
  converted: (value, { valueRange: { characters } }) => {
    if (characters === undefined || characters.coverage === 'unicode') return value
    if (characters.coverage === 'bmp')
      return `regexp_replace(${value}::text COLLATE "C", '[\\U00010000-\\U0010ffff]', '?', 'g')`
    const encoding = text(characters.encoding)
    return `convert_from(convert_to(${value}, ${encoding}), ${encoding})`
  },
  exact: (value) => `${value}::text COLLATE "C"`,
  isNotMidnight: (moment) => `${moment}::time <> '00:00'`,
  // With those of whole seconds.
  microseconds: (moment) => `extract(microseconds FROM ${moment})::bigint`,
}
