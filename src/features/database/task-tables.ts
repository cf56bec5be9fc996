/** Task rows whose names of tables are patterns on both ends: table by table. */
import { RowshiftError } from '../../contract/errors.js'
import { parsePattern } from '../shard/pattern.js'
import type { DatabaseParams } from './params.js'
import type { OnTableError } from './request.js'
import type { SelectionRequest } from './selection.js'
import { splitList } from './name-patterns.js'

interface TaskNames {
  readonly id: number
  readonly from: string
  readonly to: string
}

export interface TaskTables {
  readonly selection: SelectionRequest
  readonly onTableError: OnTableError
}

const NO_PARAMS: DatabaseParams = { tables: [], exclude: [], rename: [], onTableError: null }

/**
 * Which tables a task copies one by one; null: its names are those of one copy. `*` on the right stands for the names on the left; any other
 * list there names each table anew, by its place. Throws PARAMS_INVALID for a star on the right that means nothing.
 */
export function tablesOfTask(
  { id, from, to }: TaskNames,
  params: DatabaseParams | null,
  isSharded: boolean,
): TaskTables | null {
  if (isSharded || !isList(to)) {
    if (params !== null) throw ofOneTable(id, from, to)
    return null
  }
  const wanted = splitList(from)
  if (!isList(from)) {
    // Names may hold commas.
    if (!hasStar(to)) return null
    throw meaningless(id, `from_table is one table (${from}), so to_table is one, too: write its name`)
  }
  const { tables, exclude, rename, onTableError } = params ?? NO_PARAMS
  if (tables.length > 0 && from !== '*')
    throw meaningless(
      id,
      'from_table names tables, and so does params.tables: give one of them, and * in from_table for the other',
    )
  const renames = to === '*' ? [] : renamesOf(id, wanted, splitList(to))
  const selection = {
    tables: from === '*' ? tables : wanted,
    exclude,
    rename: [...rename, ...renames],
  }
  return { selection, onTableError: onTableError ?? 'stop' }
}

/** `old_*` to `new_*`, one by one. */
function renamesOf(id: number, from: readonly string[], to: readonly string[]): string[] {
  if (from.length !== to.length)
    throw meaningless(
      id,
      `from_table lists ${from.length} and to_table ${to.length}: as many are needed, or * in to_table for the same names`,
    )
  const pairs = from.map((one, i) => ({ one, other: to[i]! }))
  const changed = pairs.filter(({ one, other }) => one !== other)
  for (const { one, other } of changed)
    if (stars(one) !== stars(other) || one.startsWith('/'))
      throw meaningless(
        id,
        `${one} cannot be called ${other}: both need the same number of stars. Write * in to_table for the same names, and other names into params.rename`,
      )
  // The first rule that fits counts: a name that stays does not hide one that is given.
  const same = pairs.filter(({ one, other }) => one === other && mayDiffer(one))
  return [...changed, ...same].map(({ one, other }) => `${one}=${other}`)
}

/** The same text is another name where the target has schemas, and the source has none. No rule can be written for a name with `=`. */
function mayDiffer(name: string): boolean {
  return /[."]/.test(name) && !name.startsWith('/') && !name.includes('=')
}

/** Names between commas, or a pattern; `t_{a,b}` is a list of another kind. */
function isList(names: string): boolean {
  if (/^\s*\//.test(names)) return true
  return parsePattern(names).kind !== 'labels' && parsePattern(names).kind !== 'date'
    ? hasStar(names) || splitList(names).length > 1
    : false
}

function hasStar(names: string): boolean {
  return splitList(names).some((name) => !name.startsWith('/') && stars(name) > 0)
}

function stars(name: string): number {
  return [...name.matchAll(/\\.|\*/gs)].filter(([token]) => token === '*').length
}

function meaningless(id: number, why: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', `Task ${id}: ${why}. Nothing was written.`, { taskId: id })
}

function ofOneTable(id: number, from: string, to: string): RowshiftError {
  return meaningless(
    id,
    `params "tables", "exclude", "rename" and "on_table_error" are about tables that are copied one by one, and ${from} goes into ${to}: write * in both from_table and to_table for that`,
  )
}
