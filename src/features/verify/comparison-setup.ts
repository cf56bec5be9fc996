import type { ReadCell, PipelinePlan } from '../../contract/pipeline.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { ColumnPair } from '../../plan/mapping.js'
import { Router } from '../shard/router.js'
import { canonicalizationsOf } from './canonicalization.js'
import type { ComparisonSetup } from './row-comparison.js'
import { withShard } from './shard-cell.js'
import type { ReadRows } from './unresolved-rows.js'
import type { VerifyPlan } from './plan.js'

/**
 * Of the first `count` columns. `pipeline` says how rows are made; null: they are compared as they are read. `repair` says how they are
 * written; null: they are not.
 */
export function comparisonSetup(
  plan: VerifyPlan,
  { pipeline, repair }: { readonly pipeline: PipelinePlan | null; readonly repair: RunPlan | null },
  count: number,
): ComparisonSetup {
  const columns = plan.columns.slice(0, count)
  const setup = {
    names: columns.map(({ source }) => source.name),
    binary: columns.map(({ source }) => source.kind === 'bytes' || source.cells === 'encoded'),
    canonicalizations: columns.map(canonicalizationsOf),
    identity: plan.identity,
    reads: pipeline && readRows(plan, pipeline),
    written: repair && indexesOf(repair, columns),
    digested: plan.digest && columns.flatMap(({ source }, i) => (plan.digest!.finer[i] ? [source.name] : [])),
  }
  return plan.sharding === null ? setup : withShard(setup)
}

function indexesOf({ write: { identity } }: RunPlan, columns: readonly ColumnPair[]): number[] {
  return identity!.map((name) => columns.findIndex(({ target }) => target.name === name))
}

/** What says which row it is, is copied. */
function readRows({ identity }: VerifyPlan, { reads, cells }: PipelinePlan): ReadRows {
  return {
    names: reads.map(({ name }) => name),
    binary: reads.map(({ kind }) => kind === 'bytes'),
    identity: identity && identity.map((compared) => ({ compared, read: (cells[compared] as ReadCell).at })),
  }
}

/** Of rows of the first `count` columns. null: the target is one table. */
export function routerOf({ sharding, columns, source, target }: VerifyPlan, count: number): Router | null {
  if (sharding === null) return null
  return new Router({
    sharding,
    columns: columns.slice(0, count),
    key: source.key,
    table: target.table,
  })
}
