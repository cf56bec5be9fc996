// What a full copy leaves for later incremental runs to begin at.
import { readFileSync, rmSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { StoredTask } from '../support/stored-task.js'
import { TaskFixture } from '../support/task-fixture.js'

async function seededOn(db: TestDatabase, columns: string, row: string, params: object) {
  await db.query(
    `DROP TABLE IF EXISTS s, t; CREATE TABLE s (${columns}); CREATE TABLE t (${columns}); INSERT INTO s VALUES (${row})`,
  )
  const task = new StoredTask(db.url('s'), db.url('t'), params)
  await task.run()
  return task.watermarks
}

async function seededInFiles(columns: string, row: string, params: object) {
  const files = [scratchFile('db'), scratchFile('db')]
  for (const file of files) {
    const database = new Database(file)
    database.exec(`CREATE TABLE s (${columns}); INSERT INTO s SELECT ${row} WHERE ${file === files[0]}`)
    database.close()
  }
  const [from, to] = files.map((file) => `sqlite:${file}?table=s`)
  const task = new StoredTask(from!, to!, params)
  await task.run()
  return task.watermarks
}

describe('the watermarks of a full copy', () => {
  it('are those of a rising number and of a time', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      const found = await seededOn(db, 'id INT PRIMARY KEY, changed DATETIME', "7, '2024-01-01'", {
        diff_column: 'changed',
      })
      expect(found).to.have.keys('append', 'increment').and.to.include({ append: '7' })
    }
    const found = await seededInFiles('id INTEGER PRIMARY KEY, changed DATETIME', "7, '2024-01-01'", {})
    expect(found).to.deep.equal({ append: '7' })
  })

  it('are none for a diff_column that does not say when, and none for a key that is not a number', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      for (const type of ['BIGINT', 'VARCHAR(20)']) {
        const columns = `id VARCHAR(20) PRIMARY KEY, changed ${type}`
        const found = await seededOn(db, columns, "'a', '20240101'", { diff_column: 'changed' })
        expect(found, type).to.deep.equal({})
      }
    }
    const columns = 'id TEXT PRIMARY KEY NOT NULL, changed TEXT'
    const found = await seededInFiles(columns, "'a', '2024-01-01'", { diff_column: 'changed' })
    expect(found).to.deep.equal({})
  })

  it('are refused when the store has another value than the column can have', async () => {
    const columns = 'id INT PRIMARY KEY, name VARCHAR(20), changed DATETIME'
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query(
        `CREATE TABLE s (${columns}); CREATE TABLE t LIKE s; INSERT INTO s VALUES (1, 'a', '2024-01-01')`,
      )
      for (const [params, watermark] of [
        [{ mode: 'append' }, '0 OR 1 = 1'],
        [{ mode: 'append' }, '(SELECT 0)'],
        [{ mode: 'increment', diff_column: 'changed' }, "2020-01-01' OR '1"],
        [{ mode: 'increment', diff_column: 'changed' }, '20200101'],
      ] as const) {
        const task = new StoredTask(db.url('s'), db.url('t'), params)
        task.watermarks = { [params.mode]: watermark }
        const { error } = await task.attempt()
        expect(error?.code, watermark).to.equal('PARAMS_INVALID')
        expect(error?.message).to.include(JSON.stringify(watermark))
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      }
    }
  })

  it('are not taken from a target column that holds something else', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query(
        `CREATE TABLE s (id INT PRIMARY KEY, changed DATETIME); INSERT INTO s VALUES (1, '2024-01-01'), (2, '2024-01-02');
         CREATE TABLE t (id INT PRIMARY KEY, old_id INT, changed DATETIME); INSERT INTO t VALUES (900, 1, '2024-01-05')`,
      )
      const columns = [
        { to: 'id', id: 'sequence' },
        { from: 'id', to: 'old_id' },
        { to: 'changed', sql: 'changed + INTERVAL 4 DAY' },
      ]
      const copy = (params: object) =>
        runWithReport([
          'copy',
          '--from-target',
          '--from',
          db.url('s'),
          '--to',
          db.url('t'),
          '--params',
          JSON.stringify({ columns, write_mode: 'insert', ...params }),
        ])
      const { report } = await copy({ mode: 'append' })
      expect(report).to.include({ rowsWritten: 1, error: null })
      expect(await db.value('SELECT GROUP_CONCAT(old_id ORDER BY old_id) FROM t')).to.equal('1,2')
      const refused = await copy({ mode: 'increment', diff_column: 'changed' })
      expectRefusal(refused, 2, 'PARAMS_INVALID', 'changed does not go unchanged into changed of t')
    }
  })
})

