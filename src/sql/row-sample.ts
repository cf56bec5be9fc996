import type { IncrementalRequest, ReadSpec } from '../contract/read.js'
import { belowWatermark } from './below-watermark.js'
import { orderBy } from './range.js'
import { keyColumns, selectSql } from './select.js'
import type { SqlSession } from './session.js'

/** At either end of the key: old rows are deleted, and new ones changed, but seldom all of both between two runs. */
const ROWS = 8

/**
 * Digests of the rows with the lowest and the highest keys, or of any rows of a table without a key. `digest`: the SQL of a row's
 * digest.
 */
export async function sampleRows(
  session: SqlSession,
  spec: ReadSpec,
  digest: string,
  below: IncrementalRequest | undefined,
): Promise<readonly string[]> {
  const { dialect } = session
  const key = keyColumns(dialect, spec)
  const orders = key.length === 0 ? [''] : [orderBy(key), orderBy(key, 'DESC')]
  const selects = orders.map((order, i) => {
    const where = below ? [belowWatermark(dialect, below)] : []
    const tail = `${order} LIMIT ${ROWS}`
    const rows = selectSql({ select: [`${digest} AS digest`], from: dialect.source(spec), where, tail })
    return `SELECT digest FROM (${rows}) q${i}`
  })
  const rows = await session.query(selects.join(' UNION '))
  return rows.flatMap(([each]) => each ?? [])
}
