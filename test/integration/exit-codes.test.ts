// Exit codes 2 and 3 promise that nothing was written: what a run ends with follows what it has done.
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { verify } from '../support/verifying.js'

const ROWS = 3_000
/** Fails at row 2500 as if the table were gone, when rows of other splits are committed. */
const GONE = `CREATE TRIGGER gone BEFORE INSERT ON dst FOR EACH ROW BEGIN
  IF NEW.id = 2500 THEN SIGNAL SQLSTATE '42S02' SET MYSQL_ERRNO = 1146, MESSAGE_TEXT = 'no such table'; END IF; END`
const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, v INT); CREATE TABLE dst LIKE src;
  INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, i FROM q;
  INSERT INTO src SELECT id + 1000, v FROM src; INSERT INTO src SELECT id + 2000, v FROM src WHERE id <= ${ROWS - 2000}`

describe('the exit code of a run that fails', () => {
  it('is 1 once rows are committed, whatever the error', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      await db.query(GONE)
      const params = { worker_num: 1, read_batch: 500, allow_triggers: true }
      const outcome = await db.copy('src', 'dst', params)
      expectRefusal(outcome, 1, 'TABLE_NOT_FOUND')
      expect(outcome.report).to.include({ status: 'failed', targetChanged: true })
      // Splits are smaller on a busy machine.
      const { rowsWritten } = outcome.report
      expect(rowsWritten).to.be.within(2000, 2499)
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(String(rowsWritten))
    }
  })

  it('is 1 when only pre_sql, post_sql or --create has changed the target', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const before = await db.copy('src', 'dst', {
        pre_sql: ['INSERT INTO @table VALUES (-1, 1)', 'UPDATE nowhere SET v = 1'],
      })
      expectRefusal(before, 1, 'TABLE_NOT_FOUND', 'pre_sql')
      expect(before.report).to.include({ targetChanged: true, splits: 0 })
      const after = await db.copy('src', 'dst', {
        pre_sql: ['TRUNCATE TABLE @table'],
        post_sql: ['UPDATE @table SET w = 1'],
      })
      expectRefusal(after, 1, 'COLUMN_NOT_FOUND', 'post_sql')
      const created = await db.copy('src', 'made', {
        schema_save_mode: 'create_when_not_exist',
        pre_sql: ['UPDATE nowhere SET v = 1'],
      })
      expectRefusal(created, 1, 'TABLE_NOT_FOUND')
    }
  })

  it('stays 2 while nothing was changed', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const outcome = await db.copy('src', 'nowhere')
      expectRefusal(outcome, 2, 'TABLE_NOT_FOUND')
      expect(outcome.report.targetChanged).to.equal(false)
      const folder = scratchFile('none')
      const created = await db.copyTo('src', `sqlite:${folder}/t.db?table=t`, {
        schema_save_mode: 'create_when_not_exist',
      })
      expectRefusal(created, 2, 'CONFIG_INVALID', 'directory', folder)
    }
  })

  it('is 1 when a repair has written rows, which its report counts', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      await db.query(`INSERT INTO dst VALUES (100000, 1); ${GONE}`)
      const params = JSON.stringify({ worker_num: 1, read_batch: 500, allow_triggers: true })
      const options = ['--repair', '--params', params, '--max-delete', '100%']
      const outcome = await verify(db.url('src'), db.url('dst'), ...options)
      expectRefusal(outcome, 1, 'TABLE_NOT_FOUND')
      expect(outcome.report).to.include({ targetChanged: true, rowsWritten: 2000 })
      expect(await db.value('SELECT COUNT(*) FROM dst WHERE id < 100000')).to.equal('2000')
    }
  })
})

describe('a report that cannot be written', () => {
  const full = () => ['copy', '--from', `sqlite:${sqlite}?table=s`, '--to', `sqlite:${sqlite}?table=t`]
  const sqlite = scratchFile('db')

  it('appears on stdout, with a warning, and the run stays a success', async () => {
    const database = new Database(sqlite)
    database.exec(
      'CREATE TABLE s (id INTEGER PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO s VALUES (1)',
    )
    const outcome = await runCli([...full(), '--report', '/dev/full'])
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.stderr).to.match(/rowshift: --report \/dev\/full could not be written \(ENOSPC\)/)
    const report = JSON.parse(outcome.stdout) as RunReport
    expect(report).to.include({ status: 'success', rowsWritten: 1 })

    const failed = await runCli([...full(), '--report', '/dev/full', '--json'])
    expect(failed.code, failed.stderr).to.equal(1)
    expect(JSON.parse(failed.stdout)).to.nested.include({ 'error.code': 'DUPLICATE_KEY' })
    expect(database.value('SELECT COUNT(*) FROM t')).to.equal(1)

    database.exec('DELETE FROM t')
    const nowhere = await runCli([...full(), '--report', join(scratchFile('none'), 'x.json')])
    expectRefusal(nowhere, 2, 'USAGE', '--report')
    expect(database.value('SELECT COUNT(*) FROM t')).to.equal(0)
    database.close()
  })

  it('is readable by its owner only, also in a file that was there, when it may quote rows', async () => {
    const [made, there] = [scratchFile('json'), scratchFile('json')]
    writeFileSync(there, '')
    chmodSync(there, 0o644)
    const copy = ['copy', '--from', `sqlite:${sqlite}?table=s`, '--to', `sqlite:${sqlite}?table=t`]
    expect((await runCli([...copy, '--report', made])).code).to.equal(0)
    expect((await runCli([...copy, '--report', there])).code).to.equal(1)
    expect(readFileSync(there, 'utf8')).to.include('DUPLICATE_KEY')
    for (const file of [made, there]) expect(statSync(file).mode & 0o777, file).to.equal(0o600)
  })

  it('does not end run --all, whose tasks have run', async () => {
    const folder = scratchFile('etc')
    mkdirSync(folder)
    const store = scratchFile('db')
    writeFileSync(
      join(folder, 'local.json'),
      JSON.stringify({ task_meta: { db_type: 'sqlite', path: store } }),
    )
    writeFileSync(join(folder, 'db_global.json'), JSON.stringify({ from: {}, to: {} }))
    expect((await runCli(['init', '-c', folder])).code).to.equal(0)
    const outcome = await runCli(['run', '--all', '-c', folder, '--report', '/dev/full'])
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(JSON.parse(outcome.stdout)).to.deep.equal([])
  })
})
