/** What there is to do after a run that failed, said with its error. */
import { RowshiftError } from '../contract/errors.js'
import type { RunPlan } from '../contract/run-plan.js'
import { wayOn } from '../plan/target-warnings.js'
import type { Params } from '../task/params.js'

export function withAdvice(error: RowshiftError, plan: RunPlan, params: Params): RowshiftError {
  return withWayOn(withoutIndexes(plan, error), plan, params)
}

/** A target that was not empty is what most rows with a taken key are about. */
function withWayOn(error: RowshiftError, plan: RunPlan, { diffColumn }: Params): RowshiftError {
  const lines = error.code === 'DUPLICATE_KEY' ? wayOn(plan, diffColumn?.source ?? null) : []
  if (lines.length === 0) return error
  return new RowshiftError(error.code, [error.message, ...lines].join('\n'), error.details, error.cause)
}

/** A failed run leaves the table that it made without the indexes that were to come last. */
function withoutIndexes({ write: { create, table } }: RunPlan, error: RowshiftError): RowshiftError {
  if (!create || create.deferred.length === 0) return error
  const left = `If table ${table.table} was created, it still lacks its deferred indexes: ${create.deferred.join('; ')}`
  return new RowshiftError(error.code, [error.message, left].join('\n'), error.details, error.cause)
}
