import { RowshiftError } from '../contract/errors.js'
import type { Column } from '../contract/table-schema.js'
import { enclosed } from './fragment.js'

/** A key column as it stands in SQL text. */
export interface SqlKeyColumn {
  /** Quoted identifier. */
  readonly sql: string
  readonly nullable: boolean
  /**
   * All its literals in key order, for a type that `<` compares in another order than ORDER BY (a list of members).
   * Comparisons become lists, which an index serves as well as a range.
   */
  readonly order?: readonly string[]
}

/**
 * `key > bound` (or `<=`, `<`…) for a key of several columns, expanded to OR and AND. For `(a, b) > (1, 2)`:
 *
 *     (a >= 1 AND (a > 1 OR (a = 1 AND b > 2)))
 *
 * Row constructors would be shorter, but some servers do not use an index range for them; the leading `a >= 1`
 * is redundant and gives the optimizer its range.
 */
function compare(
  columns: readonly SqlKeyColumn[],
  bound: readonly string[],
  strict: '<' | '>',
  last: '<=' | '>',
): string {
  const [column, ...rest] = columns
  const [literal, ...restBound] = bound
  if (rest.length === 0) return compareOne(column!, last, literal!)
  const inner = compare(rest, restBound, strict, last)
  return (
    `(${compareOne(column!, `${strict}=`, literal!)} AND ` +
    `(${compareOne(column!, strict, literal!)} OR (${column!.sql} = ${literal} AND ${inner})))`
  )
}

function compareOne(
  { sql, order }: SqlKeyColumn,
  operator: '<' | '<=' | '>' | '>=',
  literal: string,
): string {
  if (order === undefined) return `${sql} ${operator} ${literal}`
  const at = order.indexOf(literal)
  const end = operator.endsWith('=') ? 1 : 0
  const list = operator.startsWith('<') ? order.slice(0, at + end) : order.slice(at + 1 - end)
  return list.length === 0 ? '1 = 0' : `${sql} IN (${list.join(', ')})`
}

/** SQL for "the key is above this bound": the lower end of a split is exclusive. */
export function above(columns: readonly SqlKeyColumn[], bound: readonly string[]): string {
  return compare(columns, bound, '>', '>')
}

/** SQL for "the key is at or below this bound": the upper end of a split is inclusive. */
export function upTo(columns: readonly SqlKeyColumn[], bound: readonly string[]): string {
  return compare(columns, bound, '<', '<=')
}

/** What a WHERE clause is made of; bounds are SQL literals. */
export interface Range {
  readonly lower: readonly string[] | null
  readonly upper: readonly string[] | null
  readonly nullKey?: boolean
}

/**
 * The conditions that select a split's rows, to be joined with AND; empty for the whole table. Nullable key columns
 * are excluded by name, because `a > 1` alone would also take rows whose `b` is NULL, which the NULL split holds.
 */
export function rangeConditions(
  key: readonly SqlKeyColumn[],
  range: Range,
  ...wheres: readonly (string | null | undefined)[]
): string[] {
  const conditions: string[] = []
  const nullable = key.filter((column) => column.nullable)
  if (range.nullKey) {
    conditions.push(`(${nullable.map((column) => `${column.sql} IS NULL`).join(' OR ')})`)
  } else {
    for (const column of nullable) conditions.push(`${column.sql} IS NOT NULL`)
    if (range.lower) conditions.push(above(key, range.lower))
    if (range.upper) conditions.push(upTo(key, range.upper))
  }
  for (const where of wheres) if (where != null) conditions.push(enclosed(where))
  return conditions
}

/** ` WHERE a AND b`, or nothing. */
export function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
}

/** ` ORDER BY` the key, the way ranges are ordered. */
export function orderBy(key: readonly SqlKeyColumn[], direction: 'ASC' | 'DESC' = 'ASC'): string {
  return ` ORDER BY ${key.map((column) => `${column.sql} ${direction}`).join(', ')}`
}

/** The text of a value, if it `fits` its column. Throws DATA_REJECTED for what must not become SQL text: bounds come from another server, or out of a task store. */
export function checkedValue({ name, type }: Column, value: string, fits: boolean): string {
  if (fits) return value
  throw new RowshiftError(
    'DATA_REJECTED',
    `${JSON.stringify(value.slice(0, 60))} is not a value of ${name} (${type}), so nothing is asked by it. ` +
      'The server that sent it, or the task store that holds it, has been changed.',
    { column: name },
  )
}
