import type { Plan, Shard } from '../plugin.js'

/** The plan by which the rows of one shard are written. */
export function shardPlan(plan: Plan, { table, identity, create }: Shard, write: Plan['write']): Plan {
  return { ...plan, sharding: null, target: { ...plan.target, table, identity }, create, write }
}

/** The plan of each shard that is known, in order. */
export function shardPlans(plan: Plan): readonly { readonly shard: Shard; readonly plan: Plan }[] {
  const { shards } = plan.sharding!
  return shards.map((shard, i) => ({ shard, plan: shardPlan(plan, shard, plan.write.shards![i]!) }))
}
