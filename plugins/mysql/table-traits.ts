import type { SourceDdl, TableTrait, TableTraits } from '../../src/contract/plugin.js'
import { find, listOf } from '../../src/sql/tokens.js'
import type { Session } from './connection.js'
import type { DdlItem, TableDdl } from './ddl.js'
import { DDL_TOKEN, literalDefault, literalText, parseTable, printTable } from './ddl.js'
import { askDialect, versionOf } from './server.js'
import { translate } from './translate.js'
import { Notes } from './translation.js'

const TEXT = /^((tiny|medium|long)?text|(var)?char|enum|set)$/i
/** What a server shows of an index that says nothing about how it works. */
const INDEX_OPTIONS = [/^USING$/i, /^BTREE$/i, /^COMMENT$/i, /^'/, /^KEY_BLOCK_SIZE$/i, /^=$/, /^\d+$/]

/** As they would be made on this server, and as they are. Between MySQL and MariaDB, expressions are not compared: each prints them in its own way. */
export async function tableTraits(
  session: Session,
  elsewhere: SourceDdl,
  own: SourceDdl,
): Promise<TableTraits> {
  const dialect = await askDialect(session)
  const from = versionOf(elsewhere.version)
  const made = translate(
    parseTable(elsewhere.statements![0]!),
    { ...from, keysComeLater: true },
    dialect,
    new Notes(),
  )
  const exact = from.mariadb === dialect.mariadb
  // A translated token may be several words.
  const expected = traitsOf(parseTable(printTable('', made)), exact)
  const found = traitsOf(parseTable(own.statements![0]!), exact)
  return { expected: comparable(expected, found), found: comparable(found, expected) }
}

/** A column that one server keeps as a type without a collation (JSON) has none to compare. */
function comparable(traits: readonly TableTrait[], others: readonly TableTrait[]): TableTrait[] {
  const collated = new Set(
    others.flatMap(({ what, column }) => (what === COLLATION ? [column?.toLowerCase()] : [])),
  )
  return traits.filter(({ what, column }) => what !== COLLATION || collated.has(column!.toLowerCase()))
}

const COLLATION = 'collation'

function traitsOf({ items, options }: TableDdl, exact: boolean): TableTrait[] {
  const collation = find(options, /^COLLATE$/i, /^=$/, /./)?.[2] ?? ''
  return items.flatMap((item) => {
    const bare = { ...item, tokens: item.tokens.filter((token) => !/^(\/\*M?!\d*|\*\/)$/.test(token)) }
    if (item.kind === 'column') return columnTraits(bare, collation, exact)
    if (item.kind === 'check') return exact ? [checkTrait(bare)] : []
    return item.kind === 'index' || item.kind === 'unique' ? indexTraits(bare) : []
  })
}

function columnTraits(item: DdlItem, inherited: string, exact: boolean): TableTrait[] {
  const { tokens } = item
  const column = item.name!
  const of = (what: string, is: string | null): TableTrait[] => (is === null ? [] : [{ what, column, is }])
  const [type = ''] = tokens.slice(1).filter((token) => !/^\s+$/.test(token))
  const collation = find(tokens, /^COLLATE$/i, /./)?.[1] ?? (TEXT.test(type) ? inherited : null)
  const computed = find(tokens, /^AS$/i, /^\(/)
  const stored = find(tokens, /^(STORED|PERSISTENT)$/i) === null ? 'VIRTUAL' : 'STORED'
  const checked = exact ? find(tokens, /^CHECK$/i, /^\(/) : null
  return [
    ...of(COLLATION, collation),
    ...of('default', computed ? null : defaultOf(item, exact)),
    ...of('ON UPDATE', expressionAfter(tokens, [/^ON$/i, /^UPDATE$/i], true)),
    ...of('AUTO_INCREMENT', find(tokens, /^AUTO_INCREMENT$/i) && ''),
    ...of('expression', computed && exact ? `${computed[1]!} ${stored}` : null),
    ...of('CHECK', checked && checked[1]!),
  ]
}

function defaultOf(item: DdlItem, exact: boolean): string | null {
  const literal = literalDefault(item)
  if (literal !== null) return quoted(literal)
  return expressionAfter(item.tokens, [/^DEFAULT$/i], exact)
}

/** null: there is none, or it is NULL. */
function expressionAfter(tokens: readonly string[], words: readonly RegExp[], exact: boolean): string | null {
  const start = find(tokens, ...words, /./)?.at(-1)
  if (start === undefined || /^NULL$/i.test(start)) return null
  const at = tokens.indexOf(
    start,
    tokens.findIndex((token) => words.at(-1)!.test(token)),
  )
  const next = tokens[at + 1] ?? ''
  // `b'0'`, `uuid()`.
  const text = /^['(]/.test(next) ? `${start}${next}` : start
  return plainExpression(text, exact)
}

/** The servers write the time of day and texts in parentheses in several ways. */
function plainExpression(text: string, exact: boolean): string {
  const inner = /^\(([^]*)\)$/.exec(text)?.[1] ?? text
  const spoken = inner.replace(/^_\w+(?=')/, '')
  if (/^'(?:[^'\\]|''|\\[^])*'$/.test(spoken)) return quoted(literalText(spoken))
  const now = /^(?:current_timestamp|now|localtime|localtimestamp)(?:\((\d*)\))?$/i.exec(inner)
  if (now) return now[1] ? `CURRENT_TIMESTAMP(${now[1]})` : 'CURRENT_TIMESTAMP'
  if (/^[bx]'/i.test(inner)) return inner.toLowerCase()
  return exact ? text : 'an expression'
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function checkTrait({ name, tokens }: DdlItem): TableTrait {
  const enforced = find(tokens, /^NOT$/i, /^ENFORCED$/i) === null ? '' : ' NOT ENFORCED'
  const is = `${find(tokens, /^CHECK$/i, /^\(/)?.[1] ?? ''}${enforced}`
  return { what: 'CHECK', ...(name !== null && { name }), is }
}

/** None of a unique key of whole columns, which the table's keys say. */
function indexTraits({ kind, name, tokens }: DdlItem): TableTrait[] {
  const words = tokens.filter((token) => !/^\s+$/.test(token))
  const at = words.findIndex((token) => token.startsWith('('))
  const parts = listOf(words[at]!, DDL_TOKEN).map((part) => part.map(unquoted).join(''))
  const type = words.slice(0, at).filter((token) => /^(UNIQUE|FULLTEXT|SPATIAL|VECTOR)$/i.test(token))
  const options = words.slice(at + 1).filter((token) => !INDEX_OPTIONS.some((word) => word.test(token)))
  const isPlain = options.length === 0 && !parts.some((part) => /[( ]/.test(part))
  if (kind === 'unique' && isPlain) return []
  const is = [...type, `(${parts.join(', ')})`, ...options].join(' ')
  return [{ what: 'index', ...(name !== null && { name }), is }]
}

function unquoted(token: string): string {
  return token.startsWith('`') ? token.slice(1, -1).replaceAll('``', '`') : token
}
