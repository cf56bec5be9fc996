/** What there is to do after a run that failed, said with its error. */
import { RowshiftError } from '../contract/errors.js'
import type { RunPlan } from '../contract/run-plan.js'
import { wayOn } from '../plan/target-warnings.js'
import type { DeferredIndexes } from '../features/indexes/deferred-indexes.js'
import type { Params } from '../task/params.js'

/** `indexes`: null where the run did not get as far as looking for them. */
export function withAdvice(
  error: RowshiftError,
  plan: RunPlan,
  params: Params,
  indexes: DeferredIndexes | null,
): RowshiftError {
  const advised = withWayOn(error, plan, params)
  return indexes?.withStatements(advised) ?? advised
}

/** A target that was not empty is what most rows with a taken key are about. */
function withWayOn(error: RowshiftError, plan: RunPlan, { diffColumn }: Params): RowshiftError {
  const lines = error.code === 'DUPLICATE_KEY' ? wayOn(plan, diffColumn?.source ?? null) : []
  if (lines.length === 0) return error
  return new RowshiftError(error.code, [error.message, ...lines].join('\n'), error.details, error.cause)
}
