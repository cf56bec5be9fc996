import type { Progress } from '../../engine/progress.js'
import { inTurns } from './in-turns.js'
import { expectedSplits } from './plan.js'
import type { TableReport } from './report.js'
import { copiedTable } from './report.js'
import { runTable } from './run-table.js'
import type { PlannedTable } from './table-plan.js'

export interface SyncingTables {
  readonly workerNum: number | null
  readonly signal: AbortSignal
  /** No table begins any more. */
  readonly stopped: () => boolean
  readonly move: (table: PlannedTable, progress: Progress) => void
  readonly end: (table: PlannedTable, report: TableReport) => void
}

/** Mode `sync` compares tables, each with threads of its own. */
export function syncTables(tables: readonly PlannedTable[], syncing: SyncingTables): Promise<void> {
  const { workerNum, signal, stopped, move, end } = syncing
  return inTurns(tables, {
    isSmall: (table) => expectedSplits(table) === 1,
    workerNum,
    stopped,
    work: async (table, threads) => {
      const { request } = table
      const params = threads === null ? request.params : { ...request.params, workerNum: threads }
      const onProgress = (progress: Progress) => move(table, progress)
      end(table, copiedTable(table, await runTable({ ...request, params }, { signal, onProgress })))
    },
  })
}
