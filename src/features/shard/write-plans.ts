import type { Sharding, WritePlan } from '../../contract/plugin.js'

/** What the plans of all shards say together; what they say alike, but for the name of the table, is said once. */
export function combined(plans: readonly WritePlan[], { shards, table }: Sharding): WritePlan {
  const all = (texts: (plan: WritePlan) => readonly string[]) => {
    return [
      ...new Set(
        plans.flatMap((plan, i) => texts(plan).map((text) => text.replaceAll(shards[i]!.table, () => table))),
      ),
    ]
  }
  return {
    path: [...new Set(plans.map(({ path }) => path))].join(', '),
    reasons: all(({ reasons }) => reasons),
    warnings: all(({ warnings }) => warnings),
    ...least(plans, 'maxBatchBytes'),
    ...least(plans, 'maxRowBytes'),
    ...plans.reduce((found, { emptiedBy }) => (emptiedBy === undefined ? found : { emptiedBy }), {}),
    triggers: all(({ triggers = [] }) => triggers),
    facts: plans[0]!.facts,
    shards: plans,
  }
}

function least(plans: readonly WritePlan[], name: 'maxBatchBytes' | 'maxRowBytes'): Partial<WritePlan> {
  const limits = plans.flatMap((plan) => plan[name] ?? [])
  return limits.length === 0 ? {} : { [name]: Math.min(...limits) }
}
