import type { ForeignKey } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { constraintOf } from '../../src/sql/sql-foreign-keys.js'
import { listOf, rewrite, tokenize } from '../../src/sql/tokens.js'
import { quoteName } from './names.js'

/** A comment, a quoted name or string (in any of the four ways), a word or number, white space, any other character. */
const TOKEN =
  /--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$)|`(?:[^`]|``)*`|'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[^\]]*\]|[\w$.\u0080-\uffff]+|\s+|[^]/

/** What stands around a table's columns, and an index of it, in a database that only its own program has written to. */
const TABLE = /^CREATE TABLE N G(,? ?(WITHOUT ROWID|STRICT))*$/i
const INDEX = /^CREATE( UNIQUE)? INDEX( IF NOT EXISTS)? N ON N G( WHERE [^;]*)?$/i

/**
 * A source may have anything in its sqlite_schema, and a target would run all of it. Throws CREATE_FAILED for more than
 * one statement of the kind, and for `CREATE TABLE … AS SELECT`.
 */
function checkShape(sql: string, tokens: readonly string[], shape: RegExp): void {
  const words = [/^(TABLE|INDEX)$/i, /^ON$/i].filter((word) => tokens.some((token) => word.test(token)))
  const names = new Set(words.map((word) => nameAt(tokens, word)))
  const outline = tokens
    .map((token, at) => {
      if (/^(\s|--|\/\*)/.test(token)) return ' '
      return token.startsWith('(') && token.endsWith(')') ? ' G ' : names.has(at) ? 'N' : token
    })
    .join('')
  if (shape.test(outline.replaceAll(/\s+/g, ' ').trim())) return
  throw new RowshiftError(
    'CREATE_FAILED',
    `The source keeps a definition that is more than one table or index: ${JSON.stringify(sql.slice(0, 200))}. Create the table yourself and leave out --create. Nothing was written.`,
  )
}

/**
 * `CREATE TABLE name (…)` as sqlite_schema keeps it, for a table of another name and with the foreign keys that are `wanted`, by default none; with
 * how many it has had itself. Where they are its own, they stay as they stand there.
 */
export function tableFor(
  sql: string,
  table: string,
  wanted: readonly ForeignKey[] = [],
): { readonly sql: string; readonly foreignKeys: number } {
  const tokens = tokenize(sql, TOKEN)
  checkShape(sql, tokens, TABLE)
  const at = nameAt(tokens, /^TABLE$/i)
  const list = tokens.findIndex((token, i) => i > at && token.startsWith('('))
  let foreignKeys = 0
  const parents = new Set<string>()
  const remaining = listOf(tokens[list]!, TOKEN).flatMap((item) => {
    // A comment at the end of a line would hide what is put behind it.
    const bare = item.map((token) => (/^(--|\/\*)/.test(token) ? ' ' : token))
    const text = withoutReferences(bare)
    if (text !== bare.join('')) foreignKeys++
    for (const [i, token] of bare.entries())
      if (/^REFERENCES$/i.test(token))
        parents.add(unquoted(bare.slice(i + 1).find((each) => /\S/.test(each))!).toLowerCase())
    return text === '' ? [] : [text.trim()]
  })
  const own = foreignKeys === wanted.length && wanted.every(({ parent }) => parents.has(parent.toLowerCase()))
  const lines = [...remaining, ...wanted.map(foreignKeySql)]
  const body = own ? tokens[list]! : `(\n  ${lines.join(',\n  ')}\n)`
  const rest = [...tokens.slice(at + 1, list), body, ...tokens.slice(list + 1)]
  return { sql: [...tokens.slice(0, at), quoteName(table), ...rest].join(''), foreignKeys }
}

export function foreignKeySql(key: ForeignKey): string {
  return constraintOf({ identifier: quoteName, table: quoteName }, key)
}

function unquoted(token: string): string {
  const [quote = ''] = /^["'`[]/.exec(token) ?? []
  return quote === '' ? token : token.slice(1, -1).replaceAll(quote + quote, quote)
}

