/** `rowshift verify` of all tables of a database, or some of them. */
import type { ComparisonRequest } from '../features/database/comparison-plan.js'
import type { ComparisonReport } from '../features/database/comparison-report.js'
import { compareDatabases } from '../features/database/comparison.js'
import type { DatabaseRequest } from '../features/database/request.js'
import type { MaxDelete } from '../task/params.js'
import { comparedLine, comparisonPlanText, expectedRows } from './comparison-view.js'
import { DatabaseProgressView } from './database-progress-view.js'
import { withFeed, withView } from './execution.js'
import type { CommonOptions } from './options.js'
import { tableLabel } from './output.js'

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
    withView(new DatabaseProgressView(feed), stop, (view) => {
      const asked: ComparisonRequest = { ...request, params: compared, sample, repair }
      return compareDatabases(asked, taskId, {
        signal: stop,
        onPlan: (plan) =>
          view.start(
            comparisonPlanText(plan, asked, tableLabel(asked.from), tableLabel(asked.to)),
            expectedRows(plan),
          ),
        onProgress: (progress) => view.update(progress),
        onTable: (ended) => {
          if (!json && ended.error !== null && ended.status !== 'different') view.notice(comparedLine(ended))
        },
      })
    }),
  )
}
