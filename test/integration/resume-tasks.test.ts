// Unfinished runs of stored tasks, and of copies that do more than copy.
import { appendFileSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { programsOf } from '../faults/builds.js'
import { oneServer } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import type { CopyEndpoints } from '../support/killed-runs.js'
import {
  BRAKE,
  copyArgs,
  endpointsIn,
  endpointsOn,
  expectWhole,
  KEYED,
  killedAt,
  left,
  lockTable,
  resumed,
  ROWS,
  sourceSql,
  started,
  untilWaiting,
} from '../support/killed-runs.js'
import type { Started } from '../support/task-fixture.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

/** A task that copies many rows, and the tables of it. */
async function slowTask(
  params: object = {},
): Promise<CopyEndpoints & { tasks: TaskFixture; db: TestDatabase }> {
  const tasks = await TaskFixture.create(oneServer()[0]!)
  const db = tasks.database
  await db.query(`DROP TABLE src, dst; ${sourceSql(KEYED)}; CREATE TABLE dst (${KEYED})`)
  const all = { worker_num: 3, read_batch: 1000, where: BRAKE, ...params }
  await tasks.addTask(1, 'dst', { params: JSON.stringify(all) })
  return { tasks, ...endpointsIn(db) }
}

async function ended(run: Started) {
  const code = await run.code()
  return { code, signal: null, stdout: '', stderr: run.stderr, report: run.report<RunReport>() }
}

describe('a task whose run was killed', () => {
  it('is resumed by its next run, which says so', async () => {
    const endpoints = await slowTask()
    await killedAt(ROWS / 3, endpoints.tasks.start('run', '1'), endpoints)
    const before = await left(endpoints)
    const outcome = await ended(endpoints.tasks.start('run', '1'))
    await expectWhole(endpoints, outcome, before)
    expect(outcome.stderr).to.include(`goes on with run ${outcome.report.resumed!.run}`)
    expect(await endpoints.tasks.status(1)).to.equal('success')
  })

  it('is resumed by the id of any of its attempts, or as the latest', async () => {
    const endpoints = await slowTask({ worker_num: 1 })
    const first = endpoints.tasks.start('run', '1')
    await killedAt(ROWS / 6, first, endpoints)
    const id = String(await endpoints.tasks.store.value('SELECT MAX(run_id) FROM rowshift_run'))
    await killedAt(ROWS / 3, endpoints.tasks.start('resume', id), endpoints)
    await killedAt(ROWS / 2, endpoints.tasks.start('resume', 'latest'), endpoints)
    const second = String(
      await endpoints.tasks.store.value(`SELECT MIN(run_id) FROM rowshift_run WHERE run_id > '${id}'`),
    )
    const before = await left(endpoints)
    const outcome = await ended(endpoints.tasks.start('resume', second))
    await expectWhole(endpoints, outcome, before)
    expect(outcome.report.resumed).to.include({ run: id, attempt: 4 })
    const { runId } = outcome.report
    expectRefusal(await endpoints.tasks.cli('resume', runId), 3, 'RESUME_REFUSED', 'has succeeded')
    expectRefusal(await endpoints.tasks.cli('resume', 'nobody'), 2, 'TASK_NOT_FOUND', 'no run nobody')
  })

  it('begins anew with --restart, and where its params have changed, which is said', async () => {
    const endpoints = await slowTask({ write_mode: 'upsert' })
    await killedAt(ROWS / 6, endpoints.tasks.start('run', '1'), endpoints)
    await endpoints.tasks.store.value(
      "UPDATE task_def_sync_manager SET params = REPLACE(params, '2000', '3000') WHERE id = 1",
    )
    const changed = endpoints.tasks.start('run', '1')
    await killedAt(ROWS / 2, changed, endpoints)
    expect(changed.stderr).to.match(/warning +Run .* cannot be resumed: other params \(where\)/)
    const anew = await ended(endpoints.tasks.start('run', '1', '--restart'))
    expect(anew.code, anew.stderr).to.equal(0)
    expect(anew.report.resumed).to.equal(null)
    expect(anew.report.rowsRead).to.equal(ROWS)
    await endpoints.expectEqual()
    expect(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('leaves nothing to go on with when its watermarks are saved, even if its history cannot be', async () => {
    const endpoints = await slowTask({ where: 'id >= 0', read_batch: 10_000 })
    await endpoints.tasks.store.value(
      `CREATE TRIGGER full BEFORE UPDATE ON rowshift_run FOR EACH ROW IF NEW.status = 'success' THEN
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no room for the history'; END IF`,
    )
    const { code, stderr, report } = await ended(endpoints.tasks.start('run', '1'))
    expect(code, stderr).to.equal(0)
    expect(report.warnings.join()).to.include('no room for the history')
    expect(report.splits).to.be.above(1)
    expect(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('does not begin anew by inserting rows again that are there', async () => {
    const endpoints = await slowTask()
    await endpoints.db.query('ALTER TABLE dst DROP PRIMARY KEY')
    const { store } = endpoints.tasks
    await killedAt(ROWS / 6, endpoints.tasks.start('run', '1'), endpoints)
    const params = (from: string, to: string) =>
      store.value(
        `UPDATE task_def_sync_manager SET params = REPLACE(params, '${from}', '${to}') WHERE id = 1`,
      )
    await params('2000', '3000')
    const refused = await endpoints.tasks.cli('run', '1')
    expectRefusal(refused, 3, 'RESUME_REFUSED', 'other params (where)', 'insert the rows again', '--restart')
    await params('3000', '2000')
    const outcome = await ended(endpoints.tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.resumed).to.include({ attempt: 2 })
    expect(await endpoints.value('SELECT COUNT(*) FROM dst')).to.equal(String(ROWS))
  })

  it('keeps a range that was asked for, and leaves the watermark where it is', async () => {
    const endpoints = await slowTask({ pk: 'id' })
    const { tasks } = endpoints
    const set = await tasks.cli('watermark', '1', '--mode', 'append', '--set', '77')
    expect(set.code, set.stderr).to.equal(0)
    const asked = ['run', '1', '--mode', 'append', '--since', '9999', '--until', '49999']
    await killedAt(ROWS / 6, tasks.start(...asked), endpoints)
    // Only by the same command, or by "resume", which needs no range.
    await killedAt(ROWS / 3, tasks.start(...asked), endpoints)
    const outcome = await ended(tasks.start('resume', 'latest'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report).to.include({ mode: 'append', rowsRead: 40_000, rowsWritten: 40_000 })
    expect(outcome.report.resumed).to.include({ attempt: 3 })
    expect(outcome.report.backfill).to.deep.equal({ since: '9999', until: '49999' })
    expect(await endpoints.value('SELECT CONCAT_WS(",", COUNT(*), MIN(id), MAX(id)) FROM dst')).to.equal(
      '40000,10000,49999',
    )
    expect((await tasks.cli('watermark', '1')).stdout).to.include('77')
  })

  it('is not resumed once a run that began anew was killed before its second split', async () => {
    const endpoints = await slowTask({ read_batch: ROWS, pre_sql: ['DELETE FROM @table'] })
    const { store } = endpoints.tasks
    const params = (from: string, to: string) =>
      store.value(
        `UPDATE task_def_sync_manager SET params = REPLACE(params, '${from}', '${to}') WHERE id = 1`,
      )
    await params(`"read_batch":${ROWS}`, '"read_batch":1000')
    await killedAt(ROWS / 6, endpoints.tasks.start('run', '1'), endpoints)
    await params('"read_batch":1000', `"read_batch":${ROWS}`)
    const anew = endpoints.tasks.start('run', '1', '--restart')
    await until(
      'pre_sql',
      async () => anew.ended || (await endpoints.value('SELECT COUNT(*) FROM dst')) === '0',
    )
    anew.kill('SIGKILL')
    await anew.code()
    expect(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
    // As many rows as before, but others: nobody would notice that rows are gone.
    await endpoints.db.query('INSERT INTO dst SELECT * FROM src WHERE id >= 30000')
    const outcome = await ended(endpoints.tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.resumed).to.equal(null)
    await endpoints.expectEqual()
  })

  it('is not resumed, nor ended, by a task of the same id that copies another table', async () => {
    const endpoints = await slowTask()
    await endpoints.db.query('CREATE TABLE other LIKE src; INSERT INTO other VALUES (100001, NULL)')
    await killedAt(ROWS / 6, endpoints.tasks.start('run', '1'), endpoints)
    const source = (name: string) =>
      endpoints.tasks.store.value(`UPDATE task_def_sync_manager SET from_table = '${name}' WHERE id = 1`)
    await source('other')
    const other = await ended(endpoints.tasks.start('run', '1'))
    expect(other.code, other.stderr).to.equal(0)
    expect(other.report).to.include({ resumed: null, rowsRead: 1 })
    await source('src')
    // Which another task store would have of its own.
    await endpoints.tasks.store.value('DELETE FROM rowshift_watermark')
    const outcome = await ended(endpoints.tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.resumed).to.include({ attempt: 2 })
    await endpoints.db.query('DELETE FROM dst WHERE id = 100001')
    await endpoints.expectEqual()
  })

  it('keeps the window of an incremental run, and moves the watermark when that is done', async () => {
    const endpoints = await slowTask({ pk: 'id', mode: 'append' })
    await killedAt(ROWS / 3, endpoints.tasks.start('run', '1'), endpoints)
    await endpoints.db.query("INSERT INTO src VALUES (100001, 'came later')")
    const before = await left(endpoints)
    const outcome = await ended(endpoints.tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report).to.include({ mode: 'append', rowsRead: ROWS })
    expect(outcome.report.resumed!.rowsRead).to.equal(before.rows)
    const next = await ended(endpoints.tasks.start('run', '1'))
    expect(next.report).to.include({ resumed: null, rowsRead: 1 })
    await endpoints.expectEqual()
  })

  it('does not read its window again that was killed before its end was written to the task store', async () => {
    const endpoints = await slowTask({ pk: 'id', mode: 'append', where: 'id < 3000' })
    const { tasks } = endpoints
    const { storeDatabase } = tasks
    let watermark = await lockTable(storeDatabase, 'rowshift_watermark')
    const first = tasks.start('run', '1')
    await untilWaiting(storeDatabase, 'DELETE FROM rowshift_watermark')
    first.kill('SIGKILL')
    await first.code()
    // Its session has the lock of the task until the server finds that nobody is there.
    await watermark()
    const lock = 'SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE()'
    await until('its session to end', async () => (await storeDatabase.value(lock)) === '1')
    watermark = await lockTable(storeDatabase, 'rowshift_watermark')
    const second = tasks.start('run', '1')
    await untilWaiting(storeDatabase, 'DELETE FROM rowshift_watermark')
    const history = await lockTable(storeDatabase, 'rowshift_run')
    await watermark()
    await untilWaiting(storeDatabase, 'UPDATE rowshift_run')
    second.kill('SIGKILL')
    await second.code()
    await history()
    expect(second.stderr).to.include('goes on with run')
    const outcome = await ended(tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report).to.include({ resumed: null, rowsRead: 0 })
    expect(outcome.stderr).to.not.include('cannot be resumed')
    expect(await endpoints.value('SELECT COUNT(*) FROM dst')).to.equal('3000')
    expect(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('keeps the window of a run by the time of change, too', async () => {
    const endpoints = await slowTask({ mode: 'increment', diff_column: 'changed' })
    const { db, tasks } = endpoints
    for (const table of ['src', 'dst'])
      await db.query(`ALTER TABLE ${table} ADD COLUMN changed DATETIME NOT NULL DEFAULT '2020-01-01'`)
    await killedAt(ROWS / 6, tasks.start('run', '1'), endpoints)
    const before = await left(endpoints)
    await db.query("INSERT INTO src VALUES (100001, 'came later', UTC_TIMESTAMP())")
    // A hundred years ago.
    await db.query(`UPDATE rowshift_checkpoint SET state = REPLACE(state, '"started":"20', '"started":"19')`)
    const outcome = await ended(tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report).to.include({ mode: 'increment', rowsRead: ROWS })
    expect(outcome.report.resumed!.rowsRead).to.equal(before.rows)
    // The clock has gone on since its window was chosen.
    expect(outcome.report.secondsBehind).to.be.above(99 * 365 * 86_400)
    await db.query('DELETE FROM src WHERE id = 100001')
    await endpoints.expectEqual()
  })

  it('deletes what the source has flagged in the transaction of the other rows', async () => {
    const deletes = { source_flag: 'gone' }
    const endpoints = await slowTask({
      mode: 'increment',
      diff_column: 'changed',
      deletes,
      write_mode: 'upsert',
    })
    const { db, tasks } = endpoints
    for (const table of ['src', 'dst'])
      await db.query(`ALTER TABLE ${table} ADD COLUMN changed DATETIME NOT NULL DEFAULT '2020-01-01'`)
    await db.query(`ALTER TABLE src ADD COLUMN gone INT NOT NULL DEFAULT 0; UPDATE src SET gone = 1 WHERE id % 10 = 0;
      INSERT INTO dst SELECT id, 'old', '2019-01-01' FROM src WHERE gone`)
    await tasks.cli('watermark', '1', '--mode', 'increment', '--set', '2019-06-01')
    await killedAt(ROWS / 3, tasks.start('run', '1'), endpoints)
    const outcome = await ended(tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report).to.include({ rowsRead: ROWS * 0.9, rowsDeleted: ROWS / 10 })
    expect(outcome.report.resumed!.rowsRead).to.be.greaterThan(ROWS / 6)
    await db.query('DELETE FROM src WHERE gone; ALTER TABLE src DROP COLUMN gone')
    await endpoints.expectEqual()
  })

  it('begins anew where the watermark was moved meanwhile, or is refused', async () => {
    const endpoints = await slowTask({ pk: 'id', mode: 'append' })
    const { tasks } = endpoints
    await killedAt(ROWS / 6, tasks.start('run', '1'), endpoints)
    const moved = await tasks.cli('watermark', '1', '--mode', 'append', '--set', '59000')
    expect(moved.code, moved.stderr).to.equal(0)
    const why = 'the watermark of mode append was moved'
    expectRefusal(await tasks.cli('resume', 'latest'), 3, 'RESUME_REFUSED', why)
    const outcome = await ended(tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.stderr).to.include(why)
    expect(outcome.report).to.include({ resumed: null, rowsRead: 999 })
  })

  it('does not copy all rows again where it was killed between its watermark and the history', async () => {
    const endpoints = await slowTask({ pk: 'id', where: 'id < 3000' })
    const { db, tasks } = endpoints
    await db.query('ALTER TABLE dst DROP PRIMARY KEY')
    const [program] = programsOf([{ name: 'failpoints', edits: [] }])
    const env = { ROWSHIFT_FAILPOINT: 'watermarks-saved:1:kill' }
    const killed = tasks.startWith({ env, program: program! }, 'run', '1')
    expect(await killed.code(), killed.stderr).to.equal(null)
    expect(await tasks.store.value('SELECT COUNT(*) FROM rowshift_watermark')).to.not.equal('0')
    const outcome = await ended(tasks.start('run', '1'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(await endpoints.value('SELECT COUNT(*) FROM dst')).to.equal('3000')
    expect(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('is refused where it has ended without a record, and its rows would be inserted again', async () => {
    const endpoints = await slowTask({ where: 'id < 3000' })
    const { db, tasks } = endpoints
    await db.query('ALTER TABLE dst DROP PRIMARY KEY')
    const [program] = programsOf([{ name: 'failpoints', edits: [] }])
    const env = { ROWSHIFT_FAILPOINT: 'watermarks-saving:1:kill' }
    const killed = tasks.startWith({ env, program: program! }, 'run', '1')
    expect(await killed.code(), killed.stderr).to.equal(null)
    await tasks.store.value(`UPDATE task_def_sync_manager SET params = REPLACE(params, '< 3000', '< 4000')`)
    expectRefusal(await tasks.cli('run', '1'), 3, 'RESUME_REFUSED', 'other params', '--restart')
    expect(await endpoints.value('SELECT COUNT(*) FROM dst')).to.equal('3000')
  })

  it('is not resumed by itself where its splits are stored and it failed all the same', async () => {
    const params = { error_limit: { percentage: 0.001 }, write_mode: 'upsert' }
    const endpoints = await slowTask({ ...params, where: 'id < 3000' })
    await endpoints.db.query('ALTER TABLE dst ADD CHECK (id <> 1500)')
    const first = await ended(endpoints.tasks.start('run', '1'))
    expect(first.report.error, first.stderr).to.include({ code: 'DATA_REJECTED' })
    expect(first.report.error!.message).to.include(
      `with a higher error_limit, "rowshift resume ${first.report.runId}"`,
    )
    const again = await ended(endpoints.tasks.start('run', '1'))
    expect(again.report).to.include({ resumed: null, rowsRead: 3000 })
    expect(again.stderr).to.include('all of its splits are stored, and it failed all the same')
    await endpoints.tasks.store.value(
      "UPDATE task_def_sync_manager SET params = REPLACE(params, '0.001', '50') WHERE id = 1",
    )
    const last = await ended(endpoints.tasks.start('resume', again.report.runId))
    expect(last.code, last.stderr).to.equal(0)
    expect(last.report).to.include({ rowsRead: 3000, dirtyRows: 1 })
  })

  it('says what is left to do where the last step failed', async () => {
    const endpoints = await slowTask({ where: 'id < 3000', post_sql: ['SELECT nothing FROM @table'] })
    const failed = await ended(endpoints.tasks.start('run', '1'))
    expect(failed.code, failed.stderr).to.equal(1)
    expect(failed.report.error!.message)
      .to.include('run the rest of post_sql by hand')
      .and.not.include('rowshift resume')
    expect(failed.report.resumable).to.equal(null)
    expectRefusal(await endpoints.tasks.cli('resume', 'latest'), 3, 'RESUME_REFUSED', 'see to that by hand')
  })
})

describe('a copy that is killed and does more than copy', () => {
  it('goes on table by table', async () => {
    const db = await TestDatabase.create(
      oneServer()[0]!,
      `${sourceSql('id INT PRIMARY KEY, v VARCHAR(100)')}; CREATE TABLE dst (id INT, v VARCHAR(100))`,
    )
    await db.query(`CREATE TABLE part_0 LIKE src; CREATE TABLE part_1 LIKE src; CREATE TABLE part_2 LIKE src;
      INSERT INTO part_0 SELECT * FROM src WHERE id < 20000;
      INSERT INTO part_1 SELECT * FROM src WHERE id BETWEEN 20000 AND 39999;
      INSERT INTO part_2 SELECT * FROM src WHERE id >= 40000`)
    const endpoints = {
      from: db.url('part_{0..2}'),
      to: db.url('dst'),
      value: (sql: string) => db.value(sql),
      expectEqual: () => db.expectEqual('src', 'dst'),
    }
    await killedAt(ROWS / 6, started(['copy'], endpoints), endpoints)
    await killedAt(ROWS / 2, started(['resume', 'latest'], endpoints), endpoints)
    const before = await left(endpoints)
    const outcome = await resumed(endpoints)
    await expectWhole(endpoints, outcome, before)
    expect(outcome.report.sources!.map(({ rowsRead }) => rowsRead)).to.deep.equal([20_000, 20_000, 20_000])
  })

  it('gives no id twice', async () => {
    const db = await TestDatabase.create(
      oneServer()[0]!,
      `${sourceSql(KEYED)}; CREATE TABLE dst (new_id BIGINT PRIMARY KEY, id INT, v VARCHAR(100))`,
    )
    const endpoints = {
      from: db.url('src'),
      to: db.url('dst'),
      value: (sql: string) => db.value(sql),
      expectEqual: async () => {
        const sql = 'SELECT COUNT(*), COUNT(DISTINCT id), SUM(id) FROM'
        expect(await db.query(`${sql} dst`)).to.deep.equal(await db.query(`${sql} src`))
      },
    }
    const params = { columns: ['*', { to: 'new_id', id: 'sequence' }] }
    await killedAt(ROWS / 3, started(['copy'], endpoints, params), endpoints)
    const before = await left(endpoints)
    await expectWhole(endpoints, await resumed(endpoints, params), before)
  })

  it('keeps each rejected row once in the file that it began', async () => {
    for (const sharded of [false, true]) {
      const endpoints = await endpointsOn(oneServer()[0]!, `${KEYED}, CHECK (id % 3000 <> 1)`)
      const { db } = endpoints
      const shards = [0, 1].map((i) => `CREATE TABLE dst_${i} LIKE dst`).join(';')
      if (sharded)
        await db.query(
          `${shards}; DROP TABLE dst; CREATE VIEW dst AS SELECT * FROM dst_0 UNION ALL SELECT * FROM dst_1`,
        )
      const to = sharded ? db.url('dst_{0..1}') : endpoints.to
      const file = scratchFile('tsv')
      const shard = sharded ? { shard: { by: 'id', hash: 'modulo' } } : {}
      const params = { error_limit: 20, worker_num: 2, dirty_file: file, ...shard }
      const both = { ...endpoints, to }
      await killedAt(ROWS / 2, started(['copy'], both, params), endpoints)
      // As a split leaves it that was killed before its commit, and one that was killed while it wrote.
      const [line] = readFileSync(file, 'utf8').split('\n')
      appendFileSync(file, `${line!.slice(0, line!.lastIndexOf('\t'))}\t1:0.9999\n${line!.slice(0, 20)}`)
      await killedAt(ROWS / 1.5, started(['resume', 'latest'], both, params), endpoints)
      const outcome = await resumed(both, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report).to.include({ rowsRead: ROWS, dirtyRows: 20, dirtyFile: file })
      const ids = readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((each) => Number(each.split('\t')[0]))
      const expected = Array.from({ length: 20 }, (_, i) => i * 3000 + 1)
      expect(ids.sort((a, b) => a - b)).to.deep.equal(expected)
      await db.query(`CREATE TABLE again (${KEYED})`)
      const args = ['copy', '--from', `file:${file}`, '--to', db.url('again')]
      const again = await runWithReport(args)
      expect(again.report, again.stderr).to.include({ rowsWritten: 20 })
    }
  })

  it('changes no id that a map has given, and gives none twice', async () => {
    for (const id of ['sequence', 'snowflake']) {
      const target = 'new_id BIGINT PRIMARY KEY, old INT, v VARCHAR(100)'
      const endpoints = await endpointsOn(oneServer()[0]!, target)
      const { db } = endpoints
      const map = { type: id, map: { table: 'id_map' } }
      const params = { columns: [{ from: 'id', to: 'new_id', id: map }, { from: 'id', to: 'old' }, '*'] }
      await db.query('CREATE TABLE given (old_id INT PRIMARY KEY, new_id BIGINT)')
      for (const [rows, command] of [
        [ROWS / 6, ['copy']],
        [ROWS / 2, ['resume', 'latest']],
      ] as const) {
        await killedAt(rows, started(command, endpoints, params), endpoints)
        await db.query('REPLACE INTO given SELECT old_id, new_id FROM id_map')
      }
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      const all =
        'SELECT COUNT(*), COUNT(DISTINCT new_id), COUNT(DISTINCT old) FROM dst JOIN id_map USING (new_id) WHERE old = old_id'
      expect(await db.query(all)).to.deep.equal([[ROWS, ROWS, ROWS].map(String)])
      const changed =
        'SELECT COUNT(*) FROM given LEFT JOIN id_map m USING (old_id) WHERE NOT m.new_id <=> given.new_id'
      expect(await db.value(changed)).to.equal('0')
    }
  })

  it('counts the rows that were rejected before', async () => {
    const db = await TestDatabase.create(
      oneServer()[0]!,
      `${sourceSql(KEYED)}; CREATE TABLE dst (${KEYED}, CHECK (id % 3000 <> 1))`,
    )
    const endpoints = {
      from: db.url('src'),
      to: db.url('dst'),
      value: (sql: string) => db.value(sql),
      expectEqual: async () => {
        await db.query('DELETE FROM src WHERE id % 3000 = 1')
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(
          await db.value('SELECT COUNT(*) FROM src'),
        )
      },
    }
    const params = { error_limit: 20, worker_num: 1 }
    await killedAt(
      ROWS / 2,
      started(['copy'], endpoints, { ...params, dirty_file: scratchFile('tsv') }),
      endpoints,
    )
    const state = await left(endpoints)
    const again = { ...params, dirty_file: scratchFile('tsv') }
    const outcome = await runWithReport(['resume', 'latest', ...copyArgs(endpoints, again)])
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report).to.include({ rowsRead: ROWS, dirtyRows: 20 })
    expect(outcome.report.resumed!.splits).to.equal(state.splits)
    const lines = readFileSync(again.dirty_file, 'utf8').split('\n').length - 1
    expect(lines).to.be.within(1, 19)
    expect(outcome.report.warnings.join('\n'))
      .to.match(
        new RegExp(`^${20 - lines} rows? that earlier attempts .* left in their file, which is not`, 'm'),
      )
      .and.match(new RegExp(`^${lines} rows? (was|were) rejected and (is|are) in `, 'm'))
    await endpoints.expectEqual()
  })
})
