import type { LossSql } from '../../src/sql/loss-sql.js'

export const lossSql: LossSql = {
  isNotInteger: (text) => `${text} !~ '^[+-]?[0-9]+$'`,
  truncated: (number, places) => `trunc(${number}::numeric, ${places})`,
  characters: (text) => `char_length(${text}::text)`,
  bytes: (value) => `octet_length(${value})`,
  // What the target's character set lacks, its server refuses.
  converted: (text) => text,
  exact: (text) => `${text}::text COLLATE "C"`,
  isNotMidnight: (moment) => `${moment}::time <> '00:00'`,
  // With those of whole seconds.
  microseconds: (moment) => `extract(microseconds FROM ${moment})::bigint`,
}
