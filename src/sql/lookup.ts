import type { ReadSpec } from '../contract/read.js'
import type { Batch } from '../wire/batch.js'
import { forEachRow } from '../wire/each-row.js'
import type { SqlDialect } from './dialect.js'
import { selectSql } from './select.js'

/** Most of one statement: a server may plan a range for every value. */
const MOST_KEYS = 1_000
const MOST_BYTES = 1 << 18

/** `SELECT … FROM t WHERE k IN (…)`: statements for the rows whose first columns are one of the keys. */
export function lookupSql(dialect: SqlDialect, spec: ReadSpec, keys: Batch): string[] {
  const groups: string[][][] = []
  let width = 1
  let bytes = Infinity
  forEachRow(keys, (cells) => {
    width = cells.length
    const literals = cells.map((cell, i) => dialect.lookupLiteral(spec.columns[i]!, cell!))
    if (!isComplete(literals)) return
    if (bytes > MOST_BYTES || groups.at(-1)!.length === MOST_KEYS) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(literals)
    bytes += literals.reduce((sum, { length }) => sum + length, 0)
  })
  const select = spec.columns.map((column) => dialect.cell(column))
  const names = spec.columns
    .slice(0, width)
    .map((column) => dialect.lookupColumn?.(column) ?? dialect.identifier(column.name))
  const from = dialect.table(spec.table.table)
  return groups.map((group) => selectSql({ select, from, where: [isOneOf(dialect, names, group)] }))
}

function isComplete(literals: readonly (string | null)[]): literals is string[] {
  return !literals.includes(null)
}

function isOneOf(
  dialect: SqlDialect,
  names: readonly string[],
  keys: readonly (readonly string[])[],
): string {
  if (names.length === 1) return `${names[0]} IN (${keys.join(',')})`
  if (dialect.lookupList) return dialect.lookupList(names, keys)
  const isKey = (key: readonly string[]) => key.map((literal, i) => `${names[i]} = ${literal}`).join(' AND ')
  return keys.map((key) => `(${isKey(key)})`).join(' OR ')
}
