// Tasks whose names of tables are patterns on both ends: one run, one lock and one entry of history for all, a watermark for each.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { TaskTablesReport } from '../../src/features/database/report.js'
import type { ComparisonReport } from '../../src/features/database/comparison-report.js'
import type { RunRecord } from '../../src/contract/task-store.js'
import { oneServer, runCli, server } from '../support/context.js'
import { TaskFixture } from '../support/task-fixture.js'
import type { TestServer } from '../support/servers.js'
import { until } from '../support/until.js'

const NAMES = ['s_a', 's_b', 's_c', 't_a', 't_b', 't_c']

/** Three tables with two rows each, and three empty ones for them. */
async function create(at: TestServer | null): Promise<TaskFixture> {
  const fixture = await TaskFixture.create(at)
  for (const name of NAMES)
    await fixture.data.value(`CREATE TABLE ${name} (id INTEGER PRIMARY KEY, v INT, changed DATE)`)
  for (const name of NAMES.slice(0, 3))
    await fixture.data.value(`INSERT INTO ${name} VALUES (1, 1, '2024-01-01'), (2, 2, '2024-01-02')`)
  return fixture
}

async function run(fixture: TaskFixture, ...args: string[]) {
  const started = fixture.start(...args)
  const code = await started.code()
  return { code, stderr: started.stderr, report: started.report<TaskTablesReport>() }
}

function statuses({ tables }: Pick<TaskTablesReport, 'tables'>): Record<string, string> {
  return Object.fromEntries(tables.map(({ table, status }) => [table, status]))
}

async function counts({ data }: TaskFixture): Promise<string> {
  const found: string[] = []
  for (const name of NAMES.slice(3)) found.push(String(await data.value(`SELECT COUNT(*) FROM ${name}`)))
  return found.join(' ')
}

const kinds: [string, () => TestServer | null][] = [
  ['MySQL or MariaDB', () => oneServer()[0]!],
  ['PostgreSQL', () => server('postgres')],
  ['SQLite', () => null],
]

