import type { Column } from '../../src/contract/plugin.js'
import { most } from '../../src/sql/literals.js'
import { find } from '../../src/sql/tokens.js'
import { charsetOf } from './collations.js'
import type { DdlItem } from './ddl.js'
import { isNotNull, literalText, tokensOf } from './ddl.js'
import { toColumn } from './schema.js'
import { identifier } from './sql.js'

const TEXT = /^((var)?char|(tiny|medium|long)?text|enum|set)$/i

/** Bytes of the types whose length is not stated. */
const BYTES: Readonly<Record<string, number>> = {
  tinytext: 255,
  tinyblob: 255,
  text: 65_535,
  blob: 65_535,
  mediumtext: 16_777_215,
  mediumblob: 16_777_215,
  longtext: 4_294_967_295,
  longblob: 4_294_967_295,
}

/** Digits by which ZEROFILL may widen an integer that states no width. */
const DIGITS: Readonly<Record<string, number>> = {
  tinyint: 3,
  smallint: 5,
  mediumint: 8,
  int: 10,
  bigint: 20,
}

/** The column that a line of DDL makes, as `describe` will show it on a server of this version. */
export function plannedColumn(item: DdlItem, tableCollation: string, version: string): Column {
  const { tokens } = item
  const name = item.name!
  const type = typeOf(tokens)
  const base = /^\w+/.exec(type)![0].toLowerCase()
  const [first, second] = (/^\w+\s*\(([\d,\s]+)\)/.exec(type)?.[1] ?? '').split(',')
  const collation = TEXT.test(base) ? (find(tokens, /^COLLATE$/i, /./)?.[1] ?? tableCollation) : null
  const generated = find(tokens, /^GENERATED$/i) !== null
  const filled = find(tokens, /^DEFAULT$/i) ?? find(tokens, /^AUTO_INCREMENT$/i)
  // Of MariaDB's system versioning.
  const period = find(tokens, /^AS$/i, /^ROW$/i) !== null
  const isJson = tokens.join('').includes(`json_valid(${identifier(name)})`)
  const row = [
    name,
    base,
    type,
    isNotNull(tokens) || period ? 'NO' : 'YES',
    filled === null ? null : '',
    generated ? 'STORED GENERATED' : '',
    digits(first) ?? DIGITS[base]?.toString() ?? (base === 'decimal' ? '10' : base === 'bit' ? '1' : null),
    digits(second) ?? (base === 'decimal' ? '0' : null),
    String(lengthOf(base, type, digits(first))),
    collation === null ? null : charsetOf(collation),
    digits(first) ?? '0',
    collation,
    find(tokens, /^SRID$/i, /^\d+$/)?.[1] ?? null,
  ]
  const checked = /mariadb/i.test(version) && isJson
  return toColumn(row, version, new Set(checked ? [name] : []))
}

/** Name, white space, type, what stands in parentheses, and the words that belong to a number. */
function typeOf([, , word = '', next = '', ...rest]: readonly string[]): string {
  const group = next.startsWith('(') ? next : ''
  const flags = [next, ...rest].filter((token) => /^(unsigned|zerofill)$/i.test(token))
  return [word + group, ...flags].join(' ')
}

function digits(text: string | undefined): string | null {
  return text === undefined || text.trim() === '' ? null : text.trim()
}

/** CHARACTER_MAXIMUM_LENGTH: of an ENUM that of its longest member, of a SET that of all of them with commas. */
function lengthOf(base: string, type: string, stated: string | null): number {
  if (base !== 'enum' && base !== 'set') return Number(stated ?? BYTES[base] ?? 1)
  const members = tokensOf(type.slice(type.indexOf('(') + 1, type.lastIndexOf(')'))).filter((token) =>
    token.startsWith("'"),
  )
  const lengths = members.map((member) => literalText(member).length)
  return base === 'enum' ? most(lengths) : lengths.reduce((sum, length) => sum + length + 1, -1)
}
