import { rowshiftVersion } from '../version.js'
import type { ApiRoute } from './api-routes.js'
import { apiRoutes } from './api-routes.js'
import { pathSchemas, querySchemas, schemas } from './api-schemas.js'

export const API_PATH = '/api/v1'

const ERRORS = {
  400: 'The request is not right',
  401: 'No token, or a wrong one',
  403: 'The token is for reading only, or the request does not come from a page of the console',
  404: 'There is no such task or run',
  409: 'It cannot be done now, or at all',
  503: 'The task store cannot be reached',
}

/** The API as an OpenAPI 3.1 document, made of what requests are checked against. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of apiRoutes) {
    const path = API_PATH + route.path.replaceAll(/:(\w+)/g, '{$1}')
    ;(paths[path] ??= {})[route.method.toLowerCase()] = operation(route)
  }
  paths[`${API_PATH}/events`] = { get: events }
  return {
    openapi: '3.1.0',
    info: {
      title: 'rowshift',
      version: rowshiftVersion(),
      description: 'Tasks and runs of one configuration. docs/console.md has the rest.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

const events = {
  operationId: 'events',
  summary:
    'Server-sent events: "run" with a Run that moved, "changed" when there is something new to ask for',
  responses: {
    200: { description: 'Never ends', content: { 'text/event-stream': { schema: { type: 'string' } } } },
  },
}

function operation({ id, method, path, summary, query, body, result, role, versioned }: ApiRoute): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: pathSchemas[name as keyof typeof pathSchemas],
  }))
  const inQuery = Object.entries(query ? querySchemas[query].properties : {}).map(([name, schema]) => ({
    name,
    in: 'query',
    schema,
  }))
  const changes = versioned && method === 'PATCH'
  const ifMatch = { name: 'If-Match', in: 'header', schema: { type: 'string' } }
  const headers = versioned ? { headers: { ETag: { schema: { type: 'string' } } } } : {}
  const errors = changes ? { ...ERRORS, 412: 'Somebody else has changed it' } : ERRORS
  const content = (schema: object) => ({ 'application/json': { schema } })
  return {
    operationId: id,
    summary,
    'x-role': role,
    parameters: [...inPath, ...inQuery, ...(changes ? [ifMatch] : [])],
    ...(body ? { requestBody: { content: content({ $ref: `#/components/schemas/${body}` }) } } : {}),
    responses: {
      ...(result === null
        ? { 204: { description: 'Done' } }
        : { 200: { description: 'Done', ...headers, content: content(resultSchema(result)) } }),
      ...Object.fromEntries(
        Object.entries(errors).map(([status, description]) => [
          status,
          { description, content: content({ $ref: '#/components/schemas/Error' }) },
        ]),
      ),
    },
  }
}

function resultSchema(result: NonNullable<ApiRoute['result']>): object {
  if ('any' in result) return { type: 'object' }
  const one = { $ref: `#/components/schemas/${result.schema}` }
  return result.list ? { type: 'array', items: one } : one
}
