import { RowshiftError } from '../../contract/errors.js'
import type { Reader, SourceDdl, TableTraits } from '../../contract/plugin.js'
import type { DescribedTable, Kinship } from './schema-differences.js'
import { schemaDifferences } from './schema-differences.js'
import type { SelectedTable } from './selection.js'

/** One table at both ends. */
export interface ComparedEnds {
  readonly source: DescribedTable
  /** null: there is none. */
  readonly target: DescribedTable | null
  /** Of the schemas, in words. */
  readonly differences: readonly string[]
  readonly warnings: readonly string[]
}

export async function compareEnds(
  { from, to }: SelectedTable,
  source: Reader,
  target: Reader | null,
  sameFamily: boolean,
): Promise<ComparedEnds> {
  const schema = await source.describe(from)
  const other = await target?.describe(to).catch((thrown: unknown) => {
    if (RowshiftError.from(thrown).code === 'TABLE_NOT_FOUND') return null
    throw thrown
  })
  if (target === null || other == null)
    return { source: { schema, ddl: null }, target: null, differences: [], warnings: [] }
  const [ours, theirs] = [await ddlOf(source, from), await ddlOf(target, to)]
  const ends = { source: { schema, ddl: ours.ddl }, target: { schema: other, ddl: theirs.ddl } }
  const kinship: Kinship = sameFamily
    ? { sameFamily, traits: await traitsOf(target, ours.ddl, theirs.ddl) }
    : { sameFamily }
  return {
    ...ends,
    differences: schemaDifferences(ends.source, ends.target, kinship),
    warnings: [...ours.warnings, ...theirs.warnings],
  }
}

/** Whoever may read a table need not be allowed to see how it is made. */
async function ddlOf(
  { skills }: Reader,
  table: string,
): Promise<Pick<DescribedTable, 'ddl'> & { readonly warnings: readonly string[] }> {
  try {
    return { ddl: (await skills.ddl?.sourceDdl(table)) ?? null, warnings: [] }
  } catch (thrown) {
    const { code, message } = RowshiftError.from(thrown)
    if (code !== 'ACCESS_DENIED') throw thrown
    return { ddl: null, warnings: [`defaults, indexes and collations are not compared: ${message}`] }
  }
}

/** null: one of them is a view or the like. */
async function traitsOf(
  { skills }: Reader,
  elsewhere: SourceDdl | null,
  own: SourceDdl | null,
): Promise<TableTraits | null> {
  if (elsewhere?.statements == null || own?.statements == null) return null
  return (await skills.ddl?.traits?.(elsewhere, own)) ?? null
}
