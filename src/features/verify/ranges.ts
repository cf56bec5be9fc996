import type { ColumnPair } from '../../plan/mapping.js'
import type { Column, SplitKey, TableSchema } from '../../contract/plugin.js'
import { isOwn } from '../../contract/table-schema.js'

export interface Ranges {
  readonly source: SplitKey | null
  readonly target: SplitKey | null
  readonly reasons: readonly string[]
}

/** Ranges of the key are compared only where both ends agree on what lies between two bounds. */
export function chooseRanges(
  key: SplitKey | null,
  pairs: readonly ColumnPair[],
  target: TableSchema,
  samePlugin: boolean,
): Ranges {
  if (key === null) return { source: null, target: null, reasons: [] }
  const whole = (why: string): Ranges => ({
    source: null,
    target: null,
    reasons: [`the table is compared as a single range: ${why}`],
  })
  const counterparts = key.columns.map(({ name }) => pairs.find((pair) => isCopied(pair, name))?.target)
  const columns = counterparts.filter((column) => column !== undefined)
  if (columns.length < key.columns.length) return whole('a column of the split key is not in the target')
  const index = target.keys.find(
    (candidate) =>
      candidate.columns.length === columns.length &&
      candidate.columns.every((name, i) => name === columns[i]!.name),
  )
  if (!index)
    return whole(`${target.table} has no unique key on ${columns.map(({ name }) => name).join(', ')}`)
  const other = key.columns.findIndex((column, i) => !sameOrder(column, columns[i]!, samePlugin))
  if (other >= 0) {
    const [a, b] = [key.columns[other]!, columns[other]!]
    return whole(
      `${a.name} (${orderName(a)}) and ${b.name} (${orderName(b)}) need not sort their values alike`,
    )
  }
  return { source: key, target: { name: index.name, columns, nullable: index.nullable }, reasons: [] }
}

/** Integers sort alike everywhere; whatever else, only where one plugin speaks for both ends. */
function sameOrder(a: Column, b: Column, samePlugin: boolean): boolean {
  if (a.kind !== b.kind || !b.ordered) return false
  if (a.kind === 'integer') return true
  const text = a.kind === 'text' || a.kind === 'json'
  return (
    samePlugin &&
    a.collation === b.collation &&
    (!text || a.collation !== undefined) &&
    (a.valueRange.maxBits === undefined) === (b.valueRange.maxBits === undefined) &&
    String(a.valueRange.members) === String(b.valueRange.members)
  )
}

function orderName({ type, collation }: Column): string {
  return collation === undefined ? type : `${type}, ${collation}`
}

/** What a worker makes may have the name of a source column. */
export function isCopied({ source, computedBy }: ColumnPair, name: string): boolean {
  return computedBy === undefined && isOwn(source, name)
}
