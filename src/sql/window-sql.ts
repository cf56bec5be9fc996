/** The conditions of a window in SQL. */
import type { IncrementalRequest, Window } from '../contract/plugin.js'

/** How the source's database writes a window. */
interface WindowSql {
  /** The column. */
  readonly name: string
  readonly literal: (value: string) => string
  /** Conditions that hold for all of its rows, so that an index serves. */
  readonly nearby?: readonly string[]
  /** Conditions of rows that are in no window by time, and are read by every run all the same. Default: those without a value only. */
  readonly outside?: readonly string[]
}

export function windowConditions(
  { kind, column, watermark, overlap, range: asked }: IncrementalRequest,
  { from, to }: Pick<Window, 'from' | 'to'>,
  { name, literal, nearby = [], outside = [] }: WindowSql,
): Pick<Window, 'sql' | 'late'> {
  const isKey = kind === 'key'
  const within = [
    ...(from === null ? [] : [`${name} ${isKey ? '>' : '>='} ${literal(from)}`]),
    ...(to === null ? [] : [`${name} ${isKey ? '<=' : '<'} ${literal(to)}`]),
    ...nearby,
  ]
  const all = (...more: string[]) => [...within, ...more].join(' AND ') || '1 = 1'
  // Every run reads the rows without a value; a backfill need not.
  const others = isKey || asked ? [] : [...(column.nullable ? [`${name} IS NULL`] : []), ...outside]
  const orOthers = (range: string) => (others.length === 0 ? range : [`(${range})`, ...others].join(' OR '))
  const sql = orOthers(all())
  if (isKey || asked || watermark === null || !(overlap > 0)) return { sql, late: null }
  const last = literal(watermark)
  return { sql, late: { sql: all(`${name} < ${last}`), rest: orOthers(all(`${name} >= ${last}`)) } }
}
