import type { RunRecord, Task, TaskStore } from '../contract/task-store.js'

const RECENT_RUNS = 500

/** The newest run of each task, by its id. */
export async function lastRuns(store: TaskStore, tasks: readonly Task[]): Promise<Map<number, RunRecord>> {
  const recent = await store.history(null, RECENT_RUNS)
  const last = new Map(recent.toReversed().map((run) => [run.task_id, run]))
  // Runs of others may have left no place for theirs.
  const unseen = recent.length < RECENT_RUNS ? [] : tasks.filter(({ id }) => !last.has(id))
  for (const { id } of unseen) for (const run of await store.history(id, 1)) last.set(id, run)
  return last
}
