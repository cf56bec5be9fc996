// What the plan says before a run that will fail, or not do what was asked; and what a run says about rows that it did not write.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunRecord } from '../../src/contract/plugin.js'
import { oneServer, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { TaskFixture } from '../support/task-fixture.js'
import { verify } from '../support/verifying.js'

const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, v INT); CREATE TABLE dst LIKE src;
  INSERT INTO src VALUES (1, 1), (2, 2), (3, 3); INSERT INTO dst VALUES (2, 2), (3, 9)`

describe('a target that holds rows', () => {
  it('is warned about where insert would fail, and the error names the ways on', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      const failed = await db.copy('src', 'dst')
      const ways = ['killed', '"write_mode": "ignore"', '"mode": "sync"']
      expectRefusal(failed, 1, 'DUPLICATE_KEY', ...ways)
      expect(failed.report.error!.message.match(/"ignore"|insert never/g)).to.have.length(1)
      const warning = failed.report.warnings.find((text) => text.includes('holds rows already'))
      expect(warning).to.include('TRUNCATE TABLE @table').and.to.include('"mode": "sync"')
      for (const params of [{ write_mode: 'upsert' }, { pre_sql: ['TRUNCATE TABLE @table'] }]) {
        const { report, stderr } = await db.copy('src', 'dst', params)
        expect(report.status, stderr).to.equal('success')
        expect(report.warnings.join()).not.to.include('holds rows')
      }
      await db.query('TRUNCATE dst')
      expect((await db.copy('src', 'dst')).report.warnings).to.deep.equal([])
      // Without a key, and where the target gives the keys.
      await db.query(
        'CREATE TABLE own (n INT AUTO_INCREMENT PRIMARY KEY, v INT); INSERT INTO own (v) VALUES (1)',
      )
      expect((await db.copy('src', 'own', { columns: ['v'] })).report.warnings).to.deep.equal([])
    }
  })

  it('is warned about in SQLite too', async () => {
    const path = scratchFile('db')
    const database = new Database(path)
    database.exec(
      'CREATE TABLE s (id INTEGER PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO s VALUES (1); INSERT INTO t VALUES (1)',
    )
    database.close()
    const outcome = await runCli([
      'copy',
      '--from',
      `sqlite:${path}?table=s`,
      '--to',
      `sqlite:${path}?table=t`,
    ])
    expectRefusal(outcome, 1, 'DUPLICATE_KEY', '"mode": "sync"')
    expect(outcome.stderr.match(/write_mode": "|another "write_mode"/g)).to.have.length(2)
    expect(outcome.stderr).to.include('about 1 row\n')

    expect(outcome.stderr).to.match(/warning +target t holds rows .*DELETE FROM @table/)
  })
})

describe('rows that were not written', () => {
  it('are counted in what a person reads, and in the history', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.data.value('INSERT INTO dst VALUES (2, 2), (3, 9)')
    await fixture.addTask(1, 'dst', { params: '{"write_mode": "ignore"}' })
    await fixture.addTask(2, 'dst', { params: '{"write_mode": "upsert"}' })
    await fixture.addTask(3, 'dst', { params: '{"mode": "sync", "pre_sql": ["DELETE FROM @table"]}' })
    const run = async (id: number) => (await fixture.cli('run', String(id))).stdout
    expect(await run(1))
      .to.match(/^Copied 1 row \(/)
      .and.to.include('2 rows were skipped')
    expect(await run(2))
      .to.match(/^Copied 1 row \(/)
      .and.to.include('2 rows were unchanged')
    await fixture.data.value('INSERT INTO dst VALUES (7, 7)')
    expect(await run(3)).to.include('Written 0 rows, deleted 1.')
    const [last] = await fixture.json<RunRecord[]>('history', '3')
    expect(last!.report).to.include('pre_sql is not used in mode')
    const history = (await fixture.cli('history')).stdout
    for (const counts of ['2 skipped', '2 unchanged', '1 deleted']) expect(history).to.include(counts)
  })

  it('of a run that failed half-way come with the way on', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      await db.query('TRUNCATE dst; ALTER TABLE dst ADD CHECK (id <> 3)')
      const failed = await db.copy('src', 'dst', { read_batch: 1, worker_num: 1 })
      expectRefusal(failed, 1, 'DATA_REJECTED', 'rowshift resume', 'goes on from there')
      expect(failed.stdout).to.match(/^Failed after 2 rows/)
      const equal = await verify(db.url('src'), db.url('dst'), '--param', 'where=id < 3')
      expect(equal.code).to.equal(0)
    }
  })
})
