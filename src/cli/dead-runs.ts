import { RowshiftError } from '../contract/errors.js'
import { log } from '../log.js'
import type { Task, TaskStore } from '../contract/task-store.js'

/**
 * Marks the runs of these tasks as `interrupted` that say `running` although their process is gone, so that none says so for
 * ever: whoever can take the lock of a task knows that nobody runs it. Resolves to the ids of these runs. A store that this user
 * may only read is left as it is.
 */
export async function markDeadRuns(
  store: TaskStore,
  taskIds: readonly number[],
): Promise<ReadonlySet<string>> {
  const dead = new Set<string>()
  for (const id of new Set(taskIds)) {
    try {
      if (!(await store.lock(id))) continue
      try {
        for (const run of await runningOf(store, id)) dead.add(run)
        await store.interruptRuns(id)
        if ((await store.get(id))?.task_status === 'running') await store.setStatus(id, 'interrupted')
      } finally {
        await store.unlock(id)
      }
    } catch (thrown) {
      log.warn({ taskId: id }, `runs that died could not be marked: ${RowshiftError.from(thrown).message}`)
    }
  }
  return dead
}

/** The tasks as they stand when runs that died are marked. */
export async function withoutDeadRuns(store: TaskStore, tasks: readonly Task[]): Promise<readonly Task[]> {
  const running = tasks.filter(({ task_status }) => task_status === 'running').map(({ id }) => id)
  if (running.length === 0) return tasks
  await markDeadRuns(store, running)
  const states = await Promise.all(running.map((id) => store.get(id)))
  return tasks.map((task) => states.find((state) => state?.id === task.id) ?? task)
}

async function runningOf(store: TaskStore, taskId: number): Promise<string[]> {
  const runs = await store.history(taskId, 1000)
  return runs.filter(({ status }) => status === 'running').map(({ run_id }) => run_id)
}