for (const [name, at] of kinds) {
  describe(`a task that copies tables one by one in ${name}`, () => {
    it('has one entry of history, and a watermark for each table', async () => {
      const fixture = await create(at())
      await fixture.addTask(1, 't_*', { from: 's_*' })
      const plan = await fixture.cli('plan', '1')
      expect(plan.code, plan.stderr).to.equal(0)
      expect(plan.stdout).to.match(/^s_b +t_b /m)
      const first = await run(fixture, 'run', '1')
      expect(first.code, first.stderr).to.equal(0)
      expect(first.report).to.include({ status: 'success', rowsRead: 6, rowsWritten: 6, taskId: 1 })
      expect(statuses(first.report)).to.deep.equal({ s_a: 'success', s_b: 'success', s_c: 'success' })
      const [entry, ...more] = await fixture.json<RunRecord[]>('history', '1')
      expect(more).to.deep.equal([])
      expect(entry).to.include({ status: 'success', rows_written: 6, mode: 'init' })
      const marks = { append: { s_a: '2', s_b: '2', s_c: '2' } }
      expect(await fixture.json('watermark', '1')).to.deep.equal(marks)
      // Each goes on from its own.
      await fixture.data.value(`INSERT INTO s_b VALUES (3, 3, '2024-01-03')`)
      const second = await run(fixture, 'run', '1', '--mode', 'append')
      expect(second.code, second.stderr).to.equal(0)
      expect(second.report).to.include({ rowsRead: 1, rowsWritten: 1 })
      await fixture.cli('watermark', '1', '--mode', 'append', '--set', '{"s_a": "1"}')
      expect(await fixture.json('watermark', '1')).to.deep.equal({
        append: { s_a: '1', s_b: '3', s_c: '2' },
      })
      const third = await run(fixture, 'run', '1', '--mode', 'append')
      expect(third.report, third.stderr).to.include({ rowsRead: 1, rowsWritten: 0 })
      // A table that another one replaced is refused by itself.
      const verified = await fixture.cli('verify', '1')
      expect(verified.code, verified.stderr).to.equal(0)
      expect(verified.stdout).to.contain('3 of 3 tables equal')
      await fixture.data.value('DELETE FROM t_c WHERE id = 2')
      const repaired = await fixture.json<ComparisonReport>('verify', '1', '--repair')
      expect(repaired).to.include({ status: 'success', rowsWritten: 1 })
      expect(await counts(fixture)).to.equal('2 3 2')
      const runs = await fixture.json<RunRecord[]>('history', '1')
      expect(runs.map(({ mode }) => mode)).to.deep.equal(['sync', 'append', 'append', 'init'])
      await fixture.cli('watermark', '1', '--reset')
      expect(await fixture.json('watermark', '1')).to.deep.equal({})
    })

    it('goes on with the tables that are left, after a failure and after it was killed', async () => {
      const fixture = await create(at())
      await fixture.addTask(1, '*', { from: 's_*', params: '{"rename": ["s_*=t_*"], "worker_num": 1}' })
      for (const taken of ['t_b', 't_c']) await fixture.data.value(`INSERT INTO ${taken} VALUES (2, 0, NULL)`)
      const failed = await run(fixture, 'run', '1')
      expect(failed.code, failed.stderr).to.equal(1)
      // The last one may have begun beside the one that failed.
      expect(statuses(failed.report)).to.include({ s_a: 'success', s_b: 'failed' })
      // What succeeded keeps its watermark.
      expect(await fixture.json('watermark', '1')).to.deep.equal({ append: { s_a: '2' } })
      for (const taken of ['t_b', 't_c']) await fixture.data.value(`DELETE FROM ${taken}`)
      const release = await fixture.data.hold('t_c')
      const killed = fixture.start('resume', 'latest')
      if (name !== 'SQLite') {
        // One process at a time writes a file of SQLite: there, none of the tables is done.
        const noted = `SELECT COUNT(*) FROM rowshift_run WHERE status = 'running' AND report LIKE '%s_b%success%'`
        await until('the note', async () => Number(await fixture.store.value(noted)) === 1)
      } else await fixture.untilRunning(1, killed)
      killed.kill('SIGKILL')
      await killed.code()
      await release()
      const rest = await run(fixture, 'resume', 'latest')
      expect(rest.code, rest.stderr).to.equal(0)
      const left = name === 'SQLite' ? ['s_b', 's_c'] : ['s_c']
      expect(Object.keys(statuses(rest.report))).to.deep.equal(left)
      expect(rest.report.leftOut.map(({ table }) => table)).to.include('s_a')
      expect(await counts(fixture)).to.equal('2 2 2')
      const runs = await fixture.json<RunRecord[]>('history', '1')
      expect(runs.map(({ status }) => status)).to.deep.equal(['success', 'interrupted', 'failed'])
      const notes = (await fixture.cli('history', '1')).stdout
      expect(notes)
        .to.match(/ failed .* 1 of 3 tables; DUPLICATE_KEY/)
        .and.match(name === 'SQLite' ? / interrupted / : / interrupted .* 1 table done/)
      // All is done: the next run is a new one.
      const again = await run(fixture, 'run', '1')
      expect(again.code, again.stderr).to.equal(1)
      expect(again.report.error!.code).to.equal('DUPLICATE_KEY')
    })
  })
}

