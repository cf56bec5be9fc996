import type { Column, TableSchema } from '../../contract/plugin.js'
import { judge } from '../../plan/fidelity.js'

/**
 * What the target's table has otherwise than the source's, in words. `sameFamily`: both databases are of one plugin, so that types and unique
 * keys can be the same; elsewhere only the names of columns are compared.
 */
export function schemaDifferences(source: TableSchema, target: TableSchema, sameFamily: boolean): string[] {
  const missing = source.columns.filter(({ name }) => !named(target, name))
  const extra = target.columns.filter(({ name }) => !named(source, name))
  return [
    ...missing.map((column) => `column ${show(column)} is missing`),
    ...extra.map((column) => `column ${show(column)} is extra`),
    ...(sameFamily ? [...typeDifferences(source, target), ...keyDifferences(source, target)] : []),
  ]
}

function named({ columns }: TableSchema, wanted: string): Column | undefined {
  return columns.find(({ name }) => name.toLowerCase() === wanted.toLowerCase())
}

function typeDifferences(source: TableSchema, target: TableSchema): string[] {
  return source.columns.flatMap((column) => {
    const other = named(target, column.name)
    if (other === undefined || holdTheSame(column, other)) return []
    return [`column ${column.name} is ${typeOf(other)} instead of ${typeOf(column)}`]
  })
}

/** Servers of one family spell a type in several ways, so what counts is which values it holds. */
function holdTheSame(a: Column, b: Column): boolean {
  if (a.nullable !== b.nullable || a.generated !== b.generated) return false
  // JSON is text with a check in some servers, and a type of its own in others.
  if (a.type === b.type || (a.kind === 'json' && b.kind === 'json')) return true
  if (a.kind !== b.kind) return false
  return [judge(a, b), judge(b, a)].every(
    ({ conversion }) => conversion === 'exact' || conversion === 'checked',
  )
}

function keyDifferences(source: TableSchema, target: TableSchema): string[] {
  const [wanted, found] = [keysOf(source), keysOf(target)]
  return [
    ...[...wanted].filter(([key]) => !found.has(key)).map(([, shown]) => `unique key ${shown} is missing`),
    ...[...found].filter(([key]) => !wanted.has(key)).map(([, shown]) => `unique key ${shown} is extra`),
  ]
}

/** As they are shown, by what makes them equal. */
function keysOf({ keys }: TableSchema): ReadonlyMap<string, string> {
  return new Map(
    keys.map(({ columns }) => [columns.join('\n').toLowerCase(), `(${columns.join(', ')})`] as const),
  )
}

function show(column: Column): string {
  return `${column.name} (${typeOf(column)})`
}

function typeOf({ type, nullable, generated }: Column): string {
  return `${type}${nullable ? '' : ' NOT NULL'}${generated ? ' GENERATED' : ''}`
}
