/** What the HTTP API can do: one entry for each operation, by which it is served and described. */
import type { ConsoleService, RunAsked } from './console-service.js'
import type { SchemaName } from './api-schemas.js'
import type { Role } from './access.js'
import type { LimitChange } from '../engine/run-control.js'

export interface Asked {
  readonly taskId: number
  readonly runId: string
  readonly query: { readonly task?: number; readonly limit?: number }
  readonly body: unknown
}

export interface ApiRoute {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:taskId` and `:runId` are its params. */
  readonly path: string
  readonly summary: string
  readonly role: Role
  readonly query?: 'runs'
  readonly body?: SchemaName
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
    act: (console) => console.tasks(),
  },
  {
    id: 'addTask',
    method: 'POST',
    path: '/tasks',
    summary: 'Adds a task, offline unless online_status is 1',
    role: 'operator',
    body: 'TaskFields',
    result: { schema: 'Task' },
    act: (console, { body }) => console.addTask(body),
  },
  {
    id: 'getTask',
    method: 'GET',
    path: '/tasks/:taskId',
    summary: 'One task',
    role: 'reader',
    result: { schema: 'Task' },
    act: (console, { taskId }) => console.task(taskId),
  },
  {
    id: 'changeTask',
    method: 'PATCH',
    path: '/tasks/:taskId',
    summary: 'Changes some fields of a task',
    role: 'operator',
    body: 'TaskFields',
    result: { schema: 'Task' },
    act: (console, { taskId, body }) => console.changeTask(taskId, body),
  },
  {
    id: 'removeTask',
    method: 'DELETE',
    path: '/tasks/:taskId',
    summary: 'Removes a task and its watermarks; its runs stay in the history',
    role: 'operator',
    result: null,
    act: (console, { taskId }) => console.removeTask(taskId),
  },
  {
    id: 'cloneTask',
    method: 'POST',
    path: '/tasks/:taskId/clone',
    summary: 'Adds a task like this one, offline',
    role: 'operator',
    body: 'Empty',
    result: { schema: 'Task' },
    act: (console, { taskId }) => console.cloneTask(taskId),
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
    act: (console, { taskId, body }) =>
      console.verify(
        taskId,
        (body as { readonly repair?: boolean } | null)?.repair === true ? 'repair' : 'verify',
      ),
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
    body: 'Empty',
    result: { schema: 'Begun' },
    act: async (console, { runId }) => ({ runId: await console.resume(runId) }),
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
    summary: 'What comparisons that the console started have found, newest first',
    role: 'reader',
    result: list('Verification'),
    act: async (console) => console.verifications(),
  },
]
