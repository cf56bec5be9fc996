/**
 * The stage: what a worker thread does to the rows of a split between reading and writing, where the database cannot do
 * it. Part of the plugin contract, plain JSON.
 *
 * The reader yields `reads`, of which the cells are made, row by row: copied as they stand, looked up, numbered. The cells
 * are what is written, in the order of `Plan.columns`, before what only says the shard; with a transform they are the properties of the rows that its
 * function gets, and what that returns is written.
 *
 * A cell that nobody asked to change is never decoded.
 */
import type { IdCell, LookupCell } from './made-cells.js'
import type { Plan, ReadPlan } from './plugin.js'
import type { Column, ColumnMapping } from './schema.js'

export interface StagePlan {
  /** What the reader yields, in this order; also what only the stage itself needs. */
  readonly reads: readonly Column[]
  /** Without a transform, one for each of `Plan.columns`, in that order; then those that `Sharding.reads` asks for. */
  readonly cells: readonly CellPlan[]
  /** null: the cells are written as they are. */
  readonly transform: TransformPlan | null
}

/** How one cell of each row is made. */
export type CellPlan = ReadCell | LookupCell | IdCell

export interface NamedCell {
  /** Of the property that a transform sees, and of messages. */
  readonly name: string
  /** What values the cell has. */
  readonly column: Column
}

/** The cell as it was read. */
export interface ReadCell extends NamedCell {
  readonly type: 'read'
  /** Its place among `reads`. */
  readonly at: number
}

/** A user's function that is called with each row. */
export interface TransformPlan {
  /** URL of the module. */
  readonly module: string
  /** Seconds that it may take for one batch. */
  readonly timeout: number
}

/** What a stage must know of a plan. */
export type StagedPlan = Pick<Plan, 'source' | 'target' | 'key' | 'stage' | 'batch'> & {
  readonly columns: readonly Pick<ColumnMapping, 'target'>[]
}

/** Whether the stage itself writes to the target, before the rows are written. */
export function writesAhead({ stage }: Plan): boolean {
  return (
    stage?.cells.some((cell) => cell.type === 'id' && (cell.map !== null || cell.ids.type === 'sequence')) ??
    false
  )
}

/** The plan as the reader is to follow it: its columns are those that are read. */
export function readPlan(plan: Plan): ReadPlan {
  if (plan.stage !== null) return { ...plan, columns: plan.stage.reads.map((source) => ({ source })) }
  const more = plan.sharding?.reads ?? []
  return { ...plan, columns: [...plan.columns, ...more.map((source) => ({ source }))] }
}

/** The plan as `Reader.check` is to see it: each column that is read, with where it goes if it goes there unchanged. */
export function checkPlan(plan: Plan): Plan {
  if (plan.stage === null) {
    return { ...plan, columns: [...plan.columns, ...(plan.sharding?.reads ?? []).map(toItself)] }
  }
  const copied = plan.columns.filter(({ made }) => made === undefined)
  const same = (a: Column, b: Column) => a.name === b.name && a.sql === b.sql
  const others = plan.stage.reads.filter((read) => !copied.some(({ source }) => same(source, read)))
  return { ...plan, columns: [...copied, ...others.map(toItself)] }
}

/**
 * Stands as the source of a target column whose values the stage makes: nothing is known of them before they are there, but
 * that none is NULL where the target takes none. Whoever makes them sees to that, since a server may put something else
 * in the place of NULL.
 */
export function madeColumn(target: Column): Column {
  return {
    name: target.name,
    type: target.type,
    kind: target.kind,
    nullable: target.nullable,
    hasDefault: false,
    generated: false,
    ordered: false,
    domain: { dynamic: true },
  }
}

function toItself(column: Column): ColumnMapping {
  return { source: column, target: column, verdict: { grade: 'exact', why: '' } }
}
