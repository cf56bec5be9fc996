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
import { runCli, oneServer, servers } from '../support/context.js'
import { expectRefusal, scratchFile } from '../support/copying.js'
import { startServer } from '../support/servers.js'
import { TaskPlace, type Started } from '../support/task-place.js'
import { until } from '../support/until.js'

const everywhere = () => [...oneServer(), null]

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
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      const release = await place.data.hold('dst')
      const first = place.start('run', '5')
      await place.untilRunning(5, first)
      expect(await place.status(5)).to.equal('running')
      const [running] = await place.json<RunRecord[]>('history')
      expect((await place.cli('history')).stdout).to.include(`${hostname()}, process ${first.pid}`)

      const second = await place.cli('run', '5')
      const words = [running!.run_id, hostname(), `process ${first.pid}`, running!.start_time]
      expectRefusal(second, 1, 'TASK_RUNNING', ...words)
      expect(JSON.parse((await place.cli('run', '5', '--json')).stdout)).to.nested.include({
        status: 'failed',
        'error.code': 'TASK_RUNNING',
        'error.details.runId': running!.run_id,
        'error.details.pid': first.pid,
      })
      const skipped = await place.cli('run', '5', '--skip-running')
      expect(skipped).to.include({ code: 0, stderr: '' })
      expect(skipped.stdout).to.match(/^Skipped\. Task 5 is running already/)

      await release()
      expect(await first.code(), first.stderr).to.equal(0)
      expect(first.report()).to.deep.include({ status: 'success', rowsWritten: 3, warnings: [] })
      expect(await place.status(5)).to.equal('success')
      const history = await place.json<RunRecord[]>('history')
      expect(history.map(({ status, pid }) => [status, pid])).to.deep.equal([['success', first.pid]])
      const touched = await place.store.value('SELECT update_time FROM task_def_sync_manager')
      expect(touched).not.to.equal('2024-07-08 11:00:11')
    }
  })

  it('a run that was killed gives way to the next, which marks it', async () => {
    for (const server of everywhere()) {
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      const release = await place.data.hold('dst')
      const first = place.start('run', '5')
      await place.untilRunning(5, first)
      first.kill('SIGKILL')
      await first.code()
      await release()
      expect(await place.status(5)).to.equal('running')

      const second = place.start('run', '5')
      expect(await second.code(), second.stderr).to.equal(0)
      expect(second.stderr).to.match(/earlier run of task 5 did not end; marked interrupted: run \S+ on/)
      expect(second.report().warnings.join()).to.include(`process ${first.pid}`)
      expect(await place.status(5)).to.equal('success')
      const history = await place.json<RunRecord[]>('history')
      expect(history.map(({ status, pid, end_time }) => [status, pid, end_time === null])).to.deep.equal([
        ['success', second.pid, false],
        ['interrupted', first.pid, true],
      ])
    }
  })

  it('a run that was killed does not stand as running: history and list mark it', async () => {
    for (const server of everywhere()) {
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      const release = await place.data.hold('dst')
      const run = place.start('run', '5')
      await place.untilRunning(5, run)
      expect((await place.json<RunRecord[]>('history'))[0]).to.include({ status: 'running' })
      expect((await place.cli('list')).stdout).to.match(/5 +yes .* running/)
      run.kill('SIGKILL')
      await run.code()
      expect((await place.json<RunRecord[]>('history'))[0]).to.include({ status: 'interrupted' })
      expect(await place.store.value('SELECT status FROM rowshift_run')).to.equal('interrupted')
      expect(await place.status(5)).to.equal('interrupted')
      await place.store.value("UPDATE task_def_sync_manager SET task_status = 'running'")
      expect((await place.cli('list')).stdout).to.match(/5 +yes .* interrupted/)
      await release()
    }
  })

  it('interrupted and failed runs are written back to the task', async () => {
    for (const server of everywhere()) {
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      const release = await place.data.hold('dst')
      const run = place.start('run', '5')
      await place.untilRunning(5, run)
      run.kill('SIGINT')
      // Before the lock is given up, or a thread that has not heard of it could still commit.
      expect(await run.code(), run.stderr).to.equal(130)
      await release()
      expect(await place.status(5)).to.equal('interrupted')
      expect((await place.cli('run', '5')).code).to.equal(0)
      expectRefusal(await place.cli('run', '5'), 1, 'DUPLICATE_KEY')
      expect(await place.status(5)).to.equal('failed')
      expect((await place.cli('history')).stdout).to.match(/failed .* DUPLICATE_KEY: \S.{40,}…/)
    }
  })
})

