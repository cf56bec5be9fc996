import { distinctMessages } from '../../contract/message.js'
import type { WritePlan, Writer, WriteSpec } from '../../contract/plugin.js'
import type { Sharding } from '../../contract/sharding.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import { nameOf, parsePattern } from './pattern.js'

/** What the writers choose for all tables together, and for each shard. */
type TargetPlan = WritePlan & Pick<TargetSpec, 'shards'>

/** Asks the writer of each table. `writers`: one for each database. Without any shard yet, the plan is that of the first one to come. */
export async function planTables(
  writers: readonly Writer[],
  spec: WriteSpec,
  sharding: Sharding | null,
  path: string | null,
): Promise<TargetPlan> {
  if (sharding === null) return writers[0]!.plan(spec, path)
  const { shards } = sharding
  if (shards.length === 0) {
    const pattern = parsePattern(spec.table.table)
    const table = { ...spec.table, table: nameOf(pattern, pattern.labels[0]!) }
    return { ...(await writers[0]!.plan({ ...spec, table }, path)), shards: [] }
  }
  const plans: WritePlan[] = []
  for (const { endpoint, create, ...shard } of shards) {
    const table = { ...spec.table, table: shard.table, identity: shard.identity }
    plans.push(await writers[endpoint]!.plan({ ...spec, table, create }, path))
  }
  return combined(plans)
}

/** What the plans of all shards say together; what they say alike, but for the name of the table, is said once. */
function combined(plans: readonly WritePlan[]): TargetPlan {
  return {
    path: [...new Set(plans.map(({ path }) => path))].join(', '),
    reasons: distinctMessages(plans.flatMap(({ reasons }) => reasons)),
    warnings: distinctMessages(plans.flatMap(({ warnings }) => warnings)),
    ...least(plans, 'maxBatchBytes'),
    ...least(plans, 'maxRowBytes'),
    ...any(plans, 'emptiedBy'),
    ...any(plans, 'unmarked'),
    triggers: [...new Set(plans.flatMap(({ triggers = [] }) => triggers))],
    facts: plans[0]!.facts,
    shards: plans,
  }
}

function any(plans: readonly WritePlan[], name: 'emptiedBy' | 'unmarked'): Partial<WritePlan> {
  const found = plans.find((plan) => plan[name] !== undefined)
  return found === undefined ? {} : { [name]: found[name] }
}

function least(plans: readonly WritePlan[], name: 'maxBatchBytes' | 'maxRowBytes'): Partial<WritePlan> {
  const limits = plans.flatMap((plan) => plan[name] ?? [])
  return limits.length === 0 ? {} : { [name]: Math.min(...limits) }
}
