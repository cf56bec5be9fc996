import { RowshiftError } from '../../contract/errors.js'
import { splitList } from './name-patterns.js'

/** Which tables a task copies one by one, in the forms that `--tables`, `--exclude` and `--rename` take. */
export interface DatabaseParams {
  readonly tables: readonly string[]
  readonly exclude: readonly string[]
  readonly rename: readonly string[]
  readonly onTableError: 'stop' | 'continue' | null
}

type OneOrMore = string | readonly string[]

/** What the schema lets through. */
export interface RawDatabase {
  readonly tables?: OneOrMore
  readonly exclude?: OneOrMore
  readonly rename?: OneOrMore
  readonly on_table_error?: 'stop' | 'continue'
}

/** null: none of them is given. */
export function databaseParams({
  tables,
  exclude,
  rename,
  on_table_error: onTableError,
}: RawDatabase): DatabaseParams | null {
  if ([tables, exclude, rename, onTableError].every((given) => given === undefined)) return null
  return {
    tables: names(tables, 'tables'),
    exclude: names(exclude, 'exclude'),
    rename: names(rename, 'rename'),
    onTableError: onTableError ?? null,
  }
}

/** A text is a list with commas; in a list of JSON, each is one entry. */
function names(given: OneOrMore = [], param: string): readonly string[] {
  const list = typeof given === 'string' ? splitList(given) : given
  if (list.length > 0 || typeof given !== 'string') return list
  throw new RowshiftError('PARAMS_INVALID', `params.${param} names no table: leave it out, if that is meant.`)
}
