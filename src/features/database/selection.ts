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
  const { tables, leftOut } = selected(names, selectionRules(names, request))
  if (tables.length === 0) throw nothingLeft(leftOut.length)
  return { tables, leftOut }
}

/** Throws USAGE where two tables would be written to one. */
function selected(names: readonly string[], { leftOutBy, renamed }: SelectionRules): Selection {
  const tables: SelectedTable[] = []
  const leftOut: { table: string; reason: string }[] = []
  for (const from of [...names].sort(byCodeUnits)) {
    const reason = leftOutBy(from)
    if (reason !== null) leftOut.push({ table: from, reason })
    else tables.push({ from, to: renamed(from) })
  }
  refuseSameTarget(tables)
  return { tables, leftOut }
}

/** The same question for both ends of a comparison: tables that only the target has are named in the target's words. */
export function selectCompared(
  names: readonly string[],
  targetNames: readonly string[],
  request: SelectionRequest,
): Selection & { readonly extra: readonly string[] } {
  // Rather one that may not be seen than one without tables.
  if (names.length === 0) throw nothingLeft(0)
  const rules = selectionRules([...new Set([...names, ...targetNames])], request)
  const { tables, leftOut } = selected(names, rules)
  const known = new Set(names.map(rules.renamed))
  const isExtra = (name: string) => !known.has(name) && rules.leftOutBy(name) === null
  const extra = targetNames.filter(isExtra).sort(byCodeUnits)
  if (tables.length + extra.length === 0) throw nothingLeft(leftOut.length)
  return { tables, leftOut, extra }
}

interface SelectionRules {
  /** Why a table is left out; null: it is not. */
  readonly leftOutBy: (name: string) => string | null
  readonly renamed: (name: string) => string
}

/** Throws USAGE or TABLE_NOT_FOUND where a pattern matches none of the names. */
function selectionRules(names: readonly string[], request: SelectionRequest): SelectionRules {
  const wanted = request.tables.map((text) => patternOf(text, '--tables'))
  const unwanted = request.exclude.map((text) => patternOf(text, '--exclude'))
  const rules = request.rename.map(ruleOf)
  for (const pattern of wanted) mustMatch(pattern, '--tables', names)
  for (const pattern of unwanted) mustMatch(pattern, '--exclude', names)
  // Whoever goes on with some of the tables gives the same rules.
  for (const { pattern } of rules) mustMatch(pattern, '--rename', names)
  const leftOutBy = (name: string) => {
    const excluded = unwanted.find((pattern) => pattern.expression.test(name))
    if (excluded) return `--exclude ${excluded.text}`
    return wanted.length > 0 && !wanted.some((pattern) => pattern.expression.test(name))
      ? 'not in --tables'
      : null
  }
  return { leftOutBy, renamed: (name) => renamed(name, rules) }
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
      `${option} names ${text}, and the source has no such table${didYouMean(text, names) || '.'} Nothing was written.`,
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
      ? 'The source has no tables that this user may see.'
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