describe('a connection to the task store that is lost', () => {
  const LOCK = "IS_USED_LOCK(CONCAT('rowshift:', LEFT(SHA2(DATABASE(), 256), 40), ':', 5))"

  async function started(place: TaskPlace, then: (run: Started) => void = () => {}) {
    await place.addTask(5, 'dst')
    const release = await place.data.hold('dst')
    const run = place.start('run', '5')
    await place.untilRunning(5, run)
    // Before the plan it still reads from the store, and fails when that goes away.
    await until('its plan', () => run.stderr.includes('reason   write path'))
    then(run)
    await place.store.value(`KILL ${(await place.store.value(`SELECT ${LOCK}`)) as string}`)
    return { run, release }
  }

  it('is opened again to write the end, and the report says that the lock was lost', async () => {
    for (const server of oneServer()) {
      const place = await TaskPlace.create(server)
      const { run, release } = await started(place)
      await release()
      expect(await run.code(), run.stderr).to.equal(0)
      expect(run.report().warnings.join()).to.match(/lock of task 5; it was taken again, and no other run/)
      expect(await place.status(5)).to.equal('success')
      expect((await place.json<RunRecord[]>('history')).map(({ status }) => status)).to.deep.equal([
        'success',
      ])
    }
  })

  it('does not leave the task unlocked for long', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const place = await TaskPlace.create(server)
        const { run, release } = await started(place)
        await until(
          'the lock to be taken again',
          async () => (await place.store.value(`SELECT ${LOCK}`)) !== null,
        )
        expectRefusal(await place.cli('run', '5'), 1, 'TASK_RUNNING', `process ${run.pid}`)
        await release()
        expect(await run.code(), run.stderr).to.equal(0)
      }),
    )
  })

  it('stops the run when another one has the lock by then', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const place = await TaskPlace.create(server)
        // Stopped, it cannot take the lock again before the second run does.
        const { run: first, release } = await started(place, (run) => run.kill('SIGSTOP'))
        const second = place.start('run', '5')
        await place.untilRunning(5, second)
        first.kill('SIGCONT')
        expect(await first.code(), first.stderr).to.equal(1)
        await release()
        expect(first.report()).to.nested.include({
          status: 'failed',
          'error.code': 'CONNECTION_LOST',
          'error.details.pid': second.pid,
        })
        expect(await second.code(), second.stderr).to.equal(0)
        expect(await place.status(5)).to.equal('success')
        const history = await place.json<RunRecord[]>('history')
        expect(history.map(({ status }) => status)).to.deep.equal(['success', 'failed'])
        expect(await place.data.value('SELECT COUNT(*) FROM dst')).to.equal('3')
      }),
    )
  })
})

