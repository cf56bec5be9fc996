// What a run tells to whoever watches it, and what either end must bear of the other.
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { newRunId } from '../../src/engine/report.js'
import { controlFolder } from '../../src/engine/run-control.js'
import { RunFeed, watchRun, type FeedLine } from '../../src/engine/run-feed.js'
import { until } from '../support/until.js'

const pathOf = (runId: string) => join(controlFolder(), `${runId}.live`)

function watched(runId: string) {
  const lines: FeedLine[] = []
  let ended = false
  const watcher = watchRun(
    runId,
    (line) => lines.push(line),
    () => (ended = true),
  )
  return { lines, watcher, ended: () => ended }
}

describe('the feed of a run', () => {
  it('outlives whoever watches it and dies with lines unread', async () => {
    const runId = newRunId()
    const feed = new RunFeed({ runId, taskId: null, kind: 'copy', from: 'a', to: 'b' })
    // More than the watcher takes before anybody reads.
    feed.plan('x'.repeat(500_000), null)
    const dying = createConnection(pathOf(runId))
    await once(dying, 'readable')
    dying.destroy()
    const other = watched(runId)
    await until('its plan', () => other.lines.length === 2)
    feed.end()
    await until('the end', other.ended)
    expect(other.lines.map(({ type }) => type)).to.deep.equal(['hello', 'plan'])
  })

  it('may be cut off in the middle of a line', async () => {
    const runId = newRunId()
    const server = createServer((socket) => socket.end('{"type":"hel'))
    await once(server.listen(pathOf(runId)), 'listening')
    const { lines, ended } = watched(runId)
    await until('the end', ended)
    server.close()
    expect(lines).to.deep.equal([])
  })
})
