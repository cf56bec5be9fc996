// Runs that the console starts by itself, and what becomes of them when it ends.
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { RunDetail, RunSummary } from '../../src/console/run-records.js'
import type { PresentHost } from '../../src/features/hosts/present-hosts.js'
import { later } from '../../src/console/schedules.js'
import { cronOf } from '../../src/task/cron.js'
import { ConsoleServer } from '../support/console.js'
import { oneServer, runCli, startCli } from '../support/context.js'
import { expectRefusal } from '../support/copying.js'
import { RedisServer } from '../support/redis.js'
import { configure, receiver } from '../support/receiver.js'
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
    // But one that starts makes up for it, unless the rule says otherwise.
    const late = { write_mode: 'upsert', cron: { at: '0 0 1 1 *', missed: 'skip' } }
    await console.api('PATCH', '/tasks/5', { params: late })
    await console.api('PATCH', '/tasks/6', { params: { ...late, cron: late.cron.at } })
    await fixture.store.value("UPDATE rowshift_run SET start_time = '2001-01-01 00:00:00'")
    const made = await ended()
    const another = await ConsoleServer.start(fixture.folder)
    try {
      // Tasks are looked at in order: the one that skips comes first.
      await until('what was missed', async () => (await ended()) > made)
      expect(await runsOf(5)).to.have.length(before)
      expect(another.errors).not.to.include('"task":5')
    } finally {
      await another.stop()
    }
    await console.api('PATCH', '/tasks/5', { params: {} })
    await console.api('PATCH', '/tasks/6', { params: {} })
  })

  it('are put off by chance, as far as the jitter lets them', async () => {
    const now = new Date('2026-01-01T00:00:00Z')
    const delays = async (jitter: number) => {
      const rule = (await cronOf(JSON.stringify({ cron: { at: '0 2 * * *', jitter } })))!
      const due = rule.next(now)!.getTime()
      return Array.from({ length: 100 }, () => later(rule, now)!.getTime() - due)
    }
    expect(new Set(await delays(0))).to.deep.equal(new Set([0]))
    const some = await delays(60)
    expect(Math.min(...some)).to.be.at.least(0)
    expect(Math.max(...some)).to.be.within(1, 60_000)
    expect(new Set(some).size).to.be.above(1)
  })

  it('come as they were due also where the task is changed otherwise before they begin', async () => {
    const runs = async () => (await console.api<RunSummary[]>('GET', '/runs?task=6')).length
    const before = await runs()
    let changes = 0
    await until('the run', async () => {
      const cron = { at: '* * * * * *', jitter: 10 }
      await console.api('PATCH', '/tasks/6', {
        params: { write_mode: 'upsert', read_batch: 100 + ++changes, cron },
      })
      return (await runs()) > before
    })
    await console.api('PATCH', '/tasks/6', { params: {} })
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

describe('a run that was killed', () => {
  it('is said to be over, in its own mode, and its scheduler tells that it failed', async () => {
    const { server, url, received } = await receiver()
    const fixture = await TaskFixture.create(oneServer()[0]!)
    configure(fixture, { alerts: { channels: [{ type: 'webhook', url: `${url}/hook` }] } })
    await fixture.addTask(5, 'dst', { params: '{"mode": "append"}' })
    await fixture.addTask(6, 'dst2', { params: '{"cron": "* * * * * *"}' })
    const release = await Promise.all(['dst', 'dst2'].map((table) => fixture.data.hold(table)))
    const console = await ConsoleServer.start(fixture.folder)
    const status = async (runId: string) => (await console.api<RunDetail>('GET', `/runs/${runId}`)).status
    try {
      await console.api('POST', '/tasks/5/run', {})
      const newest = async (task: number) =>
        (await console.api<RunSummary[]>('GET', `/runs?task=${task}&limit=1`))[0]
      await until(
        'the runs',
        async () => (await newest(5))?.live === true && (await newest(6))?.live === true,
      )
      const [own, scheduled] = [(await newest(5))!, (await newest(6))!]
      expect(own).to.include({ status: 'running', mode: 'append' })
      await console.api('PATCH', '/tasks/6', { online_status: 0 })
      for (const { pid } of [own, scheduled]) process.kill(pid!, 'SIGKILL')
      // Nobody has looked at the list of runs meanwhile.
      await until('the end', async () => (await status(own.runId)) === 'interrupted')
      const { text } = await console.ask('GET', '/tasks')
      expect(text).not.to.include('class="status running"')
      await until('the alert', () => received.length > 0)
      expect(received[0]!.body['alert']).to.include({ event: 'failed', taskId: 6, runId: scheduled.runId })
    } finally {
      for (const each of release) await each()
      await console.stop()
      server.close()
    }
  })
})

describe('workers of other machines', () => {
  it('are shown while they wait and while they work, and take the runs that are given to them', async () => {
    const redis = await RedisServer.start()
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst')
    // A secret may stand in the query as well.
    const queue = `redis://127.0.0.1:${redis.port}?username=queue&password=${redis.password}`
    const console = await ConsoleServer.start(fixture.folder, {}, '--workers', queue)
    const hosts = () => console.api<PresentHost[]>('GET', '/hosts')
    const worker = startCli(['worker', '--connect', redis.url(), '--threads', '2', '-c', fixture.folder])
    const release = await fixture.data.hold('dst')
    try {
      const name = `${hostname()}:${worker.pid}`
      await until('the worker', async () => (await hosts()).length > 0)
      expect((await hosts())[0]).to.deep.include({ name, threads: 2, runs: [], rowsPerSecond: 0 })
      const { runId } = await console.api<{ runId: string }>('POST', '/tasks/5/run', { workers: true })
      const shared = async () => (await hosts()).flatMap(({ runs }) => runs)
      await until('the split', async () => (await shared()).some(({ splits }) => splits.length > 0))
      expect((await shared())[0]).to.deep.include({
        runId,
        threads: 2,
        splits: [{ split: 0, rowsRead: 3, rowsDone: 0 }],
        refused: null,
      })
      expect((await hosts())[0]!.silentSeconds).to.be.within(0, 15)
      const { text } = await console.ask('GET', '/hosts')
      expect(text)
        .to.include(name)
        .and.include(`href="/runs/${runId}"`)
        .and.include('rowshift hosts --connect redis://')
      expect(text).not.to.include(redis.password)
      const { stdout } = await runCli(['hosts', '--connect', redis.url()])
      expect(stdout).to.include(name).and.include(runId)
      // Nothing keeps one alive that cannot do what it is asked for, though a run is under way that it could watch.
      const wrong = redis.url().replace(redis.password, 'wrong')
      const serve = ['serve', '-c', fixture.folder, '--port', '0', '--workers', wrong]
      expectRefusal(await runCli(serve, { timeout: 40_000 }), 1, 'ACCESS_DENIED', 'refused the login')
      await release()
      const detail = () => console.api<RunDetail>('GET', `/runs/${runId}`)
      await until('its end', async () => (await detail()).status !== 'running')
      expect((await detail()).reasons.join()).to.include('1 worker took part')
      worker.kill('SIGTERM')
      await until('the worker to be gone', async () => (await hosts()).length === 0)
      await redis.stop()
      expect((await console.ask('GET', '/api/v1/hosts')).status).to.equal(503)
      expect((await console.ask('GET', '/hosts')).text).to.match(/CONNECTION_(LOST|FAILED)/)
      expect((await console.ask('GET', '/tasks')).status).to.equal(200)
    } finally {
      worker.kill('SIGKILL')
      await release().catch(() => {})
      await console.stop()
      await redis.stop()
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
