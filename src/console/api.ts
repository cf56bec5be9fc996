import type { FastifyInstance, FastifyRequest } from 'fastify'
import { RowshiftError } from '../contract/errors.js'
import type { Task } from '../contract/task-store.js'
import type { ApiRoute, Asked } from './api-routes.js'
import { apiRoutes } from './api-routes.js'
import { schemas } from './api-schemas.js'
import { API_PATH, openApi } from './openapi.js'
import type { ServerSetup } from './answers.js'
import { needs, statusOf } from './answers.js'
import { etagOf, versionIn } from './task-version.js'

const MOST_RUNS = 500
const LARGEST_ID = 2 ** 31

export function serveApi(app: FastifyInstance, setup: ServerSetup): void {
  app.get(`${API_PATH}/openapi.json`, { onRequest: needs('reader') }, async () => openApi())
  for (const route of apiRoutes) serve(app, route, setup)
}

function serve(app: FastifyInstance, route: ApiRoute, { console, audit }: ServerSetup): void {
  app.route({
    method: route.method,
    url: API_PATH + route.path,
    onRequest: needs(route.role),
    ...(route.body ? { schema: { body: { anyOf: [schemas[route.body], { type: 'null' }] } } } : {}),
    handler: async (request, reply) => {
      const asked = askedBy(request)
      const entry = {
        action: route.id,
        by: request.role,
        from: request.ip,
        ...namesOf(request),
        asked: request.body ?? undefined,
      }
      try {
        const result = await route.act(console, asked)
        if (route.role === 'operator') audit({ ...entry, ...outcome(result) })
        if (route.result === null) return await reply.status(204).send()
        if (route.versioned) reply.header('etag', etagOf(result as Task))
        return result
      } catch (thrown) {
        if (route.role === 'operator')
          audit({ ...entry, status: statusOf(thrown), error: RowshiftError.from(thrown).code })
        throw thrown
      }
    },
  })
}

/** What the action was about. */
function namesOf(request: FastifyRequest): object {
  return request.params as object
}

function outcome(result: unknown): object {
  const { runId, id } = (result ?? {}) as { readonly runId?: string; readonly id?: number }
  return {
    status: 200,
    ...(runId === undefined ? {} : { run: runId }),
    ...(id === undefined ? {} : { task: id }),
  }
}

function askedBy(request: FastifyRequest): Asked {
  const { taskId, runId = '' } = request.params as Readonly<Record<string, string | undefined>>
  const query = request.query as Readonly<Record<string, string | undefined>>
  if (runId !== '' && !/^[\w-]{1,64}$/.test(runId))
    throw new RowshiftError('TASK_NOT_FOUND', 'The history has no run of that name.')
  return {
    taskId: taskId === undefined ? 0 : wholeNumber('task', taskId, LARGEST_ID),
    runId,
    query: {
      ...(query['task'] === undefined ? {} : { task: wholeNumber('task', query['task'], LARGEST_ID) }),
      ...(query['limit'] === undefined
        ? {}
        : { limit: Math.max(1, wholeNumber('limit', query['limit'], MOST_RUNS)) }),
    },
    body: request.body,
    seen: versionIn(request.headers['if-match']),
  }
}

/** Throws USAGE. */
export function wholeNumber(name: string, text: string, most: number): number {
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (Math.abs(value) <= most) return value
  throw new RowshiftError('USAGE', `${name} is a whole number up to ${most}.`)
}