/** `CREATE [UNIQUE] INDEX name ON table(…)` for another index and table. */
export function indexFor(sql: string, index: string, table: string): string {
  const tokens = tokenize(sql, TOKEN)
  checkShape(sql, tokens, INDEX)
  const name = nameAt(tokens, /^INDEX$/i)
  const on = nameAt(tokens, /^ON$/i)
  return tokens.with(name, quoteName(index)).with(on, quoteName(table)).join('')
}

export function nameOfIndex(sql: string): string {
  const tokens = tokenize(sql, TOKEN)
  return unquoted(tokens[nameAt(tokens, /^INDEX$/i)]!)
}

/** The columns of `CREATE TABLE`, without comments. */
export function columnsOf(
  sql: string,
): readonly { readonly name: string; readonly tokens: readonly string[] }[] {
  const list = tokenize(sql, TOKEN).find((token) => token.startsWith('(')) ?? '()'
  return listOf(list, TOKEN).flatMap((item) => {
    const tokens = item.filter((token) => !/^(--|\/\*)/.test(token))
    const [name] = tokens.filter((token) => /\S/.test(token))
    if (name === undefined || /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/i.test(name)) return []
    return [{ name: unquoted(name), tokens }]
  })
}

/** What `CREATE INDEX` says of its table: `(a, b DESC)`, and which rows it has, else ''. */
export function indexOf(sql: string) {
  const tokens = tokenize(sql, TOKEN).filter((token) => !/^(--|\/\*)/.test(token))
  const at = tokens.findIndex((token) => token.startsWith('('))
  const parts = listOf(tokens[at] ?? '()', TOKEN).map((part) => part.map(unquoted).join(''))
  return {
    unique: tokens.some((token) => /^UNIQUE$/i.test(token)),
    columns: `(${parts.join(', ')})`,
    condition: tokens
      .slice(at + 1)
      .join('')
      .trim(),
  }
}

/** The text of a default if it is a plain literal, as `pragma_table_xinfo` shows it. */
export function literalDefault(sql: string | null): string | null {
  if (sql === null) return null
  if (/^'(?:[^']|'')*'$/.test(sql)) return sql.slice(1, -1).replaceAll("''", "'")
  return /^[+-]?\d+(\.\d+)?$/.test(sql) ? sql.replace(/^\+/, '') : null
}

function nameAt(tokens: readonly string[], word: RegExp): number {
  const after = tokens.findIndex((token) => word.test(token)) + 1
  return tokens.findIndex((token, i) => i >= after && !/^(\s|--|\/\*)/.test(token))
}

/** Empty when the whole item is a foreign key. */
function withoutReferences(tokens: readonly string[]): string {
  const words = tokens.filter((token) => !/^\s+$/.test(token))
  const first = /^CONSTRAINT$/i.test(words[0] ?? '') ? words[2] : words[0]
  if (/^FOREIGN$/i.test(first ?? '')) return ''
  const start = tokens.findIndex((token) => /^REFERENCES$/i.test(token))
  if (start < 0) return tokens.join('')
  const end = endOfReference(tokens, start)
  const before = rewrite([...tokens.slice(0, start), '$'], [/^CONSTRAINT$/i, /./, /^\$$/], () => '$')
  return [...before.slice(0, -1), ...tokens.slice(end)].join('')
}

const CLAUSE =
  /^\s*(?:ON\s+(?:DELETE|UPDATE)\s+(?:SET\s+(?:NULL|DEFAULT)|CASCADE|RESTRICT|NO\s+ACTION)|MATCH\s+\w+|(?:NOT\s+)?DEFERRABLE(?:\s+INITIALLY\s+(?:DEFERRED|IMMEDIATE))?)/i

/** `REFERENCES name [(columns)]` and the clauses behind it. */
function endOfReference(tokens: readonly string[], start: number): number {
  let end = tokens.findIndex((token, i) => i > start && !/^\s+$/.test(token)) + 1
  const next = tokens.findIndex((token, i) => i >= end && !/^\s+$/.test(token))
  if (next >= 0 && tokens[next]!.startsWith('(')) end = next + 1
  for (;;) {
    const [clause = ''] = CLAUSE.exec(tokens.slice(end).join('')) ?? []
    if (clause === '') return end
    for (let length = 0; length < clause.length; end++) length += tokens[end]!.length
  }
}
