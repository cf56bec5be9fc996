// What a scheduler relies on: one run of a task at a time, runs that die, the status in the task table, run --all.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import type { RunRecord } from '../../src/contract/plugin.js'
import { runCli, oneServer, server, servers } from '../support/context.js'
import { expectRefusal, scratchFile } from '../support/copying.js'
import { lockTable, untilWaiting } from '../support/killed-runs.js'
import { startServer } from '../support/servers.js'
import { TaskFixture, type Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const everywhere = () => [...oneServer(), server('postgres'), null]

/** A port in front of a server, which can be shut. */
class Gate {
  readonly #to: number
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  port = 0

  private constructor(to: number) {
    this.#to = to
  }

  static async before(to: number): Promise<Gate> {
    const gate = new Gate(to)
    await gate.open()
    return gate
  }

  async open(): Promise<void> {
    this.#server = createServer((client) => {
      const server = createConnection(this.#to, '127.0.0.1')
      for (const socket of [client, server]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
      }
      client.pipe(server).pipe(client)
    })
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  async shut(): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    for (const socket of this.#sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
}

describe('one run of a task at a time', () => {
  it('a second run is refused at once and names the holder; the first one is not disturbed', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const first = fixture.start('run', '5')
      await fixture.untilRunning(5, first)
      expect(await fixture.status(5)).to.equal('running')
      const [running] = await fixture.json<RunRecord[]>('history')
      expect((await fixture.cli('history')).stdout).to.include(`${hostname()}, process ${first.pid}`)

      const second = await fixture.cli('run', '5')
      const words = [running!.run_id, hostname(), `process ${first.pid}`, running!.start_time]
      expectRefusal(second, 1, 'TASK_RUNNING', ...words)
      expect(JSON.parse((await fixture.cli('run', '5', '--json')).stdout)).to.nested.include({
        status: 'failed',
        'error.code': 'TASK_RUNNING',
        'error.details.runId': running!.run_id,
        'error.details.pid': first.pid,
      })
      const skipped = await fixture.cli('run', '5', '--skip-running')
      expect(skipped).to.include({ code: 0, stderr: '' })
      expect(skipped.stdout).to.match(/^Skipped\. Task 5 is running already/)

      await release()
      expect(await first.code(), first.stderr).to.equal(0)
      expect(first.report()).to.deep.include({ status: 'success', rowsWritten: 3, warnings: [] })
      expect(await fixture.status(5)).to.equal('success')
      const history = await fixture.json<RunRecord[]>('history')
      expect(history.map(({ status, pid }) => [status, pid])).to.deep.equal([['success', first.pid]])
      const touched = await fixture.store.value('SELECT update_time FROM task_def_sync_manager')
      expect(touched).not.to.equal('2024-07-08 11:00:11')
    }
  })

  it('a run that was killed gives way to the next, which marks it', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const first = fixture.start('run', '5')
      await fixture.untilRunning(5, first)
      first.kill('SIGKILL')
      await first.code()
      await release()
      expect(await fixture.status(5)).to.equal('running')

      const second = fixture.start('run', '5')
      expect(await second.code(), second.stderr).to.equal(0)
      expect(second.stderr).to.match(/earlier run of task 5 did not end; marked interrupted: run \S+ on/)
      expect(second.report().warnings.join()).to.include(`process ${first.pid}`)
      expect(await fixture.status(5)).to.equal('success')
      const history = await fixture.json<RunRecord[]>('history')
      expect(history.map(({ status, pid, end_time }) => [status, pid, end_time === null])).to.deep.equal([
        ['success', second.pid, false],
        ['interrupted', first.pid, true],
      ])
    }
  })

  it('a run that was killed does not stand as running: history and list mark it', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const run = fixture.start('run', '5')
      await fixture.untilRunning(5, run)
      expect((await fixture.json<RunRecord[]>('history'))[0]).to.include({ status: 'running' })
      expect((await fixture.cli('list')).stdout).to.match(/5 +yes .* running/)
      run.kill('SIGKILL')
      await run.code()
      expect((await fixture.json<RunRecord[]>('history'))[0]).to.include({ status: 'interrupted' })
      expect(await fixture.store.value('SELECT status FROM rowshift_run')).to.equal('interrupted')
      expect(await fixture.status(5)).to.equal('interrupted')
      await fixture.store.value("UPDATE task_def_sync_manager SET task_status = 'running'")
      expect((await fixture.cli('list')).stdout).to.match(/5 +yes .* interrupted/)
      await release()
    }
  })

  it('interrupted and failed runs are written back to the task', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const run = fixture.start('run', '5')
      await fixture.untilRunning(5, run)
      run.kill('SIGINT')
      // Before the lock is given up, or a thread that has not heard of it could still commit.
      expect(await run.code(), run.stderr).to.equal(130)
      await release()
      expect(await fixture.status(5)).to.equal('interrupted')
      expect((await fixture.cli('run', '5')).code).to.equal(0)
      expectRefusal(await fixture.cli('run', '5'), 1, 'DUPLICATE_KEY')
      expect(await fixture.status(5)).to.equal('failed')
      expect((await fixture.cli('history')).stdout).to.match(/failed .* DUPLICATE_KEY: \S.{40,}…/)
    }
  })
})

