import type { ErrorReport, RowshiftError } from '../src/contract/errors.js'
import type { Reader, Writer } from '../src/contract/plugin.js'
import type { Failure, WorkerMessage } from '../src/engine/messages.js'
import type { Lane } from './thread-lanes.js'

/** The connections of a thread: of all runs that it copies splits of. */
export interface CopyEndpoints {
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
}

/** What the copiers of a thread have together. */
export interface CopierHost {
  readonly reads: Lane
  readonly writes: Lane
  /** Whether the readers see the moment of a snapshot. */
  readonly inSnapshot: boolean
  /** Aborts when all that the thread does is to stop. */
  readonly signal: AbortSignal
  opened(): Promise<CopyEndpoints>
  /** Whether they are open now. */
  areOpen(writers: readonly Writer[]): boolean
  post(message: WorkerMessage): void
  failure(
    error: RowshiftError,
    report: ErrorReport,
    facts: { readonly undone: boolean; readonly knowable?: boolean },
  ): Failure
}
