import type { LossSearch } from '../contract/read.js'
import type { ColumnMapping, TableSchema } from '../contract/table-schema.js'
import { shown } from './failing-rows.js'
import { enclosed } from './fragment.js'
import { lossTests } from './loss-tests.js'
import type { SqlSession } from './session.js'

/** A value of the column that `mapping` would not keep, if there is one and it is found soon. */
export async function findLoss(
  session: SqlSession,
  table: TableSchema,
  mapping: ColumnMapping,
  where: string | null,
): Promise<LossSearch> {
  const { dialect } = session
  const { source, target } = mapping
  const lost = dialect.losses ? lossTests(dialect, dialect.losses, mapping) : null
  if (lost === null) return { result: 'unknown' }
  const value = dialect.expression(source)
  const tests = source.nullable && !target.nullable ? [`${value} IS NULL`, ...lost] : lost
  if (tests.length === 0) return { result: 'unknown' }
  const key = table.keys[0]?.columns ?? []
  const search = {
    select: [
      dialect.excerpt(value, source.kind),
      ...key.map((name) => dialect.excerpt(dialect.identifier(name))),
    ],
    from: dialect.table(table.table),
    where: [`(${tests.join(' OR ')})`, ...(where === null ? [] : [enclosed(where)])],
    tail: ' LIMIT 1',
  }
  try {
    const rows = await session.search(search)
    if (rows === null) return { result: 'unknown' }
    const [row] = rows
    if (!row) return { result: 'none' }
    const names = key.map((name, i) => `${name} = ${shown(row[i + 1])}`)
    return { result: 'value', value: shown(row[0]), row: names.join(', ') }
  } catch {
    // A condition that this server cannot judge; the run does not depend on it.
    return { result: 'unknown' }
  }
}
