import { RowshiftError } from '../errors.js'
import type { Column, ColumnMapping, TableSchema } from '../plugin.js'

export interface MappingResult {
  readonly columns: readonly ColumnMapping[]
  readonly warnings: readonly string[]
}

/**
 * Maps columns by name, without regard to case, in target order. Refuses what would lose data (a source column that
 * the target has not) unless `allowLossy` names it, and what cannot work (a target column that must have a value).
 */
export function mapColumns(
  source: TableSchema,
  target: TableSchema,
  allowLossy: readonly string[],
): MappingResult {
  const sources = new Map(source.columns.map((column) => [column.name.toLowerCase(), column]))
  const columns: ColumnMapping[] = []
  const unfed: Column[] = []
  for (const column of target.columns) {
    const from = sources.get(column.name.toLowerCase())
    if (column.generated) {
      if (from?.generated) sources.delete(column.name.toLowerCase())
    } else if (from) {
      columns.push({ source: from, target: column })
      sources.delete(column.name.toLowerCase())
    } else if (!column.nullable && !column.hasDefault) unfed.push(column)
  }
  const lost = [...sources.values()].filter(({ generated }) => !generated)
  const { refused, accepted } = losses(lost, columns, target, allowLossy)
  if (refused.length > 0) throw lossy(refused)
  if (unfed.length > 0) throw required(unfed, target)
  if (columns.length === 0) throw nothingInCommon(source, target)
  return { columns, warnings: accepted }
}

interface Loss {
  readonly column: string
  readonly what: string
}

function losses(
  lost: readonly Column[],
  columns: readonly ColumnMapping[],
  target: TableSchema,
  allowed: readonly string[],
): { refused: readonly Loss[]; accepted: readonly string[] } {
  const all: Loss[] = [
    ...lost.map(({ name }) => ({
      column: name,
      what: `${name}: ${target.table} has no column of that name that can be written`,
    })),
    ...columns
      .filter(({ source, target }) => (source.kind === 'bytes') !== (target.kind === 'bytes'))
      .map(({ source, target }) => ({
        column: source.name,
        what: `${source.name}: ${source.type} cannot become ${target.type} without a change of meaning`,
      })),
  ]
  const isAllowed = ({ column }: Loss) => allowed.some((name) => name.toLowerCase() === column.toLowerCase())
  return {
    refused: all.filter((loss) => !isAllowed(loss)),
    accepted: all.filter(isAllowed).map(({ what }) => `accepted loss: ${what}`),
  }
}

function lossy(refused: readonly Loss[]): RowshiftError {
  const names = refused.map(({ column }) => column)
  return new RowshiftError(
    'LOSSY',
    `The copy would lose data:\n  ${refused.map(({ what }) => what).join('\n  ')}\n` +
      `Change the target table, or accept the loss with "allow_lossy": ${JSON.stringify(names)}.`,
    { columns: names },
  )
}

function required(unfed: readonly Column[], target: TableSchema): RowshiftError {
  const names = unfed.map(({ name }) => name)
  return new RowshiftError(
    'COLUMN_REQUIRED',
    `Target table ${target.table} has NOT NULL columns without a default that no source column feeds: ${names.join(', ')}. ` +
      'Give them a default, or add them to the source.',
    { table: target.table, columns: names },
  )
}

function nothingInCommon(source: TableSchema, target: TableSchema): RowshiftError {
  return new RowshiftError(
    'COLUMN_NOT_FOUND',
    `${source.table} and ${target.table} have no column name in common.`,
    { source: source.table, target: target.table },
  )
}
