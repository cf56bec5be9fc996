/** `rowshift verify` of all tables of a database, or some of them. */
import { redact } from '../contract/errors.js'
import type { ComparisonRequest } from '../features/database/comparison-plan.js'
import type { ComparisonReport } from '../features/database/comparison-report.js'
import { compareDatabases } from '../features/database/comparison.js'
import type { DatabaseRequest } from '../features/database/request.js'
import type { MaxDelete } from '../task/params.js'
import { comparedLine, comparisonPlanText, expectedRows } from './comparison-view.js'
import { asProgress, progressNote } from './database-view.js'
import { withFeed, withProgress } from './execution.js'
import type { CommonOptions } from './options.js'
import { printNotice, printPlan, tableLabel } from './output.js'

export interface ComparisonOptions extends CommonOptions {
  readonly where: string | undefined
  readonly maxDelete: MaxDelete | undefined
  readonly sample: number
  readonly repair: boolean
}

/** Compares or repairs, with progress shown. Never throws. */
export function compareWithProgress(
  { params, ...request }: DatabaseRequest,
  taskId: number | null,
  { sample, repair, json, ...options }: ComparisonOptions,
  signal: AbortSignal,
): Promise<ComparisonReport> {
  const where = options.where ?? params.where
  const maxDelete = options.maxDelete ?? params.maxDelete
  // A mode says how tables are copied; they are compared whole.
  const compared = { ...params, mode: 'init', where, maxDelete } as const
  return withFeed({ ...request, taskId }, repair ? 'repair' : 'verify', signal, (stop, feed) =>
    withProgress(stop, feed, async (view) => {
      let tables = 0
      const asked: ComparisonRequest = { ...request, params: compared, sample, repair }
      return compareDatabases(asked, taskId, {
        signal: stop,
        onPlan: (plan) => {
          tables = plan.tables.length
          const text = comparisonPlanText(plan, asked, tableLabel(asked.from), tableLabel(asked.to))
          printPlan(text)
          view.start({ where: null, window: null, table: { estimatedRows: expectedRows(plan) } }, text)
        },
        onProgress: (progress) => view.update(asProgress(progress), progressNote(progress, tables)),
        onTable: (ended) => {
          if (!json && ended.error !== null && ended.status !== 'different')
            printNotice(redact(comparedLine(ended)))
        },
      })
    }),
  )
}