describe('a watermark', () => {
  it('stays before rows that are refused, and is moved by hand', async () => {
    // What stores watermarks is the same for both servers.
    for (const server of [...oneServer(), null]) {
      const fixture = await TaskFixture.create(server)
      const { data } = fixture
      await data.value('CREATE TABLE a (id INTEGER PRIMARY KEY, v INT NOT NULL)')
      await data.value('CREATE TABLE b (id INTEGER PRIMARY KEY, v INT NOT NULL UNIQUE)')
      await data.value('INSERT INTO a VALUES (1, 1), (2, 2)')
      await data.value('INSERT INTO b VALUES (90, 3)')
      const dirty_file = scratchFile('tsv')
      await fixture.addTask(1, 'b', { from: 'a', params: JSON.stringify({ error_limit: 1, dirty_file }) })
      const marks = (...args: string[]) => fixture.json('watermark', '1', ...args)
      expect((await fixture.cli('watermark', '1')).stdout).to.include('has no watermark')
      expect((await fixture.cli('run', '1')).code).to.equal(0)
      expect(await marks()).to.deep.equal({ append: '2' })

      await data.value('INSERT INTO a VALUES (3, 3), (4, 4)')
      const refused = await fixture.cli('run', '1', '--mode', 'append')
      expect(refused.code, refused.stderr).to.equal(0)
      expect(refused.stdout).to.include(
        'WARNING: the watermark of task 1 stays where it was (2), because 1 row was rejected',
      )
      expect(refused.stdout).to.include("rowshift watermark 1 --mode append --set '4'")
      expect(await marks()).to.deep.equal({ append: '2' })

      await data.value('DELETE FROM b WHERE id = 90')
      for (const file of [dirty_file, `${dirty_file}.json`]) rmSync(file)
      expect((await fixture.cli('run', '1', '--mode', 'append')).stdout).not.to.include('WARNING')
      expect(await marks()).to.deep.equal({ append: '4' })
      expect(Number(await data.value('SELECT COUNT(*) FROM a JOIN b ON a.id = b.id AND a.v = b.v'))).to.equal(
        4,
      )

      expect(await marks('--set', '3', '--mode', 'append')).to.deep.equal({ append: '3' })
      const again = await fixture.json<RunReport>('run', '1', '--mode', 'append')
      expect(again).to.include({ rowsRead: 1, rowsSkipped: 1 })
      expect(await marks('--reset')).to.deep.equal({})
      expectRefusal(await fixture.cli('watermark', '1', '--set', '3'), 2, 'USAGE', '--mode')
      expectRefusal(
        await fixture.cli('watermark', '1', '--set', '7', '--mode', 'increment'),
        2,
        'USAGE',
        'a time',
      )
      expectRefusal(await fixture.cli('watermark', '1', '--set', '7', '--reset'), 2, 'USAGE', 'not both')
      expectRefusal(await fixture.cli('watermark', '9'), 2, 'TASK_NOT_FOUND', 'no task 9')
    }
  })

  it('that stays behind the clock says so at the end of the run and in the history, and who holds it', async () => {
    // Which sessions hold it is the same question on both servers, in tables of their own.
    for (const server of servers()) {
      const fixture = await TaskFixture.create(server)
      const timed =
        'id INT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY (at)'
      for (const name of ['a', 'b', 'other']) await fixture.data.value(`CREATE TABLE ${name} (${timed})`)
      // What it is late by is counted from the clock, so `lag` spares the test a minute.
      await fixture.addTask(1, 'b', {
        from: 'a',
        params: '{"mode": "increment", "diff_column": "at", "lag": 70}',
      })
      await fixture.cli('watermark', '1', '--mode', 'increment', '--set', '2024-01-01 00:00:00')
      const held =
        /WARNING: the window ends \d+ s behind the source's clock, held by a transaction of connection \d+ \(root from .*\) and by lag, 70 s/
      const letGo = await fixture.data.hold('other')
      const report = scratchFile('json')
      try {
        const { code, stdout, stderr } = await fixture.cli('run', '1', '--report', report)
        expect(code, stderr).to.equal(0)
        expect(stdout.trimEnd().split('\n').at(-1)).to.match(held)
        expect((await fixture.cli('run', '--all')).stderr).to.match(/task 1: WARNING: the window ends/)
      } finally {
        await letGo()
      }
      const { delays, warnings } = JSON.parse(readFileSync(report, 'utf8')) as RunReport
      expect(delays).to.have.length(1)
      expect(warnings).to.include(delays[0])
      expect((await fixture.cli('history', '1')).stdout)
        .to.match(/WARNING: the window ends \d+ s behind/)
        .and.to.match(held)
      const free = await fixture.cli('run', '1')
      expect(free.code, free.stderr).to.equal(0)
      expect(free.stdout).not.to.include('WARNING')
    }
  })

  it('passes no row unsaid: keys that need not rise, rows that a lookup skips, a target that was emptied', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id CHAR(36) CHARACTER SET ascii PRIMARY KEY, k INT NOT NULL); INSERT INTO s VALUES ('a', 1), ('b', 2);
         CREATE TABLE t (id CHAR(36) CHARACTER SET ascii PRIMARY KEY, v INT); CREATE TABLE l (k INT PRIMARY KEY, v INT); INSERT INTO l VALUES (1, 10), (2, 20)`,
      )
      const columns = [
        'id',
        { from: 'k', to: 'v', lookup: { in: 'source', table: 'l', key: 'k', value: 'v', missing: 'skip' } },
      ]
      const task = new StoredTask(db.url('s'), db.url('t'), { mode: 'append', columns })
      const first = (await task.run()).warnings.join()
      expect(first).to.include('values of type char(36) need not rise').and.to.include('"missing": "skip"')
      expect(first).not.to.include('is empty')
      await db.query("INSERT INTO s VALUES ('c', 9), ('d', 1)")
      const skipping = await task.run()
      expect(skipping).to.include({ rowsWritten: 1, rowsFiltered: 1, lookupMisses: 1 })
      expect(skipping.watermarkPassed).to.match(/^1 row whose key a lookup did not find was left out/)
      expect(skipping.warnings).to.include(skipping.watermarkPassed)
      expect((await task.run()).watermarkPassed).to.equal(null)
      await db.query('TRUNCATE TABLE t')
      expect((await task.attempt()).error).to.include({ code: 'WATERMARK_STALE' })
      const byHand = new StoredTask(db.url('s'), db.url('t'), { mode: 'append', columns })
      byHand.watermarks = task.watermarks
      expect((await byHand.run()).warnings.join())
        .to.include('target t is empty')
        .and.to.include('--mode init')
    }
  })

  it('is set by hand to values of its column only', async () => {
    for (const server of oneServer()) {
      const fixture = await TaskFixture.create(server)
      const { data } = fixture
      for (const name of ['a', 'a_1', 'a_2', 'b'])
        await data.value(
          `CREATE TABLE ${name} (id INTEGER PRIMARY KEY, at DATETIME, day DATE, v VARCHAR(20) NOT NULL UNIQUE)`,
        )
      const tasks = {
        id: {},
        v: { pk: 'v' },
        at: { diff_column: 'at' },
        day: { diff_column: 'day' },
        ms: { diff_column: { src: 'id', type: 'epoch_ms' } },
      }
      for (const [i, params] of Object.values(tasks).entries())
        await fixture.addTask(i + 1, 'b', { from: 'a', params: JSON.stringify(params) })
      await fixture.addTask(9, 'b', { from: 'a_{1..2}' })
      const set = (task: number, mode: string, value: string) =>
        fixture.cli('watermark', String(task), '--mode', mode, '--set', value)
      for (const [task, mode, value, ...words] of [
        [1, 'append', 'x', 'is not a value of id', 'a whole number'],
        [1, 'append', '1.5', 'a whole number'],
        [3, 'increment', '2024-02-30 00:00:00', 'a time'],
        [4, 'increment', '2024-01-31 10:00:00', 'is not a value of day', 'a date, like'],
        [5, 'increment', 'x', 'a whole number'],
        [9, 'append', '7', 'the source is 2 tables'],
        [9, 'append', '{"a_3": "7"}', 'a_3, which is none of the source tables: a_1, a_2'],
        [9, 'append', '{"a_1": "x"}', 'is not a value of id'],
      ] as const)
        expectRefusal(await set(task, mode, value), 2, 'USAGE', ...words)
      expectRefusal(await set(1, 'increment', '2024-01-31'), 2, 'PARAMS_INVALID', 'diff_column')
      for (const [task, mode, value, kept = value] of [
        [1, 'append', '12'],
        [2, 'append', 'x'],
        [3, 'increment', '2024-01-31', '2024-01-31 00:00:00'],
        [4, 'increment', '2024-01-31'],
        [5, 'increment', '1706659200000'],
        [9, 'append', '{"a_1":"7"}'],
      ] as const) {
        const { code, stdout, stderr } = await set(task, mode, value)
        expect(code, stderr).to.equal(0)
        expect(stdout).to.include(kept)
      }
      await data.value('DROP TABLE a')
      expectRefusal(await set(1, 'append', '12'), 2, 'TABLE_NOT_FOUND')
    }
  })

  it('is not gone on from when the task was changed', async () => {
    const [server] = oneServer()
    const fixture = await TaskFixture.create(server!)
    const { data, store } = fixture
    await data.value('CREATE TABLE a (id INTEGER PRIMARY KEY, v INT NOT NULL)')
    await data.value('CREATE TABLE b (id INTEGER PRIMARY KEY, v INT)')
    await data.value('INSERT INTO a VALUES (1, 1), (2, 2), (3, 1)')
    await fixture.addTask(1, 'b', { from: 'a', params: '{"where": "v = 1"}' })
    const run = (mode: string) => fixture.cli('run', '1', '--mode', mode)
    const set = (change: string) => store.value(`UPDATE task_def_sync_manager SET ${change} WHERE id = 1`)
    expect((await run('init')).code).to.equal(0)
    expect((await run('append')).code).to.equal(0)
    await set(`params = '{"worker_num": 2, "where": "v > 0"}'`)
    const ways = ['--mode init', '--mode sync', "rowshift watermark 1 --mode append --set '3'"]
    expectRefusal(await run('append'), 2, 'PARAMS_INVALID', 'where was v = 1, and is v > 0', ...ways)
    expectRefusal(await fixture.cli('plan', '1', '--mode', 'append'), 2, 'PARAMS_INVALID', 'where was v = 1')
    // A comparison looks at all rows, whatever the mode of the task.
    await set(`params = '{"mode": "append", "where": "v > 0"}'`)
    expect((await fixture.cli('verify', '1')).code).to.equal(4)
    const synced = await run('sync')
    expect(synced.code, synced.stderr).to.equal(0)
    expect((await fixture.cli('watermark', '1', '--mode', 'append', '--set', '3')).code).to.equal(0)
    expect((await run('append')).code).to.equal(0)
    expect(Number(await data.value('SELECT COUNT(*) FROM b'))).to.equal(3)
    for (const damaged of [
      '{"source',
      '[]',
      '{"marks": 7}',
      '{"source": "a", "marks": {"sources": {"a": 7}}}',
    ]) {
      await store.value(`UPDATE rowshift_watermark SET value = '${damaged}' WHERE mode = 'append:about'`)
      const way = "rowshift watermark 1 --mode append --set '3'"
      expectRefusal(await run('append'), 2, 'PARAMS_INVALID', 'is damaged', way)
    }
    expect((await fixture.cli('watermark', '1', '--mode', 'append', '--set', '3')).code).to.equal(0)
    expect((await run('append')).code).to.equal(0)
    await set(`to_table = 'dst'`)
    expectRefusal(await run('append'), 2, 'PARAMS_INVALID', 'target was', '.b, and is', '.dst')
    await set(`to_table = 'b', params = '{"where": "v > 0", "columns": ["id"]}'`)
    expectRefusal(await run('append'), 2, 'PARAMS_INVALID', 'columns was none')
    const long = (value: number) => set(`params = '{"where": "${'v > 0 AND '.repeat(20)}v < ${value}"}'`)
    await long(70)
    expect((await fixture.cli('watermark', '1', '--mode', 'append', '--set', '3')).code).to.equal(0)
    expect((await run('append')).code).to.equal(0)
    await long(80)
    expectRefusal(
      await run('append'),
      2,
      'PARAMS_INVALID',
      'v > 0 AND v < 70, and is …',
      'v > 0 AND v < 80. Mode',
    )
    await set(`params = '{"where": "v > 0", "columns": ["id"], "write_mode": "upsert"}'`)
    expect((await run('init')).code).to.equal(0)
    expect((await run('append')).code).to.equal(0)
  })
})

describe('a run that begins where the target ends', () => {
  it('follows the order of the members of an ENUM, not that of their names', async () => {
    for (const server of servers()) {
      // Without an index, the servers' MAX compares names.
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (k ENUM('z','m','a','b') PRIMARY KEY); CREATE TABLE t (k ENUM('z','m','a','b'));
         INSERT INTO s VALUES ('z'), ('m'), ('a'), ('b'); INSERT INTO t VALUES ('z'), ('m'), ('a')`,
      )
      const args = ['--from', db.url('s'), '--to', db.url('t'), '--from-target', '--param', 'mode=append']
      const { code, stderr } = await runWithReport(['copy', ...args, '--param', 'write_mode=insert'])
      expect(code, stderr).to.equal(0)
      expect(await db.query('SELECT COUNT(*), COUNT(DISTINCT k) FROM t')).to.deep.equal([['4', '4']])
    }
  })
})
