import type { PipelineRequest } from './pipeline-request.js'
import { RowshiftError } from '../contract/errors.js'
import type { PipelinePlan } from '../contract/pipeline.js'
import type { ColumnPair } from './mapping.js'
import { PipelineBuilder } from './pipeline-builder.js'
import { transformedPairs } from '../features/transform/plan.js'

export interface PipelineChoice {
  /** Made columns have what stands for their values as source. */
  readonly pairs: readonly ColumnPair[]
  /** null: rows are written as they are read. */
  readonly plan: PipelinePlan | null
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** How worker threads make what `columns` asks of them. Throws PARAMS_INVALID with every fault. */
export async function planPipeline(request: PipelineRequest): Promise<PipelineChoice> {
  const { transform } = request
  if (
    transform === null &&
    request.pairs.every(({ make }) => make === undefined) &&
    request.values.length === 0
  )
    return { pairs: request.pairs, plan: null, reasons: [], warnings: [] }
  const builder = new PipelineBuilder(request)
  const pairs: ColumnPair[] = []
  for (const pair of request.pairs) {
    const computed = await builder.add(pair)
    if (computed !== null) pairs.push(computed)
  }
  // Those too that go to no column.
  for (const { as } of request.values) await builder.named(as!)
  const { faults, reasons, warnings } = builder
  if (faults.length > 0) {
    const message = `The params do not fit the tables:\n  ${faults.join('\n  ')}`
    throw new RowshiftError('PARAMS_INVALID', message, { faults })
  }
  for (const column of request.shardReads) builder.addRead(column)
  // So that a row which is refused can be named.
  for (const column of request.key?.columns ?? []) builder.read(column)
  const plan = { ...builder.plan(), transform: transform?.plan ?? null }
  if (transform === null) return { pairs, plan, reasons, warnings }
  const passed = `rows pass through the transform ${transform.plan.module}, decoded: ${plan.cells.map(({ name }) => name).join(', ')}`
  return {
    pairs: transformedPairs(request.target, plan.cells, transform),
    plan,
    reasons: [...reasons, passed],
    warnings,
  }
}

/** Rows of a new id are never there already, so each run would write all of them anew. */
export function checkNewIds(identity: readonly string[] | null, pipeline: PipelinePlan | null): void {
  const ids = pipeline?.cells.filter((cell) => cell.type === 'id' && cell.map === null) ?? []
  const fresh = ids.find(({ name }) => identity?.includes(name))
  if (!fresh) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `params.columns: rows are matched by ${fresh.name}, which gets a new id on every run; a second run would duplicate the rows. ` +
      `Keep the ids with "id": {"map": {"table": …}} and "from", or use write_mode "insert".`,
    { column: fresh.name },
  )
}
