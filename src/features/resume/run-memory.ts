import { closeAll, openAll } from '../../contract/opening.js'
import type { TableAt } from '../../engine/endpoints.js'
import { endpointsOf, writersOf } from '../../engine/endpoints.js'

/** Who remembers what became of a run, elsewhere than in its target: until that is done, the target still knows the run. */
export interface RunMemory {
  /** Whether one of these executions is known to have succeeded. */
  readonly succeeded: (executions: readonly string[]) => Promise<boolean>
  /** The run has succeeded; its checkpoints are to be removed when that is remembered. */
  readonly keep: (run: string) => void
}

/** Removes the checkpoints of runs that are remembered. */
export async function forgetRuns(
  to: TableAt,
  session: readonly string[],
  runs: readonly string[],
): Promise<void> {
  const writers = writersOf(to.loaded.plugin, endpointsOf(to, session))
  try {
    await openAll(writers)
    for (const run of runs) for (const { skills } of writers) await skills.checkpoints?.end(run)
  } finally {
    await closeAll(writers)
  }
}
