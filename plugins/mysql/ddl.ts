import { find, listOf, tokenize } from '../../src/sql/tokens.js'
import { identifier } from './sql.js'

/** One line of a table's CREATE statement. */
export interface DdlItem {
  readonly kind: 'column' | 'primary' | 'unique' | 'index' | 'foreign' | 'check' | 'other'
  /** Of the column, index or constraint; null where it has none. */
  readonly name: string | null
  readonly tokens: readonly string[]
}

/** What SHOW CREATE TABLE says, cut into pieces that print to the same text. */
export interface TableDdl {
  readonly items: readonly DdlItem[]
  /** What follows the list: table options and partitions. */
  readonly options: readonly string[]
}

/** A quoted name or string, the ends of a version comment, a word or number, white space, any other character. */
export const DDL_TOKEN =
  /`(?:[^`]|``)*`|'(?:[^'\\]|''|\\[^])*'|"(?:[^"\\]|""|\\[^])*"|\/\*M?!\d*|\*\/|[\w$.\u0080-\uffff]+|\s+|[^]/

const NAME = /^`/

export function parseTable(sql: string): TableDdl {
  const tokens = tokenize(sql, DDL_TOKEN)
  const list = tokens.findIndex((token) => token.startsWith('('))
  // Not a CREATE statement of a table; `checkTableDdl` refuses it.
  if (list < 0) return { items: [], options: tokens }
  return { items: listOf(tokens[list]!, DDL_TOKEN).map(toItem), options: tokens.slice(list + 1) }
}

export function printTable(name: string, { items, options }: TableDdl): string {
  const lines = items.map(({ tokens }) => `  ${tokens.join('')}`)
  return `CREATE TABLE ${identifier(name)} (\n${lines.join(',\n')}\n)${options.join('')}`
}

/** The tokens of a group, for what stands in parentheses. */
export function tokensOf(text: string): string[] {
  return tokenize(text, DDL_TOKEN)
}

/** What stands in parentheses, and in parentheses within, token by token. */
export function flatTokens(group: string): string[] {
  return [...group.matchAll(new RegExp(DDL_TOKEN, 'gy'))].map(([token]) => token)
}

/** The columns of an index or key; null for a part that is an expression. */
export function keyParts({ tokens }: DdlItem): (string | null)[] {
  const group = tokens.find((token) => token.startsWith('('))
  return group === undefined ? [] : listOf(group, DDL_TOKEN).map(([first]) => (first ? nameOf(first) : null))
}

/** The text of a string literal. */
export function literalText(token: string): string {
  const special: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    '0': '\0',
    Z: '\x1a',
    b: '\b',
  }
  return token
    .slice(1, -1)
    .replaceAll(/''|\\([^])/g, (_, escaped?: string) => (escaped ? (special[escaped] ?? escaped) : "'"))
}

/** `DEFAULT 'x'` or `DEFAULT 1` as text; null when there is none, or no plain literal. */
export function literalDefault({ tokens }: DdlItem): string | null {
  const value = find(tokens, /^DEFAULT$/i, /^'|^\d/)?.[1]
  if (value !== undefined) return value.startsWith("'") ? literalText(value) : value
  const negative = find(tokens, /^DEFAULT$/i, /^-$/, /^\d/)?.[2]
  return negative === undefined ? null : `-${negative}`
}

export function isNotNull(tokens: readonly string[]): boolean {
  return find(tokens, /^NOT$/i, /^NULL$/i) !== null
}

function toItem(tokens: readonly string[]): DdlItem {
  const words = tokens.filter((token) => !/^\s+$/.test(token))
  const [first = '', second = '', third = ''] = words
  const name = words.map(nameOf).find((word) => word !== null) ?? null
  const of = (kind: DdlItem['kind'], named: string | null): DdlItem => ({ kind, name: named, tokens })
  if (NAME.test(first)) return of('column', name)
  if (/^PRIMARY$/i.test(first)) return of('primary', 'PRIMARY')
  if (/^UNIQUE$/i.test(first)) return of('unique', name)
  if (/^(KEY|INDEX|FULLTEXT|SPATIAL|VECTOR)$/i.test(first)) return of('index', name)
  if (/^CHECK$/i.test(first)) return of('check', null)
  if (/^CONSTRAINT$/i.test(first) && /^FOREIGN$/i.test(third)) return of('foreign', nameOf(second))
  if (/^CONSTRAINT$/i.test(first) && /^CHECK$/i.test(third)) return of('check', nameOf(second))
  return of('other', name)
}

function nameOf(token: string): string | null {
  return NAME.test(token) ? token.slice(1, -1).replaceAll('``', '`') : null
}
