// A receiver of alerts, and a configuration that names it.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TaskFixture } from './task-fixture.js'

interface Received {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A receiver of hooks; it says nothing at all to `/hang`. */
export async function receiver(): Promise<{ server: Server; url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    received.push({ path: request.url!, body: JSON.parse(await text(request)) as Received['body'] })
    if (request.url === '/hang') return
    if (request.url === '/broken') response.statusCode = 502
    response.end('{"errcode":0,"code":0}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

export function configure(fixture: TaskFixture, blocks: object): void {
  const file = join(fixture.folder, 'local.json')
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...blocks }))
}
