import type { RunPlan } from '../contract/run-plan.js'
import { keepsIds } from './pipeline-setup.js'

/** Whether more than rows is changed: by `pre_sql`, tables that are made, or what ids need in the target. */
export function changesTables(plan: RunPlan): boolean {
  return createsTables(plan) || keepsIds(plan.pipeline) || plan.write.preSql.length > 0
}

/** Whether tables are created, or may be when a row calls for one. */
export function createsTables({ write: { create, sharding } }: RunPlan): boolean {
  const shards = sharding?.shards ?? []
  return create !== null || sharding?.onDemand != null || shards.some((shard) => shard.create !== null)
}
