// A range that is read again, `run ID --since … --until …`: that range and nothing else, and the watermark stays.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'

const TABLE = 'id INTEGER PRIMARY KEY, v INT, changed DATETIME, day DATE'

async function fixtureWith(
  server: Parameters<typeof TaskFixture.create>[0],
  index: boolean,
): Promise<TaskFixture> {
  const fixture = await TaskFixture.create(server)
  for (const name of ['a', 'b'])
    await fixture.data.value(`CREATE TABLE ${name} (${TABLE}${index ? ', KEY (changed)' : ''})`)
  await fixture.data.value(
    `INSERT INTO a VALUES (1, 0, '2024-01-01 00:00:00', NULL), (2, 0, '2024-01-02 00:00:00', NULL), (3, 0, '2024-01-02 12:00:00', NULL),
       (4, 0, '2024-01-03 00:00:00', NULL), (5, 0, NULL, NULL)`,
  )
  await fixture.addTask(1, 'b', { from: 'a', params: '{"diff_column": "changed"}' })
  return fixture
}

async function keys(fixture: TaskFixture): Promise<number[]> {
  const list = (await fixture.data.value('SELECT group_concat(id) FROM b')) as string | null
  return (list === null ? [] : list.split(',')).map(Number).sort((a, b) => a - b)
}

