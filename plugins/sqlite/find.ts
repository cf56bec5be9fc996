import { forEachRow } from '../../src/batch/cells.js'
import type { Batch, Column, ReadPlan } from '../../src/plugin.js'
import type { TextEncoding } from './cells.js'
import { encode } from './keys.js'
import { quoteName } from './names.js'
import { fitsInt64 } from './numbers.js'

/** Most of one statement. */
const MOST_KEYS = 1_000

/** ` FROM t WHERE k IN (…)`: the rows whose first column is one of the cells. */
export function findSql(plan: ReadPlan, keys: Batch, encoding: TextEncoding): string[] {
  const { source: column } = plan.columns[0]!
  const literals: string[] = []
  forEachRow(keys, ([cell]) => {
    const literal = literalOf(column, cell!, encoding)
    if (literal !== null) literals.push(literal)
  })
  const statements: string[] = []
  for (let at = 0; at < literals.length; at += MOST_KEYS) {
    const list = literals.slice(at, at + MOST_KEYS).join(',')
    statements.push(` FROM ${quoteName(plan.source.table)} WHERE ${quoteName(column.name)} IN (${list})`)
  }
  return statements
}

/** null: no value of the column is written like this, and what stands there must not become SQL. */
function literalOf({ kind }: Column, cell: Buffer, encoding: TextEncoding): string | null {
  if (kind === 'bytes') return `x'${cell.toString('hex')}'`
  if (kind === 'integer') {
    const digits = cell.toString('latin1')
    return /^-?\d+$/.test(digits) && fitsInt64(BigInt(digits)) ? digits : null
  }
  return `CAST(x'${encode(cell.toString(), encoding).toString('hex')}' AS TEXT)`
}
