/** Searches of a source for rows that could not be copied, before a row moves. They are bounded in time. */
import type { ReadSpec } from '../contract/read.js'
import { shown } from './failing-rows.js'
import { enclosed } from './fragment.js'
import type { SqlRow, SqlSession } from './session.js'

/** The first row of the source that meets the conditions; null when it takes too long. `tail` stands behind them: GROUP BY. */
export function searchRows(
  session: SqlSession,
  spec: ReadSpec,
  select: readonly string[],
  conditions: readonly string[],
  tail = '',
): Promise<readonly SqlRow[] | null> {
  return session.search({
    select,
    from: session.dialect.table(spec.table.table),
    where: [...conditions, ...(spec.where === null ? [] : [enclosed(spec.where)])],
    tail: `${tail} LIMIT 1`,
  })
}

/** To be selected beside others, so that {@link namedKey} can name the row. */
export function keyExcerpts({ dialect }: SqlSession, spec: ReadSpec): string[] {
  return (spec.key?.columns ?? []).map(({ name }) => dialect.excerpt(dialect.identifier(name)))
}

/** `id = "7", name = "x"`; empty for a table without a key. */
export function namedKey(spec: ReadSpec, cells: SqlRow): string {
  return (spec.key?.columns ?? []).map(({ name }, i) => `${name} = ${shown(cells[i])}`).join(', ')
}

/** A column, and the condition of values that are more than its type declares. */
export interface Beyond {
  readonly name: string
  readonly condition: string
}

/** The columns that hold such a value; null when that takes too long to find out. */
export async function columnsBeyond(
  session: SqlSession,
  table: string,
  columns: readonly Beyond[],
): Promise<readonly string[] | null> {
  if (columns.length === 0) return []
  const from = session.dialect.table(table)
  const select = columns.map(({ condition }) => `MAX(CASE WHEN ${condition} THEN 1 ELSE 0 END)`)
  const rows = await session.search({ select, from, where: [] })
  return rows && columns.filter((_, i) => rows[0]?.[i] === '1').map(({ name }) => name)
}

/** What every database keeps of a number with decimal places. */
const EXACT_DIGITS = 15

/** The condition that a decimal number is beyond 64 bits with a sign, or has more digits than a binary number keeps; null where none can be. */
export function manyDigits(column: string, precision: number, scale: number): string | null {
  if (scale === 0)
    return precision > 18 ? `${column} NOT BETWEEN -9223372036854775808 AND 9223372036854775807` : null
  if (precision <= EXACT_DIGITS) return null
  const most = `1${'0'.repeat(Math.max(0, EXACT_DIGITS - scale))}`
  return `ABS(${column}) >= ${most} OR ${column} <> ROUND(${column}, ${EXACT_DIGITS})`
}
