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
  // MAX may take another order than ORDER BY and keys do: that of the names of a list's members.
  const found = selectSql({
    select: [name],
    from: dialect.table(table),
    where: [...where, `${name} IS NOT NULL`],
    tail: ` ORDER BY ${name} DESC LIMIT 1`,
  })
  const [row] = await session.query(
    selectSql({ select: [dialect.cellText(column)], from: `(${found}) AS found`, where: [] }),
  )
  return row?.[0] ?? null
}
