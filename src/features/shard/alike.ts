import type { Column, TableSchema } from '../../contract/plugin.js'
import { counted } from '../../wire/counted.js'

/** What the second table has otherwise; null when one plan is right for both. `created`: one of them is only planned. */
export function difference(a: TableSchema, b: TableSchema, created: boolean): string | null {
  if (a.columns.length !== b.columns.length)
    return `${counted(b.columns.length, 'column')} instead of ${a.columns.length}`
  for (const [i, column] of a.columns.entries()) {
    const other = b.columns[i]!
    if (!alike(column, other, created)) return `column ${show(other)} instead of ${show(column)}`
  }
  const keys = ({ keys }: TableSchema) =>
    keys
      .map(({ columns }) => `(${columns.join(', ')})`)
      .sort((x, y) => (x < y ? -1 : 1))
      .join(' ')
  return keys(a) === keys(b) ? null : `unique keys ${keys(b) || 'none'} instead of ${keys(a) || 'none'}`
}

function alike(a: Column, b: Column, created: boolean): boolean {
  const type = a.type === b.type || (created && a.kind === b.kind)
  const collation = created || a.collation === b.collation
  return type && collation && a.name === b.name && a.nullable === b.nullable && a.generated === b.generated
}

function show({ name, type, nullable, collation }: Column): string {
  return `${name} ${type}${nullable ? '' : ' NOT NULL'}${collation === undefined ? '' : ` (${collation})`}`
}
