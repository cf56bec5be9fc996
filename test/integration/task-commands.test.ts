// Tasks that are made on the command line, runs with params of their own, and rowshift check.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import type { Task } from '../../src/contract/plugin.js'
import { oneServer, runCli, server } from '../support/context.js'
import { expectRefusal } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'

const everywhere = () => [...oneServer(), null]

describe('rowshift task', () => {
  it('adds, edits, enables, disables, clones and removes', async () => {
    for (const at of everywhere()) {
      const fixture = await TaskFixture.create(at)
      const { type } = fixture.data
      const json = (...args: string[]) => fixture.json<Task>('task', ...args)
      const added = await json(
        'add',
        '--from',
        `${type}:app/db/src`,
        '--to',
        `${type}:app/db/dst`,
        '--param',
        'worker_num=2',
        '--desc',
        "it's größe",
      )
      expect(added).to.deep.include({
        from_db_type: type,
        from_app: 'app',
        from_db: 'db',
        from_table: 'src',
        to_table: 'dst',
        params: '{\n  "worker_num": 2\n}',
        online_status: 0,
        task_desc: "it's größe",
        task_status: null,
      })
      const id = String(added.id)
      expectRefusal(await fixture.cli('run', id), 2, 'TASK_OFFLINE')
      expect((await json('enable', id)).online_status).to.equal(1)
      expect((await fixture.cli('run', id)).code).to.equal(0)
      const edited = await json(
        'edit',
        id,
        '--param',
        'write_mode=upsert',
        '--unset',
        'worker_num',
        '--owner',
        'me',
      )
      expect(JSON.parse(edited.params!)).to.deep.equal({ write_mode: 'upsert' })
      expect(edited).to.include({ owner: 'me', task_desc: "it's größe", from_table: 'src' })
      const clone = await json('clone', id, '--to', `${type}:app/db/dst2`)
      expect(clone)
        .to.include({ to_table: 'dst2', online_status: 0, owner: 'me' })
        .and.not.include({ id: added.id })
      expect((await json('disable', id)).online_status).to.equal(0)
      const removed = await fixture.cli('task', 'remove', id)
      expect(removed.stdout).to.include(`Task ${id} was removed`).and.include('"to_table": "dst"')
      expectRefusal(await fixture.cli('show', id), 2, 'TASK_NOT_FOUND')
      expect((await fixture.json<Task[]>('list')).map((task) => task.id)).to.deep.equal([clone.id])
    }
  })

  it('refuses what could not run, before anything is stored', async () => {
    const fixture = await TaskFixture.create(null)
    const add = (...args: string[]) => fixture.cli('task', 'add', '--from', 'sqlite:app/db/src', ...args)
    expectRefusal(await add(), 2, 'PARAMS_INVALID', 'to_app')
    expectRefusal(
      await add('--to', 'sqlite:app/nowhere/dst'),
      2,
      'CONNECTION_UNKNOWN',
      'to.sqlite.app_nowhere',
    )
    expectRefusal(await add('--to', 'sqlite:app/db'), 2, 'USAGE', 'TYPE:APP/DB/TABLE')
    const good = ['--to', 'sqlite:app/db/dst']
    expectRefusal(await add(...good, '--param', 'worker_nun=2'), 2, 'PARAMS_INVALID', 'worker_num')
    expectRefusal(await add(...good, '--param', 'cron=61 * * * *'), 2, 'PARAMS_INVALID', 'params.cron')
    expectRefusal(await add(...good, '--param', 'where=d < ${today:YYYY}'), 2, 'PARAMS_INVALID', 'YYYY')
    expectRefusal(await fixture.cli('task', 'edit'), 2, 'USAGE')
    expectRefusal(await fixture.cli('task', 'enable', '5', '--desc', 'x'), 2, 'USAGE', '--desc')
    expectRefusal(await fixture.cli('task', 'enabel', '5'), 2, 'USAGE', 'did you mean "enable"')
    expect(await fixture.json('list')).to.deep.equal([])
  })
})

