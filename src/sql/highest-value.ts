import type { Column } from '../contract/table-schema.js'
import { selectSql } from './select.js'
import type { SqlSession } from './session.js'

/** The highest value of a column among the rows that meet the conditions, as cell text; null: there is none. */
export async function highestValue(
  session: SqlSession,
  table: string,
  column: Column,
  where: readonly string[] = [],
): Promise<string | null> {
  const { dialect } = session
  const name = dialect.identifier(column.name)
  const found = selectSql({ select: [`MAX(${name}) AS ${name}`], from: dialect.table(table), where })
  const select = [dialect.cellText(column)]
  const [row] = await session.query(
    selectSql({ select, from: `(${found}) AS found`, where: [`${name} IS NOT NULL`] }),
  )
  return row?.[0] ?? null
}
