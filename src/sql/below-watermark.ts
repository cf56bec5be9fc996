import type { IncrementalRequest } from '../contract/read.js'
import type { SqlDialect } from './dialect.js'
import { selectSql } from './select.js'
import type { SqlSession } from './session.js'

/** The condition of rows that a run does not read when it begins at the watermark. */
export function belowWatermark(dialect: SqlDialect, { kind, column, watermark }: IncrementalRequest): string {
  if (watermark === null) return '1 = 0'
  return `${dialect.expression(column)} ${kind === 'key' ? '<=' : '<'} ${dialect.literal(column, watermark)}`
}

/** Whether there is such a row. */
export async function holdsBelow(session: SqlSession, request: IncrementalRequest): Promise<boolean> {
  const { dialect } = session
  const from = dialect.table(request.table.table)
  const where = [belowWatermark(dialect, request)]
  const rows = await session.query(selectSql({ select: ['1'], from, where, tail: ' LIMIT 1' }))
  return rows.length > 0
}
