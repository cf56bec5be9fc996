import type { HostsOf } from '../../engine/copy-request.js'
import type { Progress } from '../../engine/progress.js'
import { endsAll, inTurns } from './in-turns.js'
import { expectedSplits } from './plan.js'
import type { TableReport } from './report.js'
import { copiedTable } from './report.js'
import { runTable } from './run-table.js'
import type { PlannedTable } from './table-plan.js'

export interface SyncingTables {
  /** Compare one table; see `DatabaseRequest`. */
  readonly hosts: HostsOf | undefined
  readonly workerNum: number | null
  /** Each table waits for those before it. */
  readonly inOrder: boolean
  readonly signal: AbortSignal
  /** No table begins any more. */
  readonly stopped: () => boolean
  readonly move: (table: PlannedTable, progress: Progress) => void
  readonly end: (table: PlannedTable, report: TableReport) => void
}

/** Mode `sync` compares tables, each with threads of its own; other hosts compare the large ones. */
export function syncTables(tables: readonly PlannedTable[], syncing: SyncingTables): Promise<void> {
  const { hosts, workerNum, inOrder, signal, stopped, move, end } = syncing
  let ended = false
  return inTurns(tables, {
    isSmall: (table) => expectedSplits(table) === 1,
    workerNum,
    inOrder,
    stopped: () => ended || stopped(),
    work: async (table, threads) => {
      const { request } = table
      const params = threads === null ? request.params : { ...request.params, workerNum: threads }
      const shared = threads === null && hosts ? { hosts: hosts(request) } : null
      const onProgress = (progress: Progress) => move(table, progress)
      const report = await runTable({ ...request, params, ...shared }, { signal, onProgress })
      if (shared && endsAll(shared.hosts)) ended = true
      end(table, copiedTable(table, report))
    },
  })
}