describe('a backfill', () => {
  it('reads its range of the diff_column or of the key, and leaves the watermark where it is', async () => {
    const all = [...servers(), null].map(async (server) => {
      const fixture = await fixtureWith(server, server !== null)
      const run = (...args: string[]) => fixture.json<RunReport>('run', '1', ...args)
      await fixture.cli('watermark', '1', '--mode', 'increment', '--set', '2024-06-01 00:00:00')
      await fixture.cli('watermark', '1', '--mode', 'append', '--set', '4')
      const marks = await fixture.json('watermark', '1')

      const days = ['--mode', 'increment', '--since', '2024-01-02', '--until', '2024-01-03 00:00:00']
      const shown = await fixture.cli('plan', '1', ...days)
      expect(shown.stdout).to.include(
        'backfill: changed from 2024-01-02 00:00:00 on, up to 2024-01-03 00:00:00 (without it); the watermark stays where it is',
      )
      const report = await run(...days)
      expect(report).to.deep.include({
        status: 'success',
        rowsWritten: 2,
        watermark: null,
        watermarks: {},
        backfill: { since: '2024-01-02', until: '2024-01-03 00:00:00' },
      })
      expect(await keys(fixture)).to.deep.equal([2, 3])
      expect((await run('--mode', 'increment', '--since', '2024-01-02 12:00:00')).rowsWritten).to.equal(1)
      expect(await keys(fixture)).to.deep.equal([2, 3, 4])

      expect((await run('--mode', 'append', '--since', '0', '--until', '1')).rowsWritten).to.equal(1)
      expect(await keys(fixture)).to.deep.equal([1, 2, 3, 4])
      expect(await run('--mode', 'append', '--since', '4')).to.include({ rowsRead: 1, rowsWritten: 1 })
      expect(await keys(fixture)).to.deep.equal([1, 2, 3, 4, 5])

      const empty = await fixture.cli('run', '1', '--mode', 'append', '--since', '7', '--until', '9')
      expect(empty.stdout).to.include('Backfill since 7 until 9, which holds no row: 0 rows copied')
      const again = await fixture.cli('run', '1', '--mode', 'append', '--since', '1')
      expect(again.stdout).to.include('Backfill since 1; the watermark stays where it was.')
      expect((await fixture.cli('history', '1')).stdout).to.include(
        'backfill since 2024-01-02 until 2024-01-03 00:00:00',
      )
      expect(await fixture.json('watermark', '1')).to.deep.equal(marks)
    })
    await Promise.all(all)
  })

  it('brings changed rows up to date, by several threads, and in a task that was changed', async () => {
    for (const server of servers()) {
      const fixture = await fixtureWith(server, true)
      await fixture.data.value(
        `INSERT INTO a SELECT 100 + q.n, 0, '2024-02-01' + INTERVAL q.n SECOND, NULL FROM (
           WITH RECURSIVE q (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM q WHERE n < 900) SELECT n FROM q) q`,
      )
      expect((await fixture.cli('run', '1')).code).to.equal(0)
      const change = `UPDATE task_def_sync_manager SET params = '{"diff_column": "changed", "read_batch": 100, "where": "id <> 101"}'`
      await fixture.store.value(change)
      // Without a new time, which is what a backfill is for.
      await fixture.data.value('UPDATE a SET v = 7')
      const report = await fixture.json<RunReport>('run', '1', '--mode', 'increment', '--since', '2024-02-01')
      expect(report).to.include({ status: 'success', rowsWritten: 899, rowsChanged: 899 })
      expect(report.splits).to.be.greaterThan(5)
      expect(Number(await fixture.data.value('SELECT COUNT(*) FROM b WHERE v = 7'))).to.equal(899)
    }
  })

  it('is refused where it makes no sense, and nothing of it becomes SQL unchecked', async () => {
    // What is asked for is checked before a database sees it.
    const fixture = await fixtureWith(null, false)
    const refuse = async (message: string, ...args: string[]) =>
      expectRefusal(await fixture.cli('plan', '1', ...args), 2, 'USAGE', message)
    const sync = ['run', '1', '--since', '2024-01-01', '--mode', 'sync']
    expectRefusal(await fixture.cli(...sync), 2, 'USAGE', 'mode "sync"')
    await refuse('mode "init"', '--since', '2024-01-01')
    await refuse('--until goes with --since', '--until', '2024-01-01', '--mode', 'increment')
    await refuse('give one of them', '--since', '1', '--mode', 'append', '--from-target')
    for (const value of ["2024-01-01' OR '1", '2024-02-30', '2024-01-01 24:00:00', ''])
      await refuse('is not a value of changed', '--mode', 'increment', `--since=${value}`)
    for (const value of ['1 OR 1 = 1', '1.5'])
      await refuse('it takes a whole number', '--mode', 'append', '--since=0', `--until=${value}`)
    await refuse('must be below', '--mode', 'append', '--since', '10', '--until', '9')
    const equal = ['--since', '2024-01-01 00:00:00.5', '--until', '2024-01-01 00:00:00.5000']
    await refuse('must be below', '--mode', 'increment', ...equal)
    expectRefusal(await fixture.cli('run', '--all', '--since', '2024-01-01'), 2, 'USAGE', 'one task')
    const set = await fixture.cli('watermark', '1', '--mode', 'increment', '--set', '2024-02-30 00:00:00')
    expectRefusal(set, 2, 'USAGE', 'a time')
    await fixture.store.value(`UPDATE task_def_sync_manager SET params = '{}'`)
    const without = await fixture.cli('run', '1', '--mode', 'increment', '--since', '2024-01-01')
    expectRefusal(without, 2, 'PARAMS_INVALID', 'diff_column')
    expect(await keys(fixture)).to.deep.equal([])
  })

  it('takes moments in UTC whatever the zones, and bytes as hexadecimal digits', async () => {
    for (const server of servers()) {
      const fixture = await TaskFixture.create(server)
      for (const name of ['a', 'b'])
        await fixture.data.value(
          `CREATE TABLE ${name} (id BINARY(2) PRIMARY KEY, changed TIMESTAMP NULL, KEY (changed))`,
        )
      const { database } = fixture
      await database.query(
        `SET time_zone = '+00:00'; INSERT INTO a VALUES (x'0001', '2024-01-01 23:00:00'), (x'00ff', '2024-01-02 01:00:00')`,
      )
      await fixture.addTask(1, 'b', {
        from: 'a',
        params: '{"mode": "increment", "diff_column": "changed", "time_zone": "+05:00"}',
      })
      const run = (...args: string[]) => fixture.json<RunReport>('run', '1', ...args)
      expect((await run('--since', '2024-01-02')).rowsWritten).to.equal(1)
      expect(await fixture.data.value('SELECT HEX(id) FROM b')).to.equal('00FF')
      expect((await run('--mode', 'append', '--since', '0000', '--until', '00fe')).rowsWritten).to.equal(1)
      expectRefusal(
        await fixture.cli('run', '1', '--mode', 'append', '--since', 'xy'),
        2,
        'USAGE',
        'hexadecimal',
      )
    }
  })

  it('of several source tables reads the range of each', async () => {
    for (const server of oneServer()) {
      const tasks = await TaskFixture.create(server)
      for (const name of ['log_0', 'log_1', 'b'])
        await tasks.data.value(`CREATE TABLE ${name} (id INT PRIMARY KEY)`)
      await tasks.data.value('INSERT INTO log_0 VALUES (1), (3)')
      await tasks.data.value('INSERT INTO log_1 VALUES (2), (4)')
      await tasks.addTask(1, 'b', { from: 'log_{0..1}', params: '{"mode": "append"}' })
      const report = await tasks.json<RunReport>('run', '1', '--since', '1', '--until', '3')
      expect(report).to.deep.include({ rowsWritten: 2, watermarks: {}, backfill: { since: '1', until: '3' } })
      expect(report.sources?.map(({ watermark }) => watermark)).to.deep.equal([null, null])
      expect(await keys(tasks)).to.deep.equal([2, 3])
    }
  })
})