describe('a connection to the task store that is lost', () => {
  const LOCK = "IS_USED_LOCK(CONCAT('rowshift:', LEFT(SHA2(DATABASE(), 256), 40), ':', 5))"

  async function started(fixture: TaskFixture, then: (run: Started) => void = () => {}) {
    await fixture.addTask(5, 'dst')
    const release = await fixture.data.hold('dst')
    const run = fixture.start('run', '5')
    await fixture.untilRunning(5, run)
    // Before the plan it still reads from the store, and fails when that goes away.
    await until('its plan', () => run.stderr.includes('reason   write path'))
    then(run)
    await fixture.store.value(`KILL ${(await fixture.store.value(`SELECT ${LOCK}`)) as string}`)
    return { run, release }
  }

  it('is opened again to write the end, and the report says that the lock was lost', async () => {
    for (const server of oneServer()) {
      const fixture = await TaskFixture.create(server)
      const { run, release } = await started(fixture)
      await release()
      expect(await run.code(), run.stderr).to.equal(0)
      expect(run.report().warnings.join()).to.match(/lock of task 5; it was taken again, and no other run/)
      expect(await fixture.status(5)).to.equal('success')
      expect((await fixture.json<RunRecord[]>('history')).map(({ status }) => status)).to.deep.equal([
        'success',
      ])
    }
  })

  it('does not leave the task unlocked for long', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const fixture = await TaskFixture.create(server)
        const { run, release } = await started(fixture)
        await until(
          'the lock to be taken again',
          async () => (await fixture.store.value(`SELECT ${LOCK}`)) !== null,
        )
        expectRefusal(await fixture.cli('run', '5'), 1, 'TASK_RUNNING', `process ${run.pid}`)
        await release()
        expect(await run.code(), run.stderr).to.equal(0)
      }),
    )
  })

  it('stops the run when another one has the lock by then', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const fixture = await TaskFixture.create(server)
        // Stopped, it cannot take the lock again before the second run does.
        const { run: first, release } = await started(fixture, (run) => run.kill('SIGSTOP'))
        const second = fixture.start('run', '5')
        await fixture.untilRunning(5, second)
        first.kill('SIGCONT')
        expect(await first.code(), first.stderr).to.equal(1)
        await release()
        expect(first.report()).to.nested.include({
          status: 'failed',
          'error.code': 'CONNECTION_LOST',
          'error.details.pid': second.pid,
        })
        expect(await second.code(), second.stderr).to.equal(0)
        expect(await fixture.status(5)).to.equal('success')
        const history = await fixture.json<RunRecord[]>('history')
        expect(history.map(({ status }) => status)).to.deep.equal(['success', 'failed'])
        expect(await fixture.data.value('SELECT COUNT(*) FROM dst')).to.equal('3')
      }),
    )
  })
})

describe('a task store that is away until the end of a run', () => {
  const away = async (then: (run: Started, gate: Gate) => Promise<void>) => {
    const fixture = await TaskFixture.create(servers()[0]!)
    await fixture.addTask(5, 'dst')
    const gate = await Gate.before(servers()[0]!.port)
    const file = join(fixture.folder, 'local.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as { task_meta: object }
    writeFileSync(file, JSON.stringify({ task_meta: { ...config.task_meta, port: gate.port } }))
    const release = await fixture.data.hold('dst')
    const run = fixture.start('run', '5')
    await fixture.untilRunning(5, run)
    await until('its plan', () => run.stderr.includes('reason   write path'))
    try {
      await gate.shut()
      await release()
      await then(run, gate)
    } finally {
      await gate.shut()
    }
    return { run, fixture }
  }

  it('is waited for, and the end is written when it is back', async () => {
    const { run, fixture } = await away(async (run, gate) => {
      await until('the loss to be noticed', () => run.stderr.includes('The task store is lost') || run.ended)
      await gate.open()
      expect(await run.code(), run.stderr).to.equal(0)
    })
    expect(run.report().status).to.equal('success')
    expect(run.report().warnings.join()).to.include('The task store is lost')
    expect(await fixture.status(5)).to.equal('success')
    expect(await fixture.store.value('SELECT status FROM rowshift_run')).to.equal('success')
  })

  it('is given up soon after Ctrl-C; the result of the run stands, and nobody takes it for running', async () => {
    const { run, fixture } = await away(async (run) => {
      await until('the loss to be noticed', () => run.stderr.includes('The task store is lost') || run.ended)
      run.kill('SIGINT')
      expect(await run.code(), run.stderr).to.equal(0)
    })
    expect(run.report()).to.include({ status: 'success', rowsWritten: 3 })
    expect(run.report().warnings.join()).to.include('could not be written to the history')
    const direct = JSON.parse(readFileSync(join(fixture.folder, 'local.json'), 'utf8')) as {
      task_meta: object
    }
    const config = { task_meta: { ...direct.task_meta, port: servers()[0]!.port } }
    writeFileSync(join(fixture.folder, 'local.json'), JSON.stringify(config))
    expect((await fixture.json<RunRecord[]>('history'))[0]).to.include({ status: 'interrupted' })
  })
})

describe('a history that cannot be written', () => {
  it('is said, and the result of the run stands', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const run = fixture.start('run', '5')
      await fixture.untilRunning(5, run)
      await until('its plan', () => run.stderr.includes('reason   '))
      await fixture.store.value('DROP TABLE rowshift_run')
      await release()
      expect(await run.code(), run.stderr).to.equal(0)
      expect(run.report()).to.include({ status: 'success', rowsWritten: 3 })
      expect(run.report().warnings.join()).to.include('could not be written to the history')
    }
  })
})