describe('a run with params of its own', () => {
  it('uses them once, says so in the history, and is resumed with them', async () => {
    for (const at of oneServer()) {
      const fixture = await TaskFixture.create(at)
      await fixture.addTask(5, 'dst')
      const run = fixture.start('run', '5', '--where', 'id <= 2', '--param', 'worker_num=1')
      expect(await run.code(), run.stderr).to.equal(0)
      const overrides = ['where="id <= 2"', 'worker_num=1']
      expect(run.report<RunReport>()).to.deep.include({ rowsWritten: 2, workerNum: 1, overrides })
      expect((await fixture.cli('history')).stdout).to.include('with where="id <= 2", worker_num=1')
      await fixture.addTask(6, 'dst2')
      const all = fixture.start('run', '6')
      expect(await all.code()).to.equal(0)
      expect(all.report()).to.include({ rowsWritten: 3 }).and.not.have.property('overrides')
    }
  })

  it('does not move the watermark, unless only its speed is other', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst', { params: '{"mode": "append"}' })
    const aside = fixture.start('run', '5', '--where', 'id <> 2')
    expect(await aside.code(), aside.stderr).to.equal(0)
    expect(aside.report()).to.include({ rowsWritten: 2 })
    expect(aside.report().watermarkHeld).to.include('params of its own')
    const fast = fixture.start('run', '5', '--param', 'worker_num=1')
    expect(await fast.code(), fast.stderr).to.equal(0)
    expect(fast.report()).to.include({ rowsWritten: 1, watermarkHeld: null })
    const last = fixture.start('run', '5')
    expect(await last.code()).to.equal(0)
    expect(last.report()).to.include({ rowsRead: 0 })
  })

  it('is refused for a task of several tables, unless only its speed is other', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'new_s*', {
      from: 's*',
      params: '{"schema_save_mode": "create_when_not_exist"}',
    })
    expectRefusal(await fixture.cli('run', '5', '--where', 'id = 1'), 2, 'USAGE', 'several tables')
    const fast = fixture.start('run', '5', '--param', 'worker_num=1')
    expect(await fast.code(), fast.stderr).to.equal(0)
    expect(fast.report()).to.deep.include({ rowsWritten: 3, overrides: ['worker_num=1'] })
  })

  it('takes dates, from the task and from the options', async () => {
    for (const at of [...oneServer(), server('postgres')]) {
      const fixture = await TaskFixture.create(at)
      await fixture.addTask(5, 'dst', {
        params: "{\"where\": \"''${today:yyyyMMdd}'' > ''20260101'' AND id = 3\"}",
      })
      const stored = fixture.start('run', '5')
      expect(await stored.code(), stored.stderr).to.equal(0)
      expect(stored.report()).to.include({ rowsWritten: 1 })
      const given = fixture.start('run', '5', '--where', "'${yesterday}' < '2026-01-01' OR id = 1")
      expect(await given.code(), given.stderr).to.equal(0)
      expect(given.report()).to.include({ rowsWritten: 1 })
    }
  })
})

describe('rowshift check', () => {
  it('says whether it connects, privileges, settings and speed, without a secret', async () => {
    for (const at of [...oneServer(), server('postgres')]) {
      const fixture = await TaskFixture.create(at)
      const url = fixture.database.url('src')
      const { code, stdout, stderr } = await runCli(['check', url])
      expect(code, stderr).to.equal(0)
      for (const word of [
        'connects',
        'privileges',
        'max_connections',
        'round trip',
        'MB/s',
        'primary key id',
      ])
        expect(stdout).to.include(word)
      if (at.password !== '') expect(stdout).not.to.include(at.password)
      const { findings } = JSON.parse((await runCli(['check', url, '--json'])).stdout) as {
        findings: { name: string }[]
      }
      expect(findings.map(({ name }) => name)).to.include.members(['server', 'user', 'line'])
    }
  })

  it('fails as a run would', async () => {
    expectRefusal(await runCli(['check', 'mysql://root:secret@127.0.0.1:1/x']), 1, 'CONNECTION_FAILED')
    const fixture = await TaskFixture.create(null)
    const { path } = fixture.data.connection as { path: string }
    const { code, stdout } = await runCli(['check', `sqlite:${path}?table=src`])
    expect([code, stdout.includes('connects')]).to.deep.equal([0, true])
  })
})

describe('--quiet and -v', () => {
  it('write errors only, or more', async () => {
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst')
    expect(await fixture.cli('run', '5', '--quiet')).to.include({ code: 0, stdout: '', stderr: '' })
    const again = await fixture.cli('run', '5', '-q')
    expect([again.code, again.stdout]).to.deep.equal([1, ''])
    expect(again.stderr).to.match(/^rowshift: .*\[DUPLICATE_KEY\]\n$/s)
    await fixture.addTask(6, 'dst2')
    const verbose = await fixture.cli('run', '6', '-vv')
    expect(verbose.code).to.equal(0)
    expect(verbose.stderr).to.include('"level":')
  })

  it('suggest what may have been meant', async () => {
    expectRefusal(await runCli(['taks', 'add']), 2, 'USAGE', 'did you mean "task"')
    expectRefusal(await runCli(['run', '5', '--quite']), 2, 'USAGE', 'did you mean "quiet"')
  })
})
