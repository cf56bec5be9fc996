/** Who is let in, and how errors are answered. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RowshiftError, redact } from '../contract/errors.js'
import { log } from '../log.js'
import type { Access, Role } from './access.js'
import { ACT_HEADER, bearerOf, isOwnOrigin } from './access.js'
import type { ConsoleService } from './console-service.js'
import type { Metrics } from './metrics.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** null: nobody that we know. */
    role: Role | null
  }
}

export interface ServerSetup {
  readonly console: ConsoleService
  readonly access: Access
  readonly metrics: Metrics
  /** Gets a line for each action. */
  readonly audit: (entry: Readonly<Record<string, unknown>>) => void
}

/** A hook that lets in whoever may do what that role may. */
export function needs(role: Role): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    if (request.role === null) throw new Refused(401, 'USAGE', 'Send the token: "Authorization: Bearer …".')
    if (role === 'operator' && request.role !== 'operator')
      throw new Refused(403, 'ACCESS_DENIED', 'This token is for reading only.')
    if (request.method === 'GET' || bearerOf(request.headers.authorization) !== undefined) return
    const { origin, host, 'sec-fetch-site': site } = request.headers
    if (request.headers[ACT_HEADER] === undefined || !isOwnOrigin(origin, site as string | undefined, host))
      throw new Refused(403, 'ACCESS_DENIED', 'This request does not come from a page of the console.')
  }
}

/** Wrong tokens. */
export function tooMany(): RowshiftError {
  return new Refused(429, 'ACCESS_DENIED', 'Too many wrong tokens were sent: try again in a while.')
}

class Refused extends RowshiftError {
  readonly statusCode: number

  constructor(status: number, code: 'USAGE' | 'ACCESS_DENIED', message: string) {
    super(code, message)
    this.statusCode = status
  }
}

const STATUS: Readonly<Record<string, number>> = {
  TASK_NOT_FOUND: 404,
  TASK_RUNNING: 409,
  TASK_OFFLINE: 409,
  TASK_CHANGED: 412,
  RESUME_REFUSED: 409,
  RUN_TAKEN: 409,
  CONNECTION_FAILED: 503,
  CONNECTION_LOST: 503,
  CONNECTION_LIMIT: 503,
  TASK_STORE_MISSING: 503,
  INTERRUPTED: 503,
  INTERNAL: 500,
}

/** Errors of the framework have a status of their own: a body that is no JSON, or too large. */
export function statusOf(thrown: unknown): number {
  const { statusCode } = thrown as { readonly statusCode?: unknown }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) return statusCode
  const { code } = RowshiftError.from(thrown)
  // Of a task that cannot be planned or run, the request is to blame, not this server.
  return STATUS[code] ?? (code === 'USAGE' || code.endsWith('_INVALID') ? 400 : 409)
}

export function answerError(thrown: unknown, reply: FastifyReply): void {
  const status = statusOf(thrown)
  const own = thrown instanceof RowshiftError
  const error = own
    ? thrown
    : status < 500
      ? new RowshiftError('USAGE', (thrown as Error).message)
      : RowshiftError.from(thrown)
  if (status === 500) log.error(redact(String((thrown as Error).stack ?? thrown)))
  void reply.status(status).send({ error: { code: error.code, message: redact(error.message) } })
}
