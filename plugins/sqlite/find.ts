import { forEachRow } from '../../src/wire/each-row.js'
import type { Batch, Column, ReadSpec } from '../../src/contract/plugin.js'
import type { TextEncoding } from './cells.js'
import { encode } from './keys.js'
import { quoteName } from './names.js'
import { fitsInt64 } from './numbers.js'

/** Most of one statement. */
const MOST_KEYS = 1_000

/** ` FROM t WHERE k IN (…)`: the rows whose first columns are one of the keys. */
export function findSql(spec: ReadSpec, keys: Batch, encoding: TextEncoding): string[] {
  const { columns } = spec
  const literals: string[] = []
  let width = 1
  forEachRow(keys, (cells) => {
    width = cells.length
    const parts = cells.map((cell, i) => literalOf(columns[i]!, cell!, encoding))
    if (!parts.includes(null)) literals.push(parts.join(','))
  })
  const names = columns.slice(0, width).map(({ name }) => quoteName(name))
  const statements: string[] = []
  for (let at = 0; at < literals.length; at += MOST_KEYS) {
    const some = literals.slice(at, at + MOST_KEYS)
    const found =
      width === 1
        ? `${names[0]} IN (${some.join(',')})`
        : `(${names.join(',')}) IN (VALUES ${some.map((key) => `(${key})`).join(',')})`
    statements.push(` FROM ${quoteName(spec.table.table)} WHERE ${found}`)
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