describe('a task store that is away until the end of a run', () => {
  const away = async (then: (run: Started, gate: Gate) => Promise<void>) => {
    const place = await TaskPlace.create(servers()[0]!)
    await place.addTask(5, 'dst')
    const gate = await Gate.before(servers()[0]!.port)
    const file = join(place.folder, 'local.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as { task_meta: object }
    writeFileSync(file, JSON.stringify({ task_meta: { ...config.task_meta, port: gate.port } }))
    const release = await place.data.hold('dst')
    const run = place.start('run', '5')
    await place.untilRunning(5, run)
    await until('its plan', () => run.stderr.includes('reason   write path'))
    try {
      await gate.shut()
      await release()
      await then(run, gate)
    } finally {
      await gate.shut()
    }
    return { run, place }
  }

  it('is waited for, and the end is written when it is back', async () => {
    const { run, place } = await away(async (run, gate) => {
      await until('the loss to be noticed', () => run.stderr.includes('The task store is lost') || run.ended)
      await gate.open()
      expect(await run.code(), run.stderr).to.equal(0)
    })
    expect(run.report().status).to.equal('success')
    expect(run.report().warnings.join()).to.include('The task store is lost')
    expect(await place.status(5)).to.equal('success')
    expect(await place.store.value('SELECT status FROM rowshift_run')).to.equal('success')
  })

  it('is given up soon after Ctrl-C; the result of the run stands, and nobody takes it for running', async () => {
    const { run, place } = await away(async (run) => {
      await until('the loss to be noticed', () => run.stderr.includes('The task store is lost') || run.ended)
      run.kill('SIGINT')
      expect(await run.code(), run.stderr).to.equal(0)
    })
    expect(run.report()).to.include({ status: 'success', rowsWritten: 3 })
    expect(run.report().warnings.join()).to.include('could not be written to the history')
    const direct = JSON.parse(readFileSync(join(place.folder, 'local.json'), 'utf8')) as { task_meta: object }
    const config = { task_meta: { ...direct.task_meta, port: servers()[0]!.port } }
    writeFileSync(join(place.folder, 'local.json'), JSON.stringify(config))
    expect((await place.json<RunRecord[]>('history'))[0]).to.include({ status: 'interrupted' })
  })
})

describe('a history that cannot be written', () => {
  it('is said, and the result of the run stands', async () => {
    for (const server of everywhere()) {
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      const release = await place.data.hold('dst')
      const run = place.start('run', '5')
      await place.untilRunning(5, run)
      await until('its plan', () => run.stderr.includes('reason   '))
      await place.store.value('DROP TABLE rowshift_run')
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
      const place = await TaskPlace.create(server)
      expect(await place.cli('run', '--all')).to.include({ code: 0, stdout: 'No task is online.\n' })
      await place.addTask(9, 'nowhere')
      await place.addTask(7, 'dst2', { params: '{"worker_num": 1}' })
      const file = scratchFile('json')
      const usage = await place.cli('run', '--all', '--report', file)
      expect(usage.code, usage.stderr).to.equal(2)
      expect(usage.stdout)
        .to.match(/^Task 7 success: 3 rows in \d.*\nTask 9 failed: 0 rows/)
        .and.to.match(/7\s+success\s+3 .*\n9\s+failed\s+0 .*TABLE_NOT_FOUND/)
      expect(usage.stderr).to.match(/^rowshift: Task 9: .* \[TABLE_NOT_FOUND\]\n$/)

      await place.addTask(3, 'dst')
      await place.addTask(8, 'dst3', { online: 0 })
      const mixed = await place.cli('run', '--all', '--parallel', '2', '--json')
      expect(mixed.code, mixed.stderr).to.equal(1)
      const reports = JSON.parse(mixed.stdout) as RunReport[]
      expect(reports.map(({ taskId, status, error }) => [taskId, status, error?.code])).to.deep.equal([
        [3, 'success', undefined],
        [7, 'failed', 'DUPLICATE_KEY'],
        [9, 'failed', 'TABLE_NOT_FOUND'],
      ])
      expect(await Promise.all([3, 7, 8, 9].map((id) => place.status(id)))).to.deep.equal([
        'success',
        'failed',
        '1',
        'failed',
      ])
    }
  })

  it('ends with 4 when a sync has left rows that differ', async () => {
    const place = await TaskPlace.create(oneServer()[0]!)
    await place.addTask(5, 'dst', { params: '{"mode": "sync", "allow_triggers": true}' })
    await place.dataPlace.query('CREATE TRIGGER keep BEFORE INSERT ON dst FOR EACH ROW SET NEW.v = 0')
    const { code, stdout, stderr } = await place.cli('run', '--all')
    expect(code, stderr).to.equal(4)
    expect(stdout).to.match(/5\s+failed\s+3 .*DIFFERENT/)
  })

  it('passes over a task that is running, which is not a failure', async () => {
    for (const server of everywhere()) {
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      const release = await place.data.hold('dst')
      const run = place.start('run', '--all')
      await place.untilRunning(5, run)
      const all = await place.cli('run', '--all', '--json')
      expect(all, all.stderr).to.include({ code: 0, stderr: '' })
      expect(JSON.parse(all.stdout)).to.have.length(1)
      expect(JSON.parse(all.stdout)[0]).to.nested.include({ status: 'skipped', 'error.code': 'TASK_RUNNING' })
      await release()
      expect(await run.code(), run.stderr).to.equal(0)
      expect(run.report<RunReport[]>().map(({ status }) => status)).to.deep.equal(['success'])
    }
  })

  it('is stopped by Ctrl-C: the tasks that are left are not begun', async () => {
    const place = await TaskPlace.create(servers()[0]!)
    await place.addTask(5, 'dst')
    await place.addTask(6, 'dst2')
    const release = await place.data.hold('dst')
    const run = place.start('run', '--all')
    await place.untilRunning(5, run)
    run.kill('SIGTERM')
    // Before the lock is given up, or a thread that has not heard of it could still commit.
    expect(await run.code(), run.stderr).to.equal(130)
    await release()
    expect(run.report<RunReport[]>().map(({ taskId, status }) => [taskId, status])).to.deep.equal([
      [5, 'interrupted'],
    ])
    expect(await place.status(6)).to.equal('1')
  })
})

describe('the task store', () => {
  it('of an earlier version is brought up to date by init, with its rows', async () => {
    for (const server of everywhere()) {
      const place = await TaskPlace.create(server)
      await place.addTask(5, 'dst')
      expect((await place.cli('run', '5')).code).to.equal(0)
      for (const column of ['host', 'pid'])
        await place.store.value(`ALTER TABLE rowshift_run DROP COLUMN ${column}`)
      expectRefusal(await place.cli('run', '5'), 2, 'TASK_STORE_MISSING', 'rowshift init', 'earlier version')
      expect(await place.json('init')).to.deep.equal({ created: ['rowshift_run.host', 'rowshift_run.pid'] })
      expect(await place.json('init')).to.deep.equal({ created: [] })
      expect(await place.json<RunRecord[]>('history')).to.have.length(1)
      expectRefusal(await place.cli('run', '5'), 1, 'DUPLICATE_KEY')
    }
  })

  it('keeps update_time in the time zone of the server', async () => {
    const own = await startServer('mariadb', { serverArgs: ['--default-time-zone=+08:00'] })
    try {
      const place = await TaskPlace.create(own)
      await place.addTask(5, 'dst')
      expect((await place.cli('run', '5')).code).to.equal(0)
      const age = 'SELECT TIMESTAMPDIFF(SECOND, update_time, NOW()) FROM task_def_sync_manager'
      expect(Number(await place.store.value(age))).to.be.within(0, 60)
    } finally {
      await own.stop()
    }
  })
})

describe('the command line of runs', () => {
  it('refuses what it cannot make sense of', async () => {
    const place = await TaskPlace.create(null)
    expectRefusal(await place.cli('run'), 2, 'USAGE', '--all')
    expectRefusal(await place.cli('run', '5', '--all'), 2, 'USAGE', '--all')
    expectRefusal(await place.cli('run', '5', '--parallel', '2'), 2, 'USAGE', '--parallel')
    expectRefusal(await place.cli('run', '--all', '--parallel', '0'), 2, 'USAGE', '--parallel')
    expectRefusal(await place.cli('run', '--all=maybe'), 2, 'USAGE', '--all=maybe')
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
    const place = await TaskPlace.create(null)
    await place.addTask(6, 'dst', { online: 0 })
    const plan = await place.cli('plan', '6')
    expect(plan.code, plan.stderr).to.equal(0)
    expect(plan.stdout).to.match(/warning +Task 6 is offline/)
    expectRefusal(await place.cli('run', '6'), 2, 'TASK_OFFLINE')
    expect(await place.status(6)).to.equal('1')
  })
})
