import type { ErrorReport } from '../../contract/errors.js'
import type { SplitCounts } from '../../engine/messages.js'

/** What a worker says of itself to the coordinator of a run, every two seconds. */
export interface HostBeat {
  /** For people: which host it is, and which process. */
  readonly name: string
  /** That do the jobs of this run. */
  readonly threads: number
  /** Of late. */
  readonly rowsPerSecond: number
  /** How far each job has got that it has in hand, by the run of its table and its index. */
  readonly active: readonly (readonly [run: string, index: number, counts: SplitCounts])[]
  /** Why it takes no part; null: it does. */
  readonly refused: ErrorReport | null
}

/** In the place of a run: a worker says that it is there, with all its threads, whether or not it has a run. */
export const EVERY_RUN = 'every-run'

export const BEAT_MS = 2_000
