import { splitList } from './selection.js'

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
    tables: names(tables),
    exclude: names(exclude),
    rename: names(rename),
    onTableError: onTableError ?? null,
  }
}

/** A text is a list with commas; in a list of JSON, each is one entry. */
function names(given: OneOrMore = []): readonly string[] {
  return typeof given === 'string' ? splitList(given) : given
}