describe('tables that an earlier run had copied', () => {
  /** s_a is done, and no other. */
  async function failed(params: object = {}): Promise<TaskFixture> {
    const fixture = await create(oneServer()[0]!)
    await fixture.addTask(1, 't_*', { from: 's_*', params: JSON.stringify({ worker_num: 1, ...params }) })
    for (const taken of ['t_b', 't_c']) await fixture.data.value(`INSERT INTO ${taken} VALUES (2, 0, NULL)`)
    const first = await run(fixture, 'run', '1')
    expect(first.code, first.stderr).to.equal(1)
    expect(statuses(first.report)).to.include({ s_a: 'success', s_b: 'failed' })
    for (const taken of ['t_b', 't_c']) await fixture.data.value(`DELETE FROM ${taken}`)
    return fixture
  }

  it('are copied again when the target was emptied', async () => {
    const fixture = await failed()
    await fixture.data.value('DELETE FROM t_a')
    const rest = await run(fixture, 'run', '1')
    expect(rest.code, rest.stderr).to.equal(0)
    expect(Object.keys(statuses(rest.report))).to.deep.equal(['s_a', 's_b', 's_c'])
    expect(await counts(fixture)).to.equal('2 2 2')
  })

  it('are neither left out nor copied twice when the target holds some of the rows, or the task asks for others', async () => {
    const fixture = await failed()
    await fixture.data.value('DELETE FROM t_a WHERE id = 1')
    const some = await run(fixture, 'run', '1')
    expect(some.code, some.stderr).to.equal(3)
    expect(some.report.error!.code).to.equal('RESUME_REFUSED')
    expect(some.report.error!.message).to.contain('s_a, 2 rows, and t_a holds 1 by now')
    await fixture.data.value(`INSERT INTO t_a VALUES (1, 1, '2024-01-01')`)
    await fixture.store.value(`UPDATE task_def_sync_manager SET params = '{"where": "id = 1"}'`)
    const other = await run(fixture, 'run', '1')
    expect(other.code, other.stderr).to.equal(3)
    expect(other.report.error!.message).to.contain('the task was changed since')
    expect(await counts(fixture)).to.equal('2 0 0')
    await fixture.data.value('DELETE FROM t_a')
    const rest = await run(fixture, 'run', '1')
    expect(rest.code, rest.stderr).to.equal(0)
    expect(await counts(fixture)).to.equal('1 1 1')
  })

  it('are not left out of a snapshot, which shows another moment by now', async () => {
    const fixture = await failed({ consistency: 'snapshot' })
    const refused = await run(fixture, 'run', '1')
    expect(refused.code, refused.stderr).to.equal(3)
    expect(refused.report.error!.message).to.contain('the moment that all tables were to be of is gone')
    expect(await counts(fixture)).to.equal('2 0 0')
    await fixture.data.value('DELETE FROM t_a')
    const whole = await run(fixture, 'run', '1')
    expect(whole.code, whole.stderr).to.equal(0)
    expect(await counts(fixture)).to.equal('2 2 2')
  })

  it('are copied again where they are to go elsewhere', async () => {
    const fixture = await failed()
    for (const letter of ['a', 'b', 'c'])
      await fixture.data.value(`CREATE TABLE u_${letter} (id INTEGER PRIMARY KEY, v INT, changed DATE)`)
    await fixture.store.value(`UPDATE task_def_sync_manager SET to_table = 'u_*'`)
    const rest = await run(fixture, 'run', '1')
    expect(rest.code, rest.stderr).to.equal(0)
    expect(Number(await fixture.data.value('SELECT COUNT(*) FROM u_a'))).to.equal(2)
  })

  it('are not those of a run that was begun anew and killed before it had copied a table', async () => {
    const fixture = await failed()
    await fixture.data.value('DELETE FROM t_a')
    const releases = [await fixture.data.hold('t_a'), await fixture.data.hold('t_b')]
    const killed = fixture.start('run', '1', '--restart')
    const noted = `SELECT COUNT(*) FROM rowshift_run WHERE status = 'running' AND report LIKE '%"done":[]%'`
    await until('the note', async () => Number(await fixture.store.value(noted)) === 1)
    killed.kill('SIGKILL')
    await killed.code()
    for (const release of releases) await release()
    // Rows that look like those of the run before.
    await fixture.data.value(`INSERT INTO t_a VALUES (7, 1, NULL), (8, 2, NULL)`)
    const rest = await run(fixture, 'run', '1')
    expect(rest.code, rest.stderr).to.equal(0)
    expect(await counts(fixture)).to.equal('4 2 2')
  })
})

describe('a task with a star in to_table', () => {
  it('is refused where it means nothing, before anything is written', async () => {
    const fixture = await create(oneServer()[0]!)
    const refused: [string, string, string][] = [
      ['s_a', 't_*', 'to_table is one, too'],
      ['s_a,s_b', 't_*', 'from_table lists 2 and to_table 1'],
    ]
    for (const [i, [from, to, words]] of refused.entries()) {
      await fixture.addTask(i + 1, to, { from })
      const outcome = await run(fixture, 'run', String(i + 1))
      expect(outcome.code, outcome.stderr).to.equal(2)
      expect(outcome.stderr).to.contain(words)
    }
    await fixture.addTask(3, 't_*', { from: 's_*' })
    const since = await run(fixture, 'run', '3', '--mode', 'append', '--since', '1')
    expect(since.code, since.stderr).to.equal(2)
    expect(since.stderr).to.contain('--since is about one table')
    expect(await counts(fixture)).to.equal('0 0 0')
  })

  it('is not resumed by URLs, and no name with a star is a target', async () => {
    const { database } = await create(oneServer()[0]!)
    const urls = ['--from', database.wholeUrl, '--to', database.wholeUrl]
    const outcome = await runCli(['resume', 'latest', ...urls])
    expect(outcome.stderr).to.contain('has no note of an unfinished copy between these databases')
    expect(outcome.code).to.equal(3)
    const starred = await runCli(['copy', '--from', database.url('s_*'), '--to', database.url('t_*,u')])
    expect(starred.stderr).to.contain("leave table= out of both URLs and give --tables 't_*,u'")
    expect(starred.code).to.equal(2)
  })
})
