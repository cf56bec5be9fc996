import type { ReadCell, StagePlan } from '../plugin.js'
import { Router } from '../shard/router.js'
import type { ComparisonSetup } from './row-comparison.js'
import { withShard } from './shard-cell.js'
import type { ReadRows } from './unmade-rows.js'
import type { VerifyPlan } from './verify-plan.js'

/** `stage` says how rows are made; null: they are compared as they are read. */
export function comparisonSetup(plan: VerifyPlan, stage: StagePlan | null): ComparisonSetup {
  const setup = {
    names: plan.columns.map(({ source }) => source.name),
    binary: plan.columns.map(({ source }) => source.kind === 'bytes'),
    forms: plan.forms,
    identity: plan.identity,
    reads: stage && readRows(plan, stage),
  }
  return plan.sharding === null ? setup : withShard(setup)
}

/** What says which row it is, is copied. */
function readRows({ identity }: VerifyPlan, { reads, cells }: StagePlan): ReadRows {
  return {
    names: reads.map(({ name }) => name),
    binary: reads.map(({ kind }) => kind === 'bytes'),
    identity: identity && identity.map((made) => ({ made, read: (cells[made] as ReadCell).at })),
  }
}

/** null: the target is one table. */
export function routerOf({ sharding, columns, source, target }: VerifyPlan): Router | null {
  if (sharding === null) return null
  return new Router({ sharding, columns, key: source.key, target: target.source })
}
