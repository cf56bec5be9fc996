/**
 * The pipeline: what a worker thread does to the rows of a split between reading and writing, where the database cannot do
 * it. Plain JSON; plugins do not see it.
 *
 * The reader yields `reads`, of which the cells are made, row by row: copied as they stand, looked up, numbered. The cells
 * are what is written, in the order of `WriteSpec.columns`, before what only says the shard; with a transform they are the properties of the rows that its
 * function gets, and what that returns is written.
 *
 * A cell that nobody asked to change is never decoded.
 */
import type { IdCell, LookupCell, NamedCell, StepsCell } from './computed-columns.js'
import type { ReadSpec } from './read.js'
import type { WriteSpec } from './write.js'
import type { Column, ColumnMapping } from './table-schema.js'

export interface PipelinePlan {
  /** What the reader yields, in this order; also what only the pipeline itself needs. */
  readonly reads: readonly Column[]
  /**
   * What is made before the cells, for them or for later values: each stands behind `reads`, in this order, as if it had been read, and
   * is made of what stands before it.
   */
  readonly values: readonly ValuePlan[]
  /** Without a transform, one for each of `WriteSpec.columns`, in that order; then those that `Sharding.reads` asks for. */
  readonly cells: readonly CellPlan[]
  /** null: the cells are written as they are. */
  readonly transform: TransformPlan | null
}

/** How one cell of each row is made. Indexes are those among `reads` and, behind them, `values`. */
export type CellPlan = ReadCell | LookupCell | IdCell
export type ValuePlan = LookupCell | StepsCell

/** The cell as it was read, or a value that was made before. */
export interface ReadCell extends NamedCell {
  readonly type: 'read'
  /** Its index. */
  readonly at: number
}

/** A user's function that is called with each row. */
export interface TransformPlan {
  /** URL of the module. */
  readonly module: string
  /** Seconds that it may take for one batch. */
  readonly timeout: number
}

/** What a pipeline must know of a plan. */
export interface PipelineRunPlan {
  readonly read: ReadSpec
  readonly write: Pick<WriteSpec, 'table'> & { readonly columns: readonly Pick<ColumnMapping, 'target'>[] }
  readonly pipeline: PipelinePlan | null
}

/** All that is made, in one order: by its index here, the threads know the lookup tables of a plan. */
export function computedCells({ values, cells }: PipelinePlan): readonly (ValuePlan | CellPlan)[] {
  return [...values, ...cells]
}

/** Whether the pipeline itself writes to the target, before the rows are written. */
export function writesAhead(pipeline: PipelinePlan | null): boolean {
  return (
    pipeline?.cells.some(
      (cell) => cell.type === 'id' && (cell.map !== null || cell.ids.type === 'sequence'),
    ) ?? false
  )
}

/**
 * Stands as the source of a target column whose values the pipeline makes: nothing is known of them before they are there, but
 * that none is NULL where the target takes none. Whoever makes them sees to that, since a server may put something else
 * in the place of NULL.
 */
export function producedColumn(target: Column): Column {
  const { nonFinite } = target.valueRange
  return {
    name: target.name,
    type: target.type,
    kind: target.kind,
    nullable: target.nullable,
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange: { dynamic: true, ...(nonFinite && { nonFinite }) },
  }
}