describe('run --all', () => {
  it('runs every online task in order, goes on after failures, and ends with the code of the worst', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      expect(await fixture.cli('run', '--all')).to.include({ code: 0, stdout: 'No task is online.\n' })
      await fixture.addTask(9, 'nowhere')
      await fixture.addTask(7, 'dst2', { params: '{"worker_num": 1}' })
      const file = scratchFile('json')
      const usage = await fixture.cli('run', '--all', '--report', file)
      expect(usage.code, usage.stderr).to.equal(2)
      expect(usage.stdout)
        .to.match(/^Task 7 success: 3 rows in \d.*\nTask 9 failed: 0 rows/)
        .and.to.match(/7\s+success\s+3 .*\n9\s+failed\s+0 .*TABLE_NOT_FOUND/)
      expect(usage.stderr).to.match(/^rowshift: Task 9: .* \[TABLE_NOT_FOUND\]\n$/)

      await fixture.addTask(3, 'dst')
      await fixture.addTask(8, 'dst3', { online: 0 })
      const mixed = await fixture.cli('run', '--all', '--parallel', '2', '--json')
      expect(mixed.code, mixed.stderr).to.equal(1)
      const reports = JSON.parse(mixed.stdout) as RunReport[]
      expect(reports.map(({ taskId, status, error }) => [taskId, status, error?.code])).to.deep.equal([
        [3, 'success', undefined],
        [7, 'failed', 'DUPLICATE_KEY'],
        [9, 'failed', 'TABLE_NOT_FOUND'],
      ])
      expect(await Promise.all([3, 7, 8, 9].map((id) => fixture.status(id)))).to.deep.equal([
        'success',
        'failed',
        '1',
        'failed',
      ])
    }
  })

  it('ends with 4 when a sync has left rows that differ', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst', { params: '{"mode": "sync", "allow_triggers": true}' })
    await fixture.database.query('CREATE TRIGGER keep BEFORE INSERT ON dst FOR EACH ROW SET NEW.v = 0')
    const { code, stdout, stderr } = await fixture.cli('run', '--all')
    expect(code, stderr).to.equal(4)
    expect(stdout).to.match(/5\s+failed\s+3 .*DIFFERENT/)
  })

  it('passes over a task that is running, which is not a failure', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      const release = await fixture.data.hold('dst')
      const run = fixture.start('run', '--all')
      await fixture.untilRunning(5, run)
      const all = await fixture.cli('run', '--all', '--json')
      expect(all, all.stderr).to.include({ code: 0, stderr: '' })
      expect(JSON.parse(all.stdout)).to.have.length(1)
      expect(JSON.parse(all.stdout)[0]).to.nested.include({ status: 'skipped', 'error.code': 'TASK_RUNNING' })
      await release()
      expect(await run.code(), run.stderr).to.equal(0)
      expect(run.report<RunReport[]>().map(({ status }) => status)).to.deep.equal(['success'])
    }
  })

  it('is stopped by Ctrl-C that comes while it looks which tasks there are', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(1, 'dst')
    const { storeDatabase: db } = fixture
    const unlock = await lockTable(db, 'task_def_sync_manager', 'WRITE')
    const run = fixture.start('run', '--all')
    await untilWaiting(db, 'SELECT id,')
    run.kill('SIGINT')
    await until('its answer', () => run.stderr.includes('Stopping'))
    await unlock()
    expect(await run.code(), run.stderr).to.equal(130)
    expect(await db.value('SELECT COUNT(*) FROM rowshift_run')).to.equal('0')
  })

  it('is stopped by Ctrl-C: the tasks that are left are not begun', async () => {
    const fixture = await TaskFixture.create(servers()[0]!)
    await fixture.addTask(5, 'dst')
    await fixture.addTask(6, 'dst2')
    const release = await fixture.data.hold('dst')
    const run = fixture.start('run', '--all')
    await fixture.untilRunning(5, run)
    run.kill('SIGTERM')
    // Before the lock is given up, or a thread that has not heard of it could still commit.
    expect(await run.code(), run.stderr).to.equal(130)
    await release()
    expect(run.report<RunReport[]>().map(({ taskId, status }) => [taskId, status])).to.deep.equal([
      [5, 'interrupted'],
    ])
    expect(await fixture.status(6)).to.equal('1')
  })
})

