import type { ReadSpec } from '../contract/read.js'
import type { Column } from '../contract/table-schema.js'
import { above, orderBy, upTo } from './range.js'
import { boundLiterals, conditionsOf, keyColumns, keyLiteral, selectSql } from './select.js'
import type { SqlRow, SqlSession } from './session.js'
import type { KeyProbe, KeyValue } from './splits.js'

/** Asks the database for keys: the first and the last one, and the one that stands so many rows further on. */
export function keyProbe(session: SqlSession, spec: ReadSpec): KeyProbe {
  const { dialect } = session
  const columns = spec.key?.columns ?? []
  const key = keyColumns(dialect, spec)
  const cells = columns.map((column) => dialect.keyCell?.(column) ?? dialect.cellText(column))
  const present = conditionsOf(dialect, spec, { lower: null, upper: null })
  const ask = async (
    selected: readonly string[],
    conditions: readonly string[],
    tail: string,
  ): Promise<SqlRow | null> => {
    const where = [...present, ...conditions]
    const sql = selectSql({ select: selected, from: dialect.source(spec), where, tail })
    const rows = await session.query(sql).catch((error: unknown) => {
      const { table } = spec.table
      throw dialect.error(error, `splitting table ${table} of ${session.where}`, { table })
    })
    return rows[0] ?? null
  }
  const valueOf = (column: Column, cell: string | null) => {
    if (dialect.keyValue) return dialect.keyValue(column, cell, spec.table)
    keyLiteral(dialect, column, cell!)
    return cell!
  }
  const bound = (row: SqlRow) => columns.map((column, i) => valueOf(column, row[i]!))
  const end = async (direction: 'ASC' | 'DESC'): Promise<KeyValue | null> => {
    const row = await ask(cells, [], `${orderBy(key, direction)} LIMIT 1`)
    return row && bound(row)
  }
  return {
    first: () => end('ASC'),
    last: () => end('DESC'),
    async nth(lower, upper, offset) {
      const range = [upTo(key, boundLiterals(dialect, spec, upper)!)]
      if (lower !== null) range.push(above(key, boundLiterals(dialect, spec, lower)!))
      const within = `CASE WHEN ${range.join(' AND ')} THEN 1 ELSE 0 END`
      const row = await ask([within, ...cells], range, `${orderBy(key)} LIMIT 1 OFFSET ${offset}`)
      return row && { within: row[0] === '1', key: bound(row.slice(1)) }
    },
  }
}

/** The query by which the bounds of splits are found, for a look at how the database would run it; null: the table is one split, also by statistics. */
export function boundQuery(session: SqlSession, spec: ReadSpec): string | null {
  const { estimatedRows } = spec.table
  const isSmall = estimatedRows !== null && estimatedRows * 2 < spec.splitRows
  if (spec.key === null || isSmall) return null
  const { dialect } = session
  const key = keyColumns(dialect, spec)
  return selectSql({
    select: key.map(({ sql }) => sql),
    from: dialect.source(spec),
    where: conditionsOf(dialect, { ...spec, window: null }, { lower: null, upper: null }),
    tail: `${orderBy(key)} LIMIT 1 OFFSET ${spec.splitRows}`,
  })
}
