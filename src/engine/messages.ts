import type { ErrorReport } from '../errors.js'
import type { Endpoint, Plan } from '../plugin.js'

/** The whole protocol between the coordinator and its worker threads. Row counts travel, rows never do. */

/** What every worker thread starts with (`workerData`). */
export interface WorkerSetup {
  readonly plan: Plan
  readonly source: Endpoint
  readonly target: Endpoint
  /** Name of the BroadcastChannel on which the coordinator speaks to all threads at once. */
  readonly control: string
}

/** Coordinator to all threads: give up what you are doing; or: nothing more will come, close your connections. */
export type ControlMessage = 'abort' | 'close'

/** How far a split has got; each message replaces the one before. */
export interface SplitCounts {
  readonly rowsRead: number
  /** Handed to the target, not necessarily committed. */
  readonly rowsWritten: number
  readonly bytes: number
}

/** Thread to coordinator, at any time. */
export type WorkerMessage =
  | { readonly type: 'opened' }
  | { readonly type: 'progress'; readonly split: number; readonly counts: SplitCounts }
  | { readonly type: 'closed' }

/** Thread to coordinator, as the result of a split. Errors lose their fields when thrown across threads. */
export type SplitResult =
  { readonly ok: true; readonly counts: SplitCounts } | { readonly ok: false; readonly error: ErrorReport }
