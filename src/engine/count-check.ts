import { RowshiftError } from '../contract/errors.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { SourceSpec } from '../contract/source-spec.js'
import { counted } from '../wire/counted.js'
import type { CoordinatorResult } from './coordinator-job.js'
import { copiedRows } from './deletions.js'
import { checkPercentage } from './dirty-file.js'
import type { Progress } from './progress.js'
import { settled } from './progress.js'

/** When all splits are copied: throws what does not add up. `resumed`: earlier attempts may have read every row. */
export function checkCopied(plan: RunPlan, { progress }: CoordinatorResult, resumed: boolean): void {
  checkCounts(plan, progress, resumed)
  checkPercentage(plan, progress)
}

/** The last line of defence: what the splits add up to must make sense for the table. */
function checkCounts(plan: RunPlan, { splits, splitsDone, done }: Progress, resumed: boolean): void {
  // Rows that are deleted by a flag make splits, too.
  const all = copiedRows(plan) === plan.read && wholeTables(plan.read)
  const sawRows = plan.read.key !== null && !plan.read.key.nullable && all && splits > 0 && !resumed
  const total = settled(done)
  if (
    splits === splitsDone &&
    done.rowsRead === total &&
    done.rowsDeferred === 0 &&
    !(sawRows && done.rowsRead === 0)
  )
    return
  throw new RowshiftError(
    'COUNT_MISMATCH',
    `${splitsDone} of ${counted(splits, 'split')} of ${plan.read.table.table} copied, ${counted(done.rowsRead, 'row')} read and ${total} accounted for; that does not add up. Run it again into an empty target.`,
    { splits, splitsDone, rowsRead: done.rowsRead, rowsSettled: total },
  )
}

function wholeTables({ window, sources }: SourceSpec): boolean {
  return window === null && (sources ?? []).every((table) => table.window === null)
}
