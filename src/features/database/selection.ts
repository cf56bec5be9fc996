/** Which tables of a database are copied, and what they are called in the target. */
import { RowshiftError } from '../../contract/errors.js'
import { didYouMean } from '../../suggest.js'
import { counted } from '../../wire/counted.js'
import type { NamePattern } from './name-patterns.js'
import { patternOf, renameRule } from './name-patterns.js'
import type { NameSyntaxes } from './table-naming.js'
import { plainName } from './table-naming.js'

/** As users write it: see `name-patterns.ts`. */
export interface SelectionRequest {
  /** Default, when empty: all. */
  readonly tables: readonly string[]
  readonly exclude: readonly string[]
  /** `old_*=new_*`, or `/^old_(.*)$/=new_$1`; the first that a table matches counts. */
  readonly rename: readonly string[]
}

/** Each name as its own database writes it. */
export interface SelectedTable {
  readonly from: string
  readonly to: string
}

export interface Selection {
  /** In the order of their names. */
  readonly tables: readonly SelectedTable[]
  readonly leftOut: readonly { readonly table: string; readonly reason: string }[]
}

/** Throws USAGE where a pattern matches nothing, or two tables would be written to one; TABLE_NOT_FOUND for a name that is none. */
export function selectTables(
  names: readonly string[],
  request: SelectionRequest,
  syntaxes: NameSyntaxes,
): Selection {
  const { tables, leftOut } = selected(names, selectionRules(names, [], request, syntaxes), syntaxes)
  if (tables.length === 0) throw nothingLeft(leftOut.length)
  return { tables, leftOut }
}

/** Throws USAGE where two tables would be written to one. */
function selected(
  names: readonly string[],
  { leftOutBy, inTarget }: SelectionRules,
  { source }: NameSyntaxes,
): Selection {
  const tables: SelectedTable[] = []
  const leftOut: { table: string; reason: string }[] = []
  for (const from of [...names].sort(byCodeUnits)) {
    const reason = leftOutBy(plainName(from, source))
    if (reason !== null) leftOut.push({ table: from, reason })
    else tables.push({ from, to: inTarget(from) })
  }
  refuseSameTarget(tables)
  return { tables, leftOut }
}

/** The same question for both ends of a comparison: tables that only the target has are named in the target's words. */
export function selectCompared(
  names: readonly string[],
  targetNames: readonly string[],
  request: SelectionRequest,
  syntaxes: NameSyntaxes,
): Selection & { readonly extra: readonly string[] } {
  // Rather one that may not be seen than one without tables.
  if (names.length === 0) throw nothingLeft(0)
  const rules = selectionRules(names, targetNames, request, syntaxes)
  const { tables, leftOut } = selected(names, rules, syntaxes)
  const known = new Set(names.map(rules.inTarget))
  const isExtra = (name: string) =>
    !known.has(name) && rules.leftOutBy(plainName(name, syntaxes.target)) === null
  const extra = targetNames.filter(isExtra).sort(byCodeUnits)
  if (tables.length + extra.length === 0) throw nothingLeft(leftOut.length)
  return { tables, leftOut, extra }
}

/**
 * What the target calls a table of the source, which need not be copied. All that the source says of its tables goes through this: the two databases
 * may write the same name in different ways.
 */
export function namesInTarget(
  { rename }: SelectionRequest,
  syntaxes: NameSyntaxes,
): (table: string) => string {
  const rules = rename.map((text) => renameRule(text, syntaxes))
  const { source, target } = syntaxes
  return (table) => {
    const name = plainName(table, source)
    const rule = rules.find(({ pattern }) => pattern.expression.test(name))
    return target.show(rule === undefined ? { name } : rule.renamed(name))
  }
}

interface SelectionRules {
  /** Why a table is left out, by what it is called without quotes; null: it is not. */
  readonly leftOutBy: (name: string) => string | null
  readonly inTarget: (table: string) => string
}

/** Throws USAGE or TABLE_NOT_FOUND where a pattern matches none of the names. */
function selectionRules(
  sourceNames: readonly string[],
  targetNames: readonly string[],
  request: SelectionRequest,
  syntaxes: NameSyntaxes,
): SelectionRules {
  const { source, target } = syntaxes
  const names = new Set([
    ...sourceNames.map((name) => plainName(name, source)),
    ...targetNames.map((name) => plainName(name, target)),
  ])
  const patterns = (texts: readonly string[], option: string) =>
    texts.map((text) => {
      const pattern = patternOf(text, option, source)
      mustMatch(pattern, option, names, syntaxes)
      return pattern
    })
  const wanted = patterns(request.tables, '--tables')
  const unwanted = patterns(request.exclude, '--exclude')
  const inTarget = namesInTarget(request, syntaxes)
  // Whoever goes on with some of the tables gives the same rules.
  for (const text of request.rename)
    mustMatch(renameRule(text, syntaxes).pattern, '--rename', names, syntaxes)
  const leftOutBy = (name: string) => {
    const excluded = unwanted.find((pattern) => pattern.expression.test(name))
    if (excluded) return `--exclude ${excluded.text}`
    return wanted.length > 0 && !wanted.some((pattern) => pattern.expression.test(name))
      ? 'not in --tables'
      : null
  }
  return { leftOutBy, inTarget }
}

function mustMatch(
  { text, expression, isName }: NamePattern,
  option: string,
  names: ReadonlySet<string>,
  { source }: NameSyntaxes,
): void {
  if ([...names].some((name) => expression.test(name))) return
  if (isName) {
    const known = [...names].map((name) => source.show({ name }))
    throw new RowshiftError(
      'TABLE_NOT_FOUND',
      `${option} names ${text}, and the source has no such table${didYouMean(text, known) || '.'} Nothing was written.`,
      { table: text },
    )
  }
  throw new RowshiftError(
    'USAGE',
    `${option} ${text} matches none of ${counted(names.size, 'table')} of the source. Nothing was written.`,
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
