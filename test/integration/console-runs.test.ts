// Runs that the console starts by itself, and what becomes of them when it ends.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { RunDetail, RunSummary } from '../../src/console/run-records.js'
import { ConsoleServer } from '../support/console.js'
import { oneServer } from '../support/context.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

describe('schedules of the console', () => {
  let fixture: TaskFixture
  let console: ConsoleServer

  before(async () => {
    fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst')
    await fixture.addTask(6, 'dst2')
    expect((await fixture.cli('run', '5')).code).to.equal(0)
    console = await ConsoleServer.start(fixture.folder)
  })
  after(() => console.stop())

  it('starts runs by the cron of a task, one at a time', async () => {
    const runsOf = (task: number) => console.api<RunSummary[]>('GET', `/runs?task=${task}`)
    // A rule that is new is about what comes, also where the newest run is older than what was due by it.
    const before = (await runsOf(5)).length
    await fixture.store.value("UPDATE rowshift_run SET start_time = '2001-01-01 00:00:00' WHERE task_id = 5")
    await console.api('PATCH', '/tasks/5', { params: { cron: '0 0 1 1 *' } })
    await console.api('PATCH', '/tasks/6', { params: { write_mode: 'upsert', cron: '* * * * * *' } })
    const ended = async () =>
      (await console.api<RunSummary[]>('GET', '/runs?task=6')).filter(({ status }) => status === 'success')
        .length
    await until('scheduled runs', async () => (await ended()) >= 4)
    await console.api('PATCH', '/tasks/6', { params: {} })
    expect(console.errors).to.include('"action":"schedule","task":6')
    expect(
      (await console.api<RunSummary[]>('GET', '/runs?task=6')).map(({ status }) => status),
    ).not.to.include('failed')
    expect(await runsOf(5)).to.have.length(before)
    // But one that starts makes up for it.
    const another = await ConsoleServer.start(fixture.folder)
    try {
      await until('what was missed', async () => (await runsOf(5)).length > before)
    } finally {
      await another.stop()
    }
    await console.api('PATCH', '/tasks/5', { params: {} })
  })

  it('says which scheduled runs came to nothing', async () => {
    const file = join(fixture.folder, 'local.json')
    const config = readFileSync(file)
    await console.api('PATCH', '/tasks/6', { params: { write_mode: 'upsert', cron: '* * * * * *' } })
    try {
      writeFileSync(file, '{')
      await until('the audit', () =>
        /"action":"schedule","task":6,.*"status":4\d\d,"error":"CONFIG_/.test(console.errors),
      )
      // It is said behind the line of the audit.
      await until('the error', () => console.errors.includes('a scheduled run has failed'))
    } finally {
      writeFileSync(file, config)
      await console.api('PATCH', '/tasks/6', { params: {} })
    }
  })
})

describe('the end of a console', () => {
  it('stops its runs in order, also where they are sent the signal as well', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst')
    await fixture.addTask(6, 'dst2')
    // Of a terminal, all that it runs gets Ctrl-C; of a service, all that it has started gets the signal.
    const console = await ConsoleServer.start(fixture.folder, { detached: true })
    const release = await Promise.all(['dst', 'dst2'].map((table) => fixture.data.hold(table)))
    try {
      const pids: number[] = []
      for (const task of [5, 6]) {
        const { runId } = await console.api<{ runId: string }>('POST', `/tasks/${task}/run`, {})
        await until('the run', async () => (await fixture.status(task)) === 'running')
        pids.push((await console.api<RunDetail>('GET', `/runs/${runId}`)).pid!)
      }
      process.kill(pids[0]!, 'SIGTERM')
      process.kill(-console.pid, 'SIGINT')
      expect(await console.exit(), console.errors).to.equal(0)
    } finally {
      for (const each of release) await each()
    }
    expect(
      await fixture.store.value('SELECT GROUP_CONCAT(status) FROM rowshift_run WHERE report IS NOT NULL'),
    ).to.equal('interrupted,interrupted')
  })
})
