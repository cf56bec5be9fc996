/** Steps that the plan of a copy and that of a comparison take alike. */
import { fillTable } from '../contract/message.js'
import type { Column, TableSchema } from '../contract/plugin.js'
import type { PipelinePlan } from '../contract/pipeline.js'
import { RowshiftError } from '../contract/plugin.js'
import type { DeletesChoice } from '../features/deletes/plan.js'
import { planDeletes } from '../features/deletes/plan.js'
import { findTables } from '../features/sources/plan.js'
import type { Params } from '../task/params.js'
import { checkCondition } from './condition.js'
import type { DescribedTables } from './described-tables.js'
import type { ColumnPair, MappingResult } from './mapping.js'
import { mapColumns } from './mapping.js'
import type { SourceEndpoint } from './plan-request.js'
import { column } from './split-key.js'
import { sameTable } from './target.js'

export interface SourceChoice extends DescribedTables {
  readonly warnings: readonly string[]
}

/** The source as it is; `where` is checked against it. */
export async function describeSource(endpoint: SourceEndpoint, where: string | null): Promise<SourceChoice> {
  const tables = await findTables(endpoint)
  return { ...tables, warnings: fillTable(await checkCondition(tables, where), tables.table.table) }
}

/** Throws SAME_TABLE when a table would be read and written in one run. */
export function checkDistinct(
  { table, sources }: Pick<DescribedTables, 'table' | 'sources'>,
  targets: readonly Pick<TableSchema, 'identity'>[],
): void {
  const read = sources ?? [{ name: table.table, identity: table.identity }]
  const both = read.find(({ identity }) => targets.some((target) => target.identity === identity))
  if (both) throw sameTable(both.name)
}

export interface ColumnChoice {
  readonly mapping: MappingResult
  readonly deleting: DeletesChoice
}

/** Says what feeds which target column, as `columns` and `deletes` ask. */
export async function chooseColumns(
  source: DescribedTables,
  target: TableSchema,
  params: Params,
): Promise<ColumnChoice> {
  const deleting = await planDeletes(source, target, params)
  const mapping = await mapColumns(source, target, deleting.columns)
  checkNamedColumns(params, source.table, target, mapping.pairs)
  return { mapping, deleting }
}

/** What is read for the columns that are written: a row is made of it, and sorted into a shard by it. */
export function columnsRead(
  pipeline: PipelinePlan | null,
  pairs: readonly Pick<ColumnPair, 'source'>[],
  shardReads: readonly Column[],
): readonly Column[] {
  return pipeline?.reads ?? [...pairs.map((pair) => pair.source), ...shardReads]
}

/** `diff_column` and `pk.dest` name columns that a later run relies on, so a full copy checks them too. */
function checkNamedColumns(
  params: Params,
  source: TableSchema,
  target: TableSchema,
  mapping: readonly ColumnPair[],
): void {
  if (params.diffColumn) {
    column(source, params.diffColumn.source)
    column(target, params.diffColumn.target)
  }
  params.targetKey?.forEach((name, i) => {
    const counterpart = column(target, name)
    const from = column(source, params.key![i]!)
    if (mapping.some(({ source, target }) => source === from && target === counterpart)) return
    throw new RowshiftError(
      'COLUMN_NOT_FOUND',
      `params.pk says that ${source.table}.${from.name} goes to ${target.table}.${name}, but the columns are not mapped so.`,
      { column: name },
    )
  })
}
