/** The task store that the configuration names, and the tasks in it. */
import { Config } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import { openAll } from '../contract/opening.js'
import type { Task, TaskStore } from '../contract/task-store.js'
import type { ConfigOptions } from './options.js'

/** The configured task store, open for as long as `use` takes. */
export async function withStore<T>(
  options: ConfigOptions,
  signal: AbortSignal,
  use: (store: TaskStore, config: Config) => Promise<T>,
): Promise<T> {
  const { store, config } = await openStore(options, signal)
  try {
    return await use(store, config)
  } finally {
    await store.close()
  }
}

/** The same for whoever closes it. */
export async function openStore(
  options: ConfigOptions,
  signal: AbortSignal,
): Promise<{ readonly store: TaskStore; readonly config: Config }> {
  const config = Config.load(options.config, options.env)
  const { loaded, connection } = await config.taskStore()
  const store = loaded.plugin.createTaskStore?.(connection)
  if (!store) {
    throw new RowshiftError(
      'PLUGIN_UNKNOWN',
      `Databases of type "${loaded.type}" cannot hold the task tables.`,
    )
  }
  await openAll([store], signal)
  return { store, config }
}

/** Throws TASK_NOT_FOUND. */
export async function findTask(store: TaskStore, id: number): Promise<Task> {
  const task = await store.get(id)
  if (task) return task
  throw new RowshiftError('TASK_NOT_FOUND', `There is no task ${id}. "rowshift list" shows the tasks.`, {
    taskId: id,
  })
}

export function isOnline({ online_status }: Task): boolean {
  return online_status === 1
}

/** A task that may write its target. Throws TASK_OFFLINE. */
export async function findOnlineTask(store: TaskStore, id: number): Promise<Task> {
  const task = await findTask(store, id)
  if (isOnline(task)) return task
  throw new RowshiftError(
    'TASK_OFFLINE',
    `Task ${id} is offline (online_status is ${task.online_status}, not 1). Set online_status to 1 to run or repair it.`,
    { taskId: id },
  )
}
