import type { TableSchema } from '../contract/table-schema.js'
import { selectSql } from './select.js'
import type { SqlSession } from './session.js'

/** Enough to tell nothing, a split's worth and more apart, and cheap to count. */
export const COUNT_TO = 20_000

/** How many rows meet a condition, counted to {@link COUNT_TO} at most. */
export async function countUpTo(
  session: SqlSession,
  { table }: TableSchema,
  condition: string,
): Promise<number> {
  const from = session.dialect.table(table)
  const rows = selectSql({ select: ['1'], from, where: [condition], tail: ` LIMIT ${COUNT_TO}` })
  const [row] = await session.query(`SELECT COUNT(*) FROM (${rows}) q`)
  return Number(row![0])
}
