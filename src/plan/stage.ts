import { RowshiftError } from '../errors.js'
import type { CellPlan, Column, SplitKey, StagePlan, TableSchema, Writer } from '../plugin.js'
import { planId } from './ids.js'
import { planLookup } from './lookup.js'
import type { ColumnPair } from './mapping.js'
import type { Places } from './places.js'
import type { PlannedTransform } from './transform.js'
import { transformedPairs } from './transform.js'

export interface StageRequest {
  /** null: no column gets new ids. */
  readonly writer: Writer | null
  readonly places: Places
  readonly target: TableSchema
  /** Tables of the target that are there, in its first database. */
  readonly tables: readonly string[]
  readonly pairs: readonly ColumnPair[]
  readonly key: SplitKey | null
  /** Columns that say in which shard a row belongs, and are not written. */
  readonly shardReads: readonly Column[]
  readonly workerNum: number
  readonly transform: PlannedTransform | null
}

export interface StageChoice {
  /** Made columns have what stands for their values as source. */
  readonly pairs: readonly ColumnPair[]
  /** null: rows are written as they are read. */
  readonly stage: StagePlan | null
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** How worker threads make what `columns` asks of them. Throws PARAMS_INVALID with every fault. */
export async function planStage(request: StageRequest): Promise<StageChoice> {
  const { transform } = request
  if (transform === null && request.pairs.every(({ make }) => make === undefined))
    return { pairs: request.pairs, stage: null, reasons: [], warnings: [] }
  const reads = new Reads()
  const faults: string[] = []
  const reasons: string[] = []
  const warnings: string[] = []
  const pairs: ColumnPair[] = []
  const cells: CellPlan[] = []
  for (const pair of request.pairs) {
    const made = await planCell(request, pair, reads, faults)
    if (made === null) continue
    cells.push(made.cell)
    pairs.push(made.pair)
    reasons.push(...made.reasons)
    warnings.push(...made.warnings)
  }
  if (faults.length > 0) {
    const message = `The params do not fit the tables:\n  ${faults.join('\n  ')}`
    throw new RowshiftError('PARAMS_INVALID', message, { faults })
  }
  for (const column of request.shardReads)
    cells.push({ type: 'read', name: column.name, column, at: reads.place(column) })
  // So that a row which is refused can be named.
  for (const column of request.key?.columns ?? []) reads.place(column)
  const stage = { reads: reads.columns, cells, transform: transform?.plan ?? null }
  if (transform === null) return { pairs, stage, reasons, warnings }
  const passed = `rows pass through the transform ${transform.plan.module}, decoded: ${cells.map(({ name }) => name).join(', ')}`
  return {
    pairs: transformedPairs(request.target, cells, transform),
    stage,
    reasons: [...reasons, passed],
    warnings,
  }
}

/** Rows of a new id are never there already, so each run would write all of them anew. */
export function checkNewIds(identity: readonly string[] | null, stage: StagePlan | null): void {
  const ids = stage?.cells.filter((cell) => cell.type === 'id' && cell.map === null) ?? []
  const fresh = ids.find(({ name }) => identity?.includes(name))
  if (!fresh) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `params.columns: rows are known again by ${fresh.name}, which is made anew for each row of each run, so they would be there twice after the second. ` +
      `Keep the ids with "id": {"map": {"table": …}} and "from", or use write_mode "insert".`,
    { column: fresh.name },
  )
}

/** What the reader yields: each column once. */
class Reads {
  readonly columns: Column[] = []

  place(column: Column): number {
    const at = this.columns.indexOf(column)
    return at < 0 ? this.columns.push(column) - 1 : at
  }
}

interface PlannedCell {
  readonly cell: CellPlan
  readonly pair: ColumnPair
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

async function planCell(
  { writer, places: databases, target, tables, workerNum }: StageRequest,
  pair: ColumnPair,
  reads: Reads,
  faults: string[],
): Promise<PlannedCell | null> {
  const { source, target: to, make } = pair
  if (make === undefined) {
    const cell: CellPlan = { type: 'read', name: to.name, column: source, at: reads.place(source) }
    return { cell, pair, reasons: [], warnings: [] }
  }
  const { at, how, keys } = make
  const places = keys.map((column) => reads.place(column))
  if (how.type === 'lookup') {
    const planned = await planLookup({ at, make: how, keys, to }, databases, faults)
    if (planned === null) return null
    const { column, how: lookup, warnings } = planned
    return {
      cell: { type: 'lookup', name: to.name, column, at: places, lookup },
      pair: { source: column, target: to, made: 'lookup' },
      reasons: [],
      warnings,
    }
  }
  const key = how.map === null ? null : { column: source, place: places[0]! }
  const planned = await planId(
    { at, make: how, key, to, target, tables, workerNum },
    { writer: writer!, places: databases },
    faults,
  )
  if (planned === null) return null
  const { column, reasons, warnings } = planned
  return {
    cell: { type: 'id', name: to.name, column, ...planned.how },
    pair: { source: column, target: to, made: 'id' },
    reasons,
    warnings,
  }
}
