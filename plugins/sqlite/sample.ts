import { createHash } from 'node:crypto'
import type { ReadSpec } from '../../src/contract/plugin.js'
import { orderBy, whereClause } from '../../src/sql/range.js'
import { keyColumns } from '../../src/sql/select.js'
import type { Row } from './driver.js'
import { quoteName } from './names.js'
import type { SqliteSession } from './session.js'

/** At either end of the key: old rows are deleted, and new ones changed, but seldom all of both between two runs. */
const ROWS = 8
/** Of 64. */
const DIGITS = 16

/** Digests of the rows with the lowest and the highest keys, or of any rows of a table without a key, of those that meet the conditions. */
export function sampleRows(
  { database, dialect }: SqliteSession,
  spec: ReadSpec,
  conditions: readonly string[],
): readonly string[] {
  const from = `${quoteName(spec.table.table)}${whereClause(conditions)}`
  const cells = spec.columns.map(({ name }) => `quote(${quoteName(name)})`)
  const key = keyColumns(dialect, spec)
  const orders = key.length === 0 ? [''] : [orderBy(key), orderBy(key, 'DESC')]
  const rows = orders.flatMap((order) => [
    ...database.rows(`SELECT ${cells.join(', ')} FROM ${from}${order} LIMIT ${ROWS}`),
  ])
  return [...new Set(rows.map(digest))]
}

function digest(cells: Row): string {
  return createHash('sha256').update(JSON.stringify(cells)).digest('hex').slice(0, DIGITS)
}
