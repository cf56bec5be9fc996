import { fillTable } from '../../contract/message.js'
import type { Progress } from '../../engine/progress.js'
import { deletedCounts, makeReport } from '../../engine/report.js'
import { RowshiftError } from '../../contract/errors.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { RunReport } from '../../contract/task-store.js'
import type { CompareResult, Repaired } from './compare.js'
import { noFindings } from './findings.js'
import type { VerifyRequest } from './request.js'
import type { Findings } from './messages.js'
import type { Differences } from './row-comparison.js'
import type { VerifyPlan } from './plan.js'
import { counted } from '../../wire/counted.js'

/** The report of a verification or repair: that of any run, and what was found. */
export interface VerifyReport extends RunReport {
  /** Percent of the splits that were asked for, and splits left out because of it. */
  readonly sample: number
  readonly splitsSkipped: number
  /** Before a repair; null: the comparison did not come to its end. */
  readonly found: Comparison | null
  /** After a repair; null: there was none. */
  readonly left: Comparison | null
}

export interface Comparison extends Differences {
  readonly sourceRows: number
  readonly targetRows: number
}

export interface VerifyFacts {
  readonly request: VerifyRequest
  readonly plan: VerifyPlan | null
  readonly repair: RunPlan | null
  readonly progress: Progress
  readonly result: CompareResult | null
  readonly repaired: Repaired
  /** Whether the target was, or may have been, changed in another way than by rows. */
  readonly changed: boolean
  readonly sourceChanged: string | null
  /** Reasons that the run has found beside those of the plans. */
  readonly reasons: readonly string[]
  readonly error: RowshiftError | null
  readonly seconds: number
}

export function makeVerifyReport(facts: VerifyFacts): VerifyReport {
  const { request, plan, repair, repaired, progress, result, changed, sourceChanged, error, seconds } = facts
  const { sourceRows, filtered } = result?.found ?? noFindings
  const { runId, taskId, params, mode, sample } = request
  return {
    ...makeReport({
      runId,
      taskId,
      params,
      plan: repair,
      // Rows that a comparison goes through are written nowhere.
      progress: { ...progress, done: { ...progress.done, rowsWritten: repaired.written } },
      changed: changed || repaired.deleted > 0,
      gaveUp: result?.gaveUp ?? null,
      error,
      seconds,
    }),
    mode,
    rowsRead: sourceRows + filtered,
    workerNum: plan?.workerNum ?? params.workerNum ?? 0,
    reasons: [
      ...(plan?.reasons ?? []),
      ...facts.reasons,
      ...(repair === null ? [] : fillTable(repair.write.reasons, repair.write.table.table)),
    ],
    warnings: [
      ...(plan?.warnings ?? []),
      ...(repair?.warnings ?? []),
      ...(result?.gaveUp ? [result.gaveUp] : []),
      ...(sourceChanged === null ? [] : [sourceChanged]),
    ],
    sourceChanged,
    ...deletedCounts(repair, repaired.deleted),
    sample,
    splitsSkipped: result?.splitsSkipped ?? 0,
    found: result && comparisonOf(result.found),
    left: result && repair ? comparisonOf(result.left) : null,
  }
}

function comparisonOf({ sourceRows, targetRows, differences }: Findings): Comparison {
  return { sourceRows, targetRows, ...differences }
}

export function differenceError({ left }: CompareResult, { written, deleted }: Repaired): RowshiftError {
  const { missing, extra, different, unmade } = left.differences
  const after =
    written + deleted === 0 ? '' : ` (after a repair: ${counted(written, 'row')} written, ${deleted} deleted)`
  const rejected = unmade === 0 ? '' : ` Of these, a copy would reject ${unmade}: the report says why.`
  return new RowshiftError(
    'DIFFERENT',
    `Source and target differ${after}: ${counted(missing, 'row')} missing in the target, ${extra} extra, ${different} different.${rejected}`,
    { missing, extra, different, unmade },
  )
}
