/** The HTTP server of the console: who is let in, the headers of every answer, the API, the pages, and the stream of events. */
import type { FastifyInstance } from 'fastify'
import { answerError, needs, tooMany, type ServerSetup } from './answers.js'
import { serveApi } from './api.js'
import { serveAssets } from './assets.js'
import { serveEvents } from './event-stream.js'
import { servePages } from './pages.js'

const BODY_BYTES = 256 * 1024
const REQUEST_MS = 60_000
const HEADERS_MS = 15_000
const MOST_CONNECTIONS = 2_000

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** Not listening yet. */
export async function makeServer(setup: ServerSetup): Promise<FastifyInstance> {
  const { default: fastify } = await import('fastify')
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_MS,
    connectionTimeout: 0,
    forceCloseConnections: true,
    // What is sent is refused where it is not right, and never changed.
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allowUnionTypes: true,
      },
    },
  })
  app.server.headersTimeout = HEADERS_MS
  app.server.maxConnections = MOST_CONNECTIONS
  app.decorateRequest('role', null)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    const { authorization, cookie } = request.headers
    request.role = setup.access.roleOf({ authorization, cookie, port: request.socket.localPort })
    if (request.role !== null || !/^Bearer /i.test(authorization ?? '')) return
    if (setup.access.isBusy) throw tooMany()
    setup.audit({ action: 'token', by: null, from: request.ip, status: 401 })
    await setup.access.slowDown()
  })
  app.setErrorHandler((thrown, _request, reply) => answerError(thrown, reply))
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/metrics', { onRequest: needs('reader') }, async (_request, reply) => {
    reply.type(setup.metrics.contentType)
    return setup.metrics.text()
  })
  serveAssets(app)
  serveApi(app, setup)
  serveEvents(app, setup)
  servePages(app, setup)
  return app
}
