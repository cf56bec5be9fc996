import type { ErrorReport } from '../../contract/errors.js'
import type { SplitCounts } from '../../engine/messages.js'

/** What a worker says of itself to the coordinator of a run, every two seconds. */
export interface HostBeat {
  /** For people: which host it is, and which process. */
  readonly name: string
  /** That do the jobs of this run. */
  readonly threads: number
  /** How far each job has got that it has in hand, by its index. */
  readonly active: readonly (readonly [index: number, counts: SplitCounts])[]
  /** Why it takes no part; null: it does. */
  readonly refused: ErrorReport | null
}

export const BEAT_MS = 2_000
