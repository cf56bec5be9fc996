/** Which tables of a database are copied, and what they are called in the target. */
import { RowshiftError } from '../../contract/errors.js'
import { didYouMean } from '../../suggest.js'
import { counted } from '../../wire/counted.js'

/** As users write it: names, names with stars (`log_*`), or regular expressions between slashes (`/^log_\d+$/`). */
export interface SelectionRequest {
  /** Default, when empty: all. */
  readonly tables: readonly string[]
  readonly exclude: readonly string[]
  /** `old_*=new_*`, or `/^old_(.*)$/=new_$1`; the first that a table matches counts. */
  readonly rename: readonly string[]
}

export interface SelectedTable {
  readonly from: string
  readonly to: string
}

export interface Selection {
  /** In the order of their names. */
  readonly tables: readonly SelectedTable[]
  readonly leftOut: readonly { readonly table: string; readonly reason: string }[]
}

/** What names a pattern matches; `rename` makes the name of the target from one that it does match. */
interface NamePattern {
  readonly text: string
  readonly expression: RegExp
  /** A name without stars. */
  readonly isName: boolean
}

interface RenameRule {
  readonly pattern: NamePattern
  /** The parts between the places that the match fills, as `String.replace` takes them. */
  readonly replacement: string
}

/** Throws USAGE where a pattern matches nothing, or two tables would be written to one; TABLE_NOT_FOUND for a name that is none. */
export function selectTables(names: readonly string[], request: SelectionRequest): Selection {
  const wanted = request.tables.map((text) => patternOf(text, '--tables'))
  const unwanted = request.exclude.map((text) => patternOf(text, '--exclude'))
  const rules = request.rename.map(ruleOf)
  for (const pattern of wanted) mustMatch(pattern, '--tables', names)
  for (const pattern of unwanted) mustMatch(pattern, '--exclude', names)
  // Whoever goes on with some of the tables gives the same rules.
  for (const { pattern } of rules) mustMatch(pattern, '--rename', names)
  const tables: SelectedTable[] = []
  const leftOut: { table: string; reason: string }[] = []
  for (const from of [...names].sort(byCodeUnits)) {
    const excluded = unwanted.find((pattern) => pattern.expression.test(from))
    if (excluded) leftOut.push({ table: from, reason: `--exclude ${excluded.text}` })
    else if (wanted.length > 0 && !wanted.some((pattern) => pattern.expression.test(from)))
      leftOut.push({ table: from, reason: 'not in --tables' })
    else tables.push({ from, to: renamed(from, rules) })
  }
  if (tables.length === 0) throw nothingLeft(leftOut.length)
  refuseSameTarget(tables)
  return { tables, leftOut }
}

/** Splits `a,b_*` at its commas; those of a regular expression, and those after a backslash, stay. */
export function splitList(text: string): string[] {
  return [...text.matchAll(/(?:\/(?:\\.|[^/\\])*\/[^,]*|(?:\\.|[^,\\])+)/gs)].map(([part]) => part.trim())
}

function renamed(name: string, rules: readonly RenameRule[]): string {
  const rule = rules.find(({ pattern }) => pattern.expression.test(name))
  return rule === undefined ? name : name.replace(rule.pattern.expression, rule.replacement)
}

function patternOf(text: string, option: string): NamePattern {
  const [, expression] = /^\/(.*)\/$/s.exec(text) ?? []
  if (expression !== undefined) return { text, expression: compiled(expression, text, option), isName: false }
  const parts = starParts(text)
  if (parts.every((part) => part === '') && parts.length === 1)
    throw new RowshiftError('USAGE', `${option} holds an empty name.`)
  return {
    text,
    expression: new RegExp(`^${parts.map(escaped).join('(.*)')}$`, 's'),
    isName: parts.length === 1,
  }
}

function ruleOf(text: string): RenameRule {
  const at = text.startsWith('/') ? text.lastIndexOf('/=') + 1 : text.indexOf('=')
  const target = text.slice(at + 1)
  if (at <= 0 || target === '')
    throw new RowshiftError('USAGE', `--rename ${text}: write old=new, old_*=new_* or /expression/=new.`)
  const pattern = patternOf(text.slice(0, at), '--rename')
  if (pattern.text.startsWith('/')) return { pattern, replacement: target }
  const [stars, places] = [starParts(pattern.text).length - 1, starParts(target).length - 1]
  if (stars !== places)
    throw new RowshiftError('USAGE', `--rename ${text}: both sides need the same number of stars.`)
  const replacement = starParts(target)
    .map((part, i) => (i === 0 ? '' : `$${i}`) + part.replaceAll('$', '$$$$'))
    .join('')
  return { pattern, replacement }
}

/** The text between stars; a backslash makes a plain character of a star, comma, slash or backslash. */
function starParts(text: string): string[] {
  const parts = ['']
  for (const [token, plain] of text.matchAll(/\\([*,/\\])|[\s\S]/g)) {
    if (token === '*') parts.push('')
    else parts[parts.length - 1] += plain ?? token
  }
  return parts
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

function compiled(expression: string, text: string, option: string): RegExp {
  try {
    return new RegExp(expression, 'u')
  } catch (error) {
    throw new RowshiftError(
      'USAGE',
      `${option} ${text} is not a regular expression: ${(error as Error).message}`,
    )
  }
}

function mustMatch(
  { text, expression, isName }: NamePattern,
  option: string,
  names: readonly string[],
): void {
  if (names.some((name) => expression.test(name))) return
  if (isName)
    throw new RowshiftError(
      'TABLE_NOT_FOUND',
      `${option} names ${text}, and the source has no such table.${didYouMean(text, names)}`,
      { table: text },
    )
  throw new RowshiftError(
    'USAGE',
    `${option} ${text} matches none of ${counted(names.length, 'table')} of the source. Nothing was written.`,
  )
}

function nothingLeft(leftOut: number): RowshiftError {
  const why =
    leftOut === 0
      ? 'The source has no tables.'
      : `All ${counted(leftOut, 'table')} of the source are left out.`
  return new RowshiftError('USAGE', `${why} Nothing was written.`)
}

function refuseSameTarget(tables: readonly SelectedTable[]): void {
  const sources = new Map<string, string>()
  for (const { from, to } of tables) {
    const other = sources.get(to)
    if (other !== undefined) throw sameTarget(other, from, `both be written to ${to}`)
    sources.set(to, from)
  }
}

export function sameTarget(one: string, other: string, what: string): RowshiftError {
  return new RowshiftError(
    'USAGE',
    `${one} and ${other} would ${what}. Give one of them another name by --rename, or leave it out. Nothing was written.`,
  )
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : 1
}
