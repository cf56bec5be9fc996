import type { Cells } from '../../wire/row-name.js'
import { LF } from '../../wire/batch.js'
import { cellsOf, excerpt, readRowName } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import type { PipelineRunPlan } from '../../contract/pipeline.js'

/** Cells as they stand in batches. */
export function ambiguousKey(table: string, key: Buffer, one: Buffer, other: Buffer): RowshiftError {
  const shown = keyExcerpt(key)
  return new RowshiftError(
    'LOOKUP_AMBIGUOUS',
    `The lookup table ${table} has two values for the key ${shown}: ${excerpt(one)} and ${excerpt(other)}. ` +
      'Give it a unique key, or look in a table or view that has one value for each key.',
    { table, key: shown },
  )
}

/** A row as it was read, of which the cell `column` cannot be made. */
export interface UnresolvedRow {
  readonly plan: PipelineRunPlan
  readonly column: string
  readonly cells: Cells
  /** Of the parts of the key among `cells`. */
  readonly at: readonly number[]
}

export function missingKey(tables: readonly string[], row: UnresolvedRow): RowshiftError {
  const { key, where, details } = named(row)
  const table = tables.join(', ')
  return new RowshiftError(
    'LOOKUP_MISSING',
    `The lookup table ${table} has no key ${key}${where}. ` +
      'Add it there, or say what such rows get with "missing": "null", "skip" or {"value": …}.',
    { table, ...details },
  )
}

/** For who only looks into an id map. */
export function missingId(table: string, row: UnresolvedRow): RowshiftError {
  const { key, where, details } = named(row)
  return new RowshiftError(
    'LOOKUP_MISSING',
    `The id map ${table} has no id for the key ${key}${where}: no run has given it one yet. Run the task, or repair the target.`,
    { table, ...details },
  )
}

export function idWithoutKey({ plan, column, cells, at }: UnresolvedRow): RowshiftError {
  const name = readRowName(plan, cells)
  const { table } = plan.read.table
  return new RowshiftError(
    'DATA_REJECTED',
    `${plan.pipeline!.reads[at[0]!]!.name} is NULL${name.length === 0 ? '' : ` in the row with ${name.join(', ')}`}, so its id could not be found again in a later run. Give it a value, or leave such rows out with "where".`,
    { table, column, key: name },
  )
}

/** Of a key as it stands in batches: cells with separators between them. */
function keyExcerpt(key: Buffer): string {
  const row = { bytes: Buffer.concat([key, Buffer.of(LF)]), rows: 1 }
  return cellsOf(row)
    .map((cell) => excerpt(cell))
    .join(', ')
}

function named({ plan, column, cells, at }: UnresolvedRow) {
  const row = readRowName(plan, cells)
  return {
    key: at.map((index) => excerpt(cells[index]!)).join(', '),
    where: row.length === 0 ? '' : `, for ${column} of the row with ${row.join(', ')}`,
    details: { column, key: row },
  }
}
