import type { ReadSpec } from '../contract/read.js'
import type { Batch } from '../wire/batch.js'
import { forEachRow } from '../wire/each-row.js'
import type { SqlDialect } from './dialect.js'
import { selectSql } from './select.js'

/** Most of one statement: a server may plan a range for every value. */
const MOST_KEYS = 1_000
const MOST_BYTES = 1 << 18

/** Keys that are compared with the same expressions, for one statement. */
interface Group {
  readonly names: readonly string[]
  readonly keys: string[][]
  bytes: number
}

/** `SELECT … FROM t WHERE k IN (…)`: statements for the rows whose first columns are one of the keys. */
export function lookupSql(dialect: SqlDialect, spec: ReadSpec, keys: Batch): string[] {
  const groups: Group[] = []
  const open = new Map<string, Group>()
  forEachRow(keys, (cells) => {
    const literals = cells.map((cell, i) => dialect.lookupLiteral(spec.columns[i]!, cell!))
    if (!isComplete(literals)) return
    const names = cells.map((cell, i) => {
      const column = spec.columns[i]!
      return dialect.lookupColumn?.(column, cell!) ?? dialect.identifier(column.name)
    })
    const alike = names.join()
    let group = open.get(alike)
    if (group === undefined || group.bytes > MOST_BYTES || group.keys.length === MOST_KEYS) {
      group = { names, keys: [], bytes: 0 }
      groups.push(group)
      open.set(alike, group)
    }
    group.keys.push(literals)
    group.bytes += literals.reduce((sum, { length }) => sum + length, 0)
  })
  const select = spec.columns.map((column) => dialect.cell(column))
  const from = dialect.table(spec.table.table)
  return groups.map(({ names, keys }) => selectSql({ select, from, where: [isOneOf(dialect, names, keys)] }))
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
