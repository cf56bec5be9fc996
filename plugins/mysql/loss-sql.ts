import type { LossSql } from '../../src/sql/loss-sql.js'
import { charsetOf } from './sql.js'

export const lossSql: LossSql = {
  isNotInteger: (text) => `${text} NOT REGEXP '^[+-]?[0-9]+$'`,
  truncated: (number, places) => `TRUNCATE(${number}, ${places})`,
  characters: (text) => `CHAR_LENGTH(${text})`,
  bytes: (value) => `LENGTH(${value})`,
  converted: (text, target) => {
    const charset = charsetOf(target)
    return charset === null ? text : `CONVERT(${text} USING ${charset})`
  },
  exact: (text) => `CAST(CONVERT(${text} USING utf8mb4) AS BINARY)`,
  isNotMidnight: (moment) => `TIME(${moment}) <> 0`,
  microseconds: (moment) => `MICROSECOND(${moment})`,
}
