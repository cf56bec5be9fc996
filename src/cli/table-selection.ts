/** Which tables of a database a command line names. */
import { RowshiftError } from '../contract/errors.js'
import type { OnTableError } from '../features/database/request.js'
import type { SelectionRequest } from '../features/database/selection.js'
import { splitList } from '../features/database/name-patterns.js'
import type { Params } from '../task/params.js'
import type { SchemaOptions, SelectionOptions } from './database-options.js'

/** An option wins over the param of its name. */
export function selectionOf(
  { tables, exclude, rename, onTableError }: SelectionOptions,
  { database }: Params,
): { readonly selection: SelectionRequest; readonly onTableError: OnTableError } {
  return {
    selection: {
      tables: tables === undefined ? (database?.tables ?? []) : listIn(tables, '--tables'),
      exclude: exclude === undefined ? (database?.exclude ?? []) : listIn(exclude, '--exclude'),
      rename: rename === undefined ? (database?.rename ?? []) : listIn(rename, '--rename'),
    },
    onTableError: onTableError ?? database?.onTableError ?? 'stop',
  }
}

/** Throws USAGE for an empty one, which is what a variable of a shell that is not set says: nobody means all tables, or none, by that. */
function listIn(text: string, option: string): readonly string[] {
  const list = splitList(text)
  if (list.length > 0) return list
  throw new RowshiftError(
    'USAGE',
    `${option} names no table. If that is meant, leave it out. Nothing was written.`,
  )
}

/** Throws USAGE where one table is copied or compared, and the options say which of many. */
export function refuseSelection(options: SelectionOptions & Partial<SchemaOptions>): void {
  const { tables, exclude, rename, onTableError, schemaOnly, dataOnly, objects, definer } = options
  const texts = { tables, exclude, rename, definer, 'on-table-error': onTableError }
  const switches = { 'schema-only': schemaOnly, 'data-only': dataOnly, objects }
  const given = Object.entries({ ...texts, ...switches }).find(
    ([, value]) => value !== undefined && value !== false,
  )
  if (given === undefined) return
  throw new RowshiftError(
    'USAGE',
    `--${given[0]} is about the tables of a database: leave table= out of both URLs. Nothing was written.`,
  )
}

/** `--tables 'a,b'`: names as a shell and the option take them. */
export function tablesOption(names: readonly string[], option = 'tables'): string {
  const list = names.map((name) => name.replaceAll(/[\\,*/]/g, '\\$&')).join(',')
  return `--${option} '${list.replaceAll("'", `'\\''`)}'`
}