describe('the task store', () => {
  it('of an earlier version is brought up to date by init, with its rows', async () => {
    for (const server of everywhere()) {
      const fixture = await TaskFixture.create(server)
      await fixture.addTask(5, 'dst')
      expect((await fixture.cli('run', '5')).code).to.equal(0)
      for (const column of ['host', 'pid'])
        await fixture.store.value(`ALTER TABLE rowshift_run DROP COLUMN ${column}`)
      expectRefusal(
        await fixture.cli('run', '5'),
        2,
        'TASK_STORE_MISSING',
        'rowshift init',
        'earlier version',
      )
      expect(await fixture.json('init')).to.deep.equal({ created: ['rowshift_run.host', 'rowshift_run.pid'] })
      expect(await fixture.json('init')).to.deep.equal({ created: [] })
      expect(await fixture.json<RunRecord[]>('history')).to.have.length(1)
      expectRefusal(await fixture.cli('run', '5'), 1, 'DUPLICATE_KEY')
    }
  })

  it('is brought up to date by two inits at once', async () => {
    for (const server of servers()) {
      const place = await TaskFixture.create(server)
      await place.store.value('ALTER TABLE rowshift_run DROP COLUMN host, DROP COLUMN pid')
      const free = await lockTable(place.storeDatabase, 'rowshift_run')
      const inits = [place.cli('init'), place.cli('init')]
      const waiting =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE '%lock%'"
      await until('both', async () => (await place.storeDatabase.value(waiting)) === '2')
      await free()
      for (const { code, stderr } of await Promise.all(inits)) expect(code, stderr).to.equal(0)
      expect(await place.json('init')).to.deep.equal({ created: [] })
    }
  })

  it('keeps update_time in the time zone of the server', async () => {
    const own = await startServer('mariadb', { serverArgs: ['--default-time-zone=+08:00'] })
    try {
      const fixture = await TaskFixture.create(own)
      await fixture.addTask(5, 'dst')
      expect((await fixture.cli('run', '5')).code).to.equal(0)
      const age = 'SELECT TIMESTAMPDIFF(SECOND, update_time, NOW()) FROM task_def_sync_manager'
      expect(Number(await fixture.store.value(age))).to.be.within(0, 60)
    } finally {
      await own.stop()
    }
  })
})

describe('the command line of runs', () => {
  it('refuses what it cannot make sense of', async () => {
    const fixture = await TaskFixture.create(null)
    expectRefusal(await fixture.cli('run'), 2, 'USAGE', '--all')
    expectRefusal(await fixture.cli('run', '5', '--all'), 2, 'USAGE', '--all')
    expectRefusal(await fixture.cli('run', '5', '--parallel', '2'), 2, 'USAGE', '--parallel')
    expectRefusal(await fixture.cli('run', '--all', '--parallel', '0'), 2, 'USAGE', '--parallel')
    expectRefusal(await fixture.cli('run', '--all=maybe'), 2, 'USAGE', '--all=maybe')
    expectRefusal(
      await runCli(['copy', '--form', 'x', '--to', 'y']),
      2,
      'USAGE',
      'form',
      'did you mean "from"?',
    )
    expectRefusal(await runCli(['copy', '--to', 'y']), 2, 'USAGE', '--from')
    expectRefusal(await runCli(['copy', '--from', 'y']), 2, 'USAGE', '--to')
    const dry = ['copy', '--from', 'sqlite:a?table=t', '--to', 'sqlite:b?table=t', '--dry-run']
    expectRefusal(await runCli([...dry, '--report', '/nowhere/x']), 2, 'USAGE', '--json')
  })

  it('plans an offline task, and says that it is', async () => {
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(6, 'dst', { online: 0 })
    const plan = await fixture.cli('plan', '6')
    expect(plan.code, plan.stderr).to.equal(0)
    expect(plan.stdout).to.match(/warning +Task 6 is offline/)
    expectRefusal(await fixture.cli('run', '6'), 2, 'TASK_OFFLINE')
    expect(await fixture.status(6)).to.equal('1')
  })
})
