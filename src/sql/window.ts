/** The conditions of a window in SQL. */
import type { BoundRequest, Window } from '../plugin.js'

/** How the source's database writes a window. */
interface WindowSql {
  /** The column. */
  readonly name: string
  readonly literal: (value: string) => string
  /** Conditions that hold for all of its rows, so that an index serves. */
  readonly nearby?: readonly string[]
}

export function windowConditions(
  { kind, column, watermark, overlap, range: asked }: BoundRequest,
  { from, to }: Pick<Window, 'from' | 'to'>,
  { name, literal, nearby = [] }: WindowSql,
): Pick<Window, 'sql' | 'late'> {
  const isKey = kind === 'key'
  const within = [
    ...(from === null ? [] : [`${name} ${isKey ? '>' : '>='} ${literal(from)}`]),
    ...(to === null ? [] : [`${name} ${isKey ? '<=' : '<'} ${literal(to)}`]),
    ...nearby,
  ]
  const all = (...more: string[]) => [...within, ...more].join(' AND ') || '1 = 1'
  // Every run reads the rows without a value; a backfill need not.
  const orNull = (range: string) =>
    isKey || !column.nullable || asked ? range : `(${range}) OR ${name} IS NULL`
  const sql = orNull(all())
  if (isKey || asked || watermark === null || !(overlap > 0)) return { sql, late: null }
  const last = literal(watermark)
  return { sql, late: { sql: all(`${name} < ${last}`), rest: orNull(all(`${name} >= ${last}`)) } }
}
