/** SQL that stands in the catalogs of a source, before it becomes part of a statement on the target. */
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SqlSession } from '../../src/sql/session.js'
import { text } from './sql.js'

/** A quoted name, a string, a word, white space, what could begin a comment or another kind of string, any other character. */
const TOKEN = /"(?:[^"]|"")*"|'(?:[^']|'')*'|[\p{L}\p{N}_]+|\s+|--|\/\*|[^]/gu
const WORD = /^([\p{L}_]|"(?:[^"]|"")+"$)/u
const TYPE = /^(?:"(?:[^"]|"")+"|[\p{L}\p{N}_. ]|\(\d+(?:,-?\d+)?\)|\[\])+$/u

/** What begins a comment, a second statement, another kind of string, or a foreign key: where a name is this word, it is in quotes. */
const NEVER: ReadonlySet<string> = new Set(['--', '/*', ';', '$', '\\', "'", '"', 'references'])

/** Functions that give something else each time, and do nothing more. */
const GENERATORS = ['random', 'gen_random_uuid', 'clock_timestamp', 'timeofday', 'txid_current']

/** A key or a CHECK. A foreign key of the table stands elsewhere. */
export function checkConstraint(sql: string): string {
  if (/^(PRIMARY KEY|UNIQUE|CHECK|EXCLUDE) /.test(sql)) return checkExpression(sql)
  throw tooMuch(sql)
}

/** What follows the table in the definition of an index. */
export function checkIndex(sql: string): string {
  if (sql.startsWith(' USING ')) return checkExpression(sql)
  throw tooMuch(sql)
}

/** One expression: what a comma, a bracket or a comment would begin stands within brackets or strings. */
export function checkExpression(sql: string): string {
  let depth = 0
  let before = ''
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token === '(' || token === '[') depth++
    if (token === ')' || token === ']') depth--
    const closes = depth < 0 || (depth === 0 && token === ',')
    // A string with escapes, or of other letters: only bits have a letter before them.
    const escaped = token.startsWith("'") && /^([\p{L}\p{N}_]+|&)$/u.test(before) && !/^[bx]$/i.test(before)
    if (closes || escaped || NEVER.has(token.toLowerCase())) throw tooMuch(sql)
    before = token
  }
  if (depth !== 0) throw tooMuch(sql)
  return sql
}

/** The name of a type, or of a collation. */
export function checkType(type: string): string {
  const words = [...type.matchAll(TOKEN)].map(([token]) => token.toLowerCase())
  if (!TYPE.test(type) || words.some((word) => NEVER.has(word))) throw tooMuch(type)
  return type
}

function tooMuch(sql: string): RowshiftError {
  return new RowshiftError(
    'CREATE_FAILED',
    `The source keeps a definition that is more than one expression or type: ${JSON.stringify(sql.slice(0, 200))}. Create the table yourself and leave out --create. Nothing was written.`,
  )
}

/**
 * What stands before an opening bracket: functions, and words that look like one; and what stands behind a value and a point, since `(a).lower`
 * calls a function as well. A function of a schema has its name.
 */
export function callsOf(sql: string): string[] {
  const tokens = [...sql.matchAll(TOKEN)].map(([token]) => token).filter((token) => token.trim() !== '')
  const calls: string[] = []
  let ofValue = false
  for (const [i, token] of tokens.entries()) {
    const schema = tokens[i - 1] === '.' && !ofValue ? `${tokens[i - 2]}.` : ''
    if (token === '.') continue
    ofValue &&= tokens[i - 1] === '.'
    if (WORD.test(token) && (ofValue || tokens[i + 1] === '(')) calls.push(schema + nameOf(token))
    ofValue ||= token === ')' || token === ']'
  }
  return calls
}

function nameOf(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase()
}

/** Those of the names that are keywords of the target, or functions of its own that only compute. */
export async function harmlessCalls(
  session: SqlSession,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const list = (texts: readonly string[]) => `(ARRAY[${texts.map(text).join(', ')}]::text[])`
  const rows = await session.query(
    `SELECT name FROM unnest${list([...new Set(names)])} AS name
     WHERE EXISTS (SELECT FROM pg_get_keywords() WHERE word = name AND (catcode <> 'U' OR name IN ('key', 'varying', 'include')))
        OR EXISTS (SELECT FROM pg_am WHERE amname = name)
        OR (SELECT bool_and(provolatile <> 'v' OR proname = ANY ${list(GENERATORS)}) FROM pg_proc
            WHERE proname = name AND pronamespace = 'pg_catalog'::regnamespace)`,
  )
  return new Set(rows.map(([name]) => name!))
}
