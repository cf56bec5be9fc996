/** One stream of server-sent events for every page. */
import type { FastifyInstance } from 'fastify'
import { RowshiftError } from '../contract/errors.js'
import type { LiveRun } from './live-runs.js'
import { API_PATH } from './openapi.js'
import { detailOf, liveSummary } from './run-records.js'
import type { ServerSetup } from './answers.js'
import { needs } from './answers.js'

const MOST_STREAMS = 200
const HEARTBEAT_MS = 15_000
/** Of a browser that does not read. */
const MOST_WAITING = 1_000_000

export function serveEvents(app: FastifyInstance, { console }: ServerSetup): void {
  let streams = 0
  app.get(`${API_PATH}/events`, { onRequest: needs('reader') }, (_request, reply) => {
    if (streams >= MOST_STREAMS)
      throw new RowshiftError('CONNECTION_LIMIT', `${MOST_STREAMS} browsers are watching already.`)
    streams++
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream',
      'x-accel-buffering': 'no',
    })
    const send = (event: string, data: unknown) => {
      if (raw.writableLength > MOST_WAITING) raw.destroy()
      else raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    }
    const moved = (live: LiveRun) => send('run', eventOf(live))
    const changed = () => send('changed', {})
    const heartbeat = setInterval(() => raw.write(': \n\n'), HEARTBEAT_MS)
    console.live.on('moved', moved)
    console.on('changed', changed)
    for (const live of console.live.list()) moved(live)
    raw.on('error', () => {})
    raw.on('close', () => {
      streams--
      clearInterval(heartbeat)
      console.live.off('moved', moved)
      console.off('changed', changed)
    })
  })
}

/** Without the plan and the samples, which a page has already. */
function eventOf(live: LiveRun): object {
  const { plan: _, report: __, samples: ___, ...detail } = detailOf(liveSummary(live), null, live)
  return detail
}
