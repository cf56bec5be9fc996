import { forEachRow } from '../../src/wire/each-row.js'
import type { Batch, Column, ReadSpec } from '../../src/contract/plugin.js'
import { readColumns } from './select.js'
import { charsetOf, identifier, text } from './sql.js'

/** Most of one statement: the server plans a range for every value. */
const MOST_KEYS = 1_000
const MOST_BYTES = 1 << 18

/** `SELECT … FROM t WHERE k IN (…)`: statements for the rows whose first columns are one of the keys. */
export function findSql(spec: ReadSpec, keys: Batch): string[] {
  const { columns } = spec
  const [first] = columns
  let single = true
  const lists: string[][] = []
  let bytes = Infinity
  forEachRow(keys, (cells) => {
    const literals = cells.map((cell, i) => literalOf(columns[i]!, cell!))
    if (literals.includes(null)) return
    single = cells.length === 1
    // Ranges of an index are made of this, and not of `(a, b) IN ((1, 2))` on every server.
    const literal = single
      ? literals[0]!
      : `(${literals.map((each, i) => `${identifier(columns[i]!.name)} = ${each}`).join(' AND ')})`
    if (bytes > MOST_BYTES || lists.at(-1)!.length === MOST_KEYS) {
      lists.push([])
      bytes = 0
    }
    lists.at(-1)!.push(literal)
    bytes += literal.length
  })
  const select = `SELECT ${readColumns(spec)} FROM ${identifier(spec.table.table)}`
  return lists.map((list) =>
    single
      ? `${select} WHERE ${identifier(first!.name)} IN (${list.join(',')})`
      : `${select} WHERE ${list.join(' OR ')}`,
  )
}

/** null: no value of the column is written like this, and what stands there must not become SQL. */
function literalOf(column: Column, cell: Buffer): string | null {
  if (column.kind === 'bytes') return `x'${cell.toString('hex')}'`
  if (column.kind === 'integer') {
    const digits = cell.toString('latin1')
    return /^-?\d+$/.test(digits) ? digits : null
  }
  const literal = text(cell.toString())
  const charset = charsetOf(column)
  if (charset === null || charset === 'utf8mb4') return literal
  // Brought to the column's own character set and collation, so that its index is used; what that set has not becomes `?`.
  return `CONVERT(${literal} USING ${charset}) COLLATE ${column.collation}`
}
