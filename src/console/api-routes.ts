/** What the HTTP API can do: one entry for each operation, by which it is served and described. */
import type { ConsoleService, Placed, RunAsked } from './console-service.js'
import type { querySchemas, SchemaName } from './api-schemas.js'
import type { Role } from './access.js'
import type { LimitChange } from '../engine/run-control.js'

export interface Asked {
  readonly taskId: number
  readonly runId: string
  readonly query: { readonly task?: number; readonly limit?: number }
  readonly body: unknown
  /** The version that somebody has seen of what they change (`versionOf`); null: whatever it is. */
  readonly seen: string | null
}

export interface ApiRoute {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:taskId` and `:runId` are its params. */
  readonly path: string
  readonly summary: string
  readonly role: Role
  readonly query?: keyof typeof querySchemas
  readonly body?: SchemaName
  /** The answer is a task, with its version as its ETag. `If-Match` of a change names one. */
  readonly versioned?: true
  /** null: nothing. */
  readonly result: { readonly schema: SchemaName; readonly list?: true } | { readonly any: true } | null
  act(console: ConsoleService, asked: Asked): Promise<unknown>
}

const list = (schema: SchemaName) => ({ schema, list: true }) as const

export const apiRoutes: readonly ApiRoute[] = [
  {
    id: 'listTasks',
    method: 'GET',
    path: '/tasks',
    summary: 'All tasks, with their last and next run',
    role: 'reader',
    result: list('TaskSummary'),
    act: (console) => console.tasks.list(),
  },
  {
    id: 'addTask',
    method: 'POST',
    path: '/tasks',
    summary: 'Adds a task, offline unless online_status is 1',
    role: 'operator',
    body: 'TaskFields',
    result: { schema: 'Task' },
    act: (console, { body }) => console.tasks.add(body),
  },
  {
    id: 'getTask',
    method: 'GET',
    path: '/tasks/:taskId',
    summary: 'One task',
    role: 'reader',
    versioned: true,
    result: { schema: 'Task' },
    act: (console, { taskId }) => console.tasks.get(taskId),
  },
  {
    id: 'changeTask',
    method: 'PATCH',
    path: '/tasks/:taskId',
    summary:
      'Changes some fields of a task. With If-Match, the ETag of the task as it was read: 412 where somebody else has changed one of these fields since',
    role: 'operator',
    body: 'TaskFields',
    versioned: true,
    result: { schema: 'Task' },
    act: (console, { taskId, body, seen }) => console.tasks.change(taskId, body, seen),
  },
  {
    id: 'removeTask',
    method: 'DELETE',
    path: '/tasks/:taskId',
    summary: 'Removes a task and its watermarks; its runs stay in the history',
    role: 'operator',
    result: null,
    act: (console, { taskId }) => console.tasks.remove(taskId),
  },
  {
    id: 'cloneTask',
    method: 'POST',
    path: '/tasks/:taskId/clone',
    summary: 'Adds a task like this one, offline',
    role: 'operator',
    body: 'Empty',
    result: { schema: 'Task' },
    act: (console, { taskId }) => console.tasks.clone(taskId),
  },
  {
    id: 'runTask',
    method: 'POST',
    path: '/tasks/:taskId/run',
    summary: 'Starts a run',
    role: 'operator',
    body: 'RunAsked',
    result: { schema: 'Begun' },
    act: async (console, { taskId, body }) => ({
      runId: await console.startRun(taskId, (body ?? {}) as RunAsked),
    }),
  },
  {
    id: 'planTask',
    method: 'POST',
    path: '/tasks/:taskId/plan',
    summary: 'What a run would do, and why; writes nothing',
    role: 'operator',
    body: 'Empty',
    result: { any: true },
    act: (console, { taskId }) => console.plan(taskId),
  },
  {
    id: 'verifyTask',
    method: 'POST',
    path: '/tasks/:taskId/verify',
    summary: 'Compares both tables; with repair, makes the target like the source',
    role: 'operator',
    body: 'VerifyAsked',
    result: { schema: 'Verification' },
    act: (console, { taskId, body }) => {
      const { repair, ...placed } = (body ?? {}) as Placed & { readonly repair?: boolean }
      return console.verify(taskId, repair === true ? 'repair' : 'verify', placed)
    },
  },
  {
    id: 'listRuns',
    method: 'GET',
    path: '/runs',
    summary: 'Runs, newest first',
    role: 'reader',
    query: 'runs',
    result: list('Run'),
    act: (console, { query: { task = null, limit = 50 } }) => console.runs(task, limit),
  },
  {
    id: 'getRun',
    method: 'GET',
    path: '/runs/:runId',
    summary: 'One run, with its report',
    role: 'reader',
    result: { schema: 'RunDetail' },
    act: (console, { runId }) => console.run(runId),
  },
  {
    id: 'stopRun',
    method: 'POST',
    path: '/runs/:runId/stop',
    summary: 'Stops a run on this machine; what it has committed stays, and it can be resumed',
    role: 'operator',
    body: 'Empty',
    result: null,
    act: (console, { runId }) => console.stop(runId),
  },
  {
    id: 'resumeRun',
    method: 'POST',
    path: '/runs/:runId/resume',
    summary: 'Goes on with a run that ended early',
    role: 'operator',
    body: 'Placed',
    result: { schema: 'Begun' },
    act: async (console, { runId, body }) => ({
      runId: await console.resume(runId, (body ?? {}) as Placed),
    }),
  },
  {
    id: 'throttleRun',
    method: 'POST',
    path: '/runs/:runId/throttle',
    summary: 'Changes how fast a run on this machine may go',
    role: 'operator',
    body: 'Limits',
    result: { any: true },
    act: (console, { runId, body }) => console.throttle(runId, body as LimitChange),
  },
  {
    id: 'listVerifications',
    method: 'GET',
    path: '/verifications',
    summary: 'What the newest 20 comparisons, of one task or of all, have found',
    role: 'reader',
    query: 'verifications',
    result: list('Verification'),
    act: (console, { query: { task = null } }) => console.verifications(task),
  },
  {
    id: 'listHosts',
    method: 'GET',
    path: '/hosts',
    summary: 'Workers that are connected, and what they do; none without "serve --workers"',
    role: 'reader',
    result: list('Host'),
    act: (console) => console.hosts(),
  },
]
