import { RowshiftError } from '../contract/errors.js'
import type { ColumnMapping, SplitKey, TableSchema, WriteMode, WriteSpec } from '../contract/plugin.js'
import { isOwn } from '../contract/table-schema.js'

export interface IdentityRequest {
  readonly writeMode: WriteMode
  readonly target: TableSchema
  readonly columns: readonly ColumnMapping[]
  /** The source's own key, or that asked for; not what a window is split by. */
  readonly key: SplitKey | null
}

/**
 * Target columns of the unique key by which a row is matched: the counterpart of the source's key if it is one, else
 * the target's primary key, else another unique key, without NULL and fed by the source. null where it is not needed: any unique key makes
 * `replace` delete the old row.
 */
export function chooseIdentity({
  writeMode,
  target,
  columns,
  key,
}: IdentityRequest): readonly string[] | null {
  if (writeMode === 'insert' || (writeMode === 'replace' && target.keys.length > 0)) return null
  const fed = (name: string) =>
    columns.find(({ source, computedBy }) => computedBy === undefined && isOwn(source, name))?.target.name
  const wanted = key?.columns.map(({ name }) => fed(name)) ?? []
  const usable = target.keys.filter(
    ({ nullable, columns: names }) =>
      !nullable && names.every((name) => columns.some((column) => column.target.name === name)),
  )
  const same = usable.find(
    ({ columns: names }) => names.length === wanted.length && names.every((name) => wanted.includes(name)),
  )
  const best = same ?? usable[0]
  if (best) return best.columns
  const others = target.otherKeys?.length ? ` (${target.otherKeys.join('; ')})` : ''
  throw new RowshiftError(
    'KEY_REQUIRED',
    `Write mode "${writeMode}" matches rows by their key, but ${target.table} has no unique key without NULL whose columns are all copied${others}. ` +
      'Give the target a primary key, or use write mode "insert".',
    { table: target.table },
  )
}

/**
 * Rows of the source that have the same key in the target become one row there, and every count looks right. What a transform or
 * an id makes is its own affair.
 */
export function mergeWarnings(
  source: TableSchema,
  { table: target, columns, writeMode, identity }: WriteSpec,
  severalSources: boolean,
): string[] {
  if (writeMode === 'insert') return []
  const names = identity ?? target.keys[0]?.columns ?? []
  const feeds = columns.filter((column) => names.includes(column.target.name))
  if (feeds.length === 0 || feeds.some(({ computedBy }) => computedBy === 'transform' || computedBy === 'id'))
    return []
  const own = feeds.filter((feed) => feed.computedBy === undefined && isOwn(feed.source, feed.source.name))
  const copied = own.map((feed) => feed.source.name)
  const unique = source.keys.some(
    (key) => !key.nullable && key.columns.every((name) => copied.includes(name)),
  )
  if (unique && !severalSources) return []
  const why = unique ? 'they come from several tables' : 'no unique key of the source rules that out'
  const which = writeMode === 'ignore' ? 'the first one stays' : 'the last one written stays'
  return [
    `rows of ${source.table} with the same ${names.join(', ')} become one row of ${target.table}, if there are any (${why}): ${which}`,
  ]
}
