// A stored task that is verified and repaired: its lock, its history, its params.
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunRecord } from '../../src/contract/plugin.js'
import { connect } from '../support/client.js'
import { oneServer, servers, startCli } from '../support/context.js'
import { expectRefusal } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const everywhere = () => [...oneServer(), null]

describe('verify of a task', () => {
  it('takes the lock of the task to repair, and none to look', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const first = fixture.start('run', '5')
      await fixture.untilRunning(5, first)
      const repair = await fixture.cli('verify', '5', '--repair')
      expectRefusal(repair, 1, 'TASK_RUNNING', `process ${first.pid}`)
      const look = await fixture.cli('verify', '5')
      expect(look.code, look.stderr).to.equal(4)
      expect(look.stdout).to.include('3 missing')
      await release()
      expect(await first.code(), first.stderr).to.equal(0)
      expect(await fixture.json<RunRecord[]>('history')).to.have.length(1)
    }
  })

  it('leaves a repair in the history as a run of mode sync, and a look not at all', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      for (const table of ['src', 'dst']) {
        await fixture.data.value(`DROP TABLE ${table}`)
        await fixture.data.value(`CREATE TABLE ${table} (id INTEGER NOT NULL PRIMARY KEY, v INT)`)
      }
      await fixture.data.value('INSERT INTO src VALUES (1, 1), (2, 2), (3, 3)')
      const repair = fixture.start('verify', '5', '--repair')
      expect(await repair.code(), repair.stderr).to.equal(0)
      expect(Number(await fixture.data.value('SELECT COUNT(*) FROM dst'))).to.equal(3)
      expect((await fixture.cli('verify', '5')).code).to.equal(0)
      const history = await fixture.json<RunRecord[]>('history')
      expect(history).to.have.length(1)
      expect(history[0]).to.deep.include({
        run_id: repair.report().runId,
        mode: 'sync',
        status: 'success',
        pid: repair.pid,
        rows_written: 3,
      })
      expect(await fixture.status(5)).to.equal('success')
    }
  })

  it('repairs no task that is offline, and looks at it all the same', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst', { online: 0 })
      expectRefusal(await fixture.cli('verify', '5', '--repair'), 2, 'TASK_OFFLINE', 'online_status is 0')
      expect(Number(await fixture.data.value('SELECT COUNT(*) FROM dst'))).to.equal(0)
      expect(await fixture.json<RunRecord[]>('history')).to.have.length(0)
      expect((await fixture.cli('verify', '5')).code).to.equal(4)
    }
  })

  it('gives its result before it is kept, also while the task store does not answer', async () => {
    const [server] = oneServer()
    const fixture = await TaskFixture.create(server!)
    await fixture.addTask(5, 'dst')
    const { host, port, user, password } = server!
    const { database } = fixture.storeDatabase
    const session = await connect(server!.kind, { host, port, user, password, database })
    try {
      await session.query('LOCK TABLES rowshift_run WRITE')
      const look = startCli(['verify', '5', '-c', fixture.folder])
      const ended = once(look, 'exit')
      const errors = text(look.stderr)
      let shown = ''
      look.stdout.on('data', (part: Buffer) => (shown += part.toString()))
      await until('the result', () => Promise.resolve(shown.includes('3 missing')))
      // Whoever does not want to wait gets the exit code all the same.
      look.kill('SIGINT')
      expect((await ended)[0], await errors).to.equal(4)
    } finally {
      await session.end()
    }
  })

  it('warns that a snapshot is for copies only', async () => {
    const fixture = await TaskFixture.create(servers()[0]!)
    await fixture.addTask(5, 'dst', { params: '{"consistency": "snapshot"}' })
    const { stderr } = await fixture.cli('verify', '5')
    expect(stderr).to.match(/warning +params\.consistency is "snapshot"/)
  })
})
