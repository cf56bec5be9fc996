import { distinctMessages } from '../../contract/message.js'
import type { WritePlan } from '../../contract/plugin.js'

/** What the plans of all shards say together; what they say alike, but for the name of the table, is said once. */
export function combined(plans: readonly WritePlan[]): WritePlan {
  return {
    path: [...new Set(plans.map(({ path }) => path))].join(', '),
    reasons: distinctMessages(plans.flatMap(({ reasons }) => reasons)),
    warnings: distinctMessages(plans.flatMap(({ warnings }) => warnings)),
    ...least(plans, 'maxBatchBytes'),
    ...least(plans, 'maxRowBytes'),
    ...plans.reduce((found, { emptiedBy }) => (emptiedBy === undefined ? found : { emptiedBy }), {}),
    triggers: [...new Set(plans.flatMap(({ triggers = [] }) => triggers))],
    facts: plans[0]!.facts,
    shards: plans,
  }
}

function least(plans: readonly WritePlan[], name: 'maxBatchBytes' | 'maxRowBytes'): Partial<WritePlan> {
  const limits = plans.flatMap((plan) => plan[name] ?? [])
  return limits.length === 0 ? {} : { [name]: Math.min(...limits) }
}
