import type { BoundRequest, ReadSpec } from '../../src/contract/plugin.js'
import { orderBy, whereClause } from '../../src/sql/range.js'
import type { Session } from './connection.js'
import { digestForms, rowDigest } from './digest.js'
import { mapError } from './errors.js'
import { keyColumns } from '../../src/sql/select.js'
import { belowWatermark } from './window.js'

/** At either end of the key: old rows are deleted, and new ones changed, but seldom all of both between two runs. */
const ROWS = 8
/** Of 64. */
const DIGITS = 16

/** Digests of the rows with the lowest and the highest keys, or of any rows of a table without a key; null: this server computes none. */
export async function sampleRows(
  session: Session,
  spec: ReadSpec,
  below: BoundRequest | undefined,
): Promise<readonly string[] | null> {
  const { table } = spec.table
  try {
    const forms = await digestForms(session, spec)
    if (forms === null) return null
    const { sql } = await rowDigest(
      session,
      spec,
      forms.map(([best]) => best?.name ?? null),
    )
    const from = `${session.dialect.source(spec)}${whereClause(below ? [belowWatermark(below)] : [])}`
    const key = keyColumns(session.dialect, spec)
    const orders = key.length === 0 ? [''] : [orderBy(key), orderBy(key, 'DESC')]
    const selects = orders.map(
      (order) => `(SELECT LEFT(${sql},${DIGITS}) AS digest FROM ${from}${order} LIMIT ${ROWS})`,
    )
    const rows = await session.query(selects.join(' UNION '))
    return rows.flatMap(([digest]) => digest ?? [])
  } catch (error) {
    throw mapError(error, `looking at some rows of table ${table}`, { table })
  }
}
