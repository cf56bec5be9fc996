import type { Column, SourceDdl, TableSchema, TableTrait, TableTraits } from '../../contract/plugin.js'
import { ofColumn } from '../../contract/create-table.js'
import { columnNamed } from '../../plan/column-names.js'
import { judge } from '../../plan/fidelity.js'

/** What is known of a table at either end. */
export interface DescribedTable {
  readonly schema: TableSchema
  /** null: the plugin says no more than `schema` does, or the user may not see it. */
  readonly ddl: SourceDdl | null
}

/** How two tables can be compared. */
export type Kinship =
  /** Of databases of one plugin: types and unique keys can be the same. `traits` null: no more is known. */
  | { readonly sameFamily: true; readonly traits: TableTraits | null }
  /** Names of columns, and plain defaults and numbered columns. */
  | { readonly sameFamily: false }

/** What the target's table has otherwise than the source's, in words. */
export function schemaDifferences(
  source: DescribedTable,
  target: DescribedTable,
  kinship: Kinship,
): string[] {
  const [a, b] = [source.schema, target.schema]
  const missing = a.columns.filter(({ name }) => !named(b, name))
  const extra = b.columns.filter(({ name }) => !named(a, name))
  return [
    ...missing.map((column) => `column ${show(column)} is missing`),
    ...extra.map((column) => `column ${show(column)} is extra`),
    ...(kinship.sameFamily
      ? [...typeDifferences(a, b), ...keyDifferences(a, b)]
      : defaultDifferences(source, target)),
    ...(kinship.sameFamily && kinship.traits ? traitDifferences(a, b, kinship.traits) : []),
  ]
}

function named({ columns }: TableSchema, wanted: string): Column | undefined {
  return columnNamed(columns, wanted)
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

/** Of columns that both have. Equal ones cancel each other; of the rest, those of one column or name are one that has been changed. */
function traitDifferences(source: TableSchema, target: TableSchema, traits: TableTraits): string[] {
  const isShared = ({ column }: TableTrait) =>
    column === undefined || (named(source, column) !== undefined && named(target, column) !== undefined)
  const found = traits.found.filter(isShared)
  const take = (wanted: TableTrait, id: (trait: TableTrait) => string | null) => {
    const at = found.findIndex((other) => id(other) !== null && id(other) === id(wanted))
    return at < 0 ? undefined : found.splice(at, 1)[0]
  }
  const others = traits.expected.filter((trait) => isShared(trait) && take(trait, identityOf) === undefined)
  const changed = others.map((trait) => {
    const other = take(trait, titleIdOf)
    if (other === undefined) return `${titleOf(trait, trait.is)} is missing`
    return `${titleOf(trait)} is ${other.is} instead of ${trait.is}`
  })
  return [...changed, ...found.map((trait) => `${titleOf(trait, trait.is)} is extra`)]
}

function identityOf({ what, column, is }: TableTrait): string {
  return JSON.stringify([what, column?.toLowerCase(), is])
}

function titleIdOf({ what, column, name }: TableTrait): string | null {
  return column === undefined && name === undefined
    ? null
    : JSON.stringify([what, column?.toLowerCase(), name?.toLowerCase()])
}

/** `default 'x' of column note`, `index k_note (note)`. */
function titleOf({ what, column, name }: TableTrait, is = ''): string {
  const words = column === undefined ? [what, name, is] : [what, is, `of column ${column}`]
  return words.filter((word) => word !== undefined && word !== '').join(' ')
}

/**
 * Between families: defaults that are plain literals, where the column has a kind that writes them alike, and whether the primary key is numbered. What
 * is an expression in one of them says nothing.
 */
function defaultDifferences(source: DescribedTable, target: DescribedTable): string[] {
  if (source.ddl === null || target.ddl === null) return []
  const [a, b] = [source.ddl, target.ddl]
  return source.schema.columns.flatMap((column) => {
    const other = named(target.schema, column.name)
    if (other === undefined || column.generated || other.generated) return []
    if (a.numbered?.includes(column.name)) {
      if (!isNumbered(column, source.schema) || !isNumbered(other, target.schema)) return []
      return b.numbered?.includes(other.name) ? [] : [`numbering of column ${column.name} is missing`]
    }
    const [wanted, found] = [ofColumn(a.defaults, column.name), ofColumn(b.defaults, other.name)]
    if (!isPlain(column) || !isPlain(other) || b.numbered?.includes(other.name)) return []
    if (wanted === undefined)
      return found === undefined || column.hasDefault
        ? []
        : [`default '${found}' of column ${column.name} is extra`]
    if (found === undefined)
      return other.hasDefault ? [] : [`default '${wanted}' of column ${column.name} is missing`]
    if (isSameValue(wanted, found)) return []
    return [`default of column ${column.name} is '${found}' instead of '${wanted}'`]
  })
}

/** Whether a database of any family can number it. */
function isNumbered({ name, kind }: Column, { keys }: TableSchema): boolean {
  const primary = keys.find((key) => key.primary)?.columns
  return kind === 'integer' && primary?.length === 1 && primary[0] === name
}

function isPlain({ kind }: Column): boolean {
  return kind !== 'bytes' && kind !== 'json' && kind !== 'time' && kind !== 'instant'
}

function isSameValue(a: string, b: string): boolean {
  return a === b || (NUMBER.test(a) && NUMBER.test(b) && plainNumber(a) === plainNumber(b))
}

const NUMBER = /^-?\d+(\.\d+)?$/

/** Without zeros that say nothing. */
function plainNumber(digits: string): string {
  const [, sign, whole, fraction] = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/.exec(digits)!
  const plain = fraction ? `${whole}.${fraction}` : whole!
  return plain === '0' ? plain : `${sign}${plain}`
}

function show(column: Column): string {
  return `${column.name} (${typeOf(column)})`
}

function typeOf({ type, nullable, generated }: Column): string {
  return `${type}${nullable ? '' : ' NOT NULL'}${generated ? ' GENERATED' : ''}`
}
