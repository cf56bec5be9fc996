// Unfinished runs without checkpoints: whoever goes on with them compares both tables.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, servers } from '../support/context.js'
import type { Outcome } from '../support/copying.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import type { CopyEndpoints } from '../support/killed-runs.js'
import { BRAKE, killedAt, resumed, ROWS, sourceSql, started } from '../support/killed-runs.js'
import type { TestServer } from '../support/servers.js'
import { TaskFixture } from '../support/task-fixture.js'

const KEYED = 'id INT PRIMARY KEY, v VARCHAR(100)'
/** Of nobody's copy. */
const OTHER = "INSERT INTO dst VALUES (100001, 'was there')"

async function onServer(server: TestServer, options = ''): Promise<CopyEndpoints & { place: TestDatabase }> {
  const place = await TestDatabase.create(
    server,
    `${sourceSql(KEYED)}; CREATE TABLE dst (${KEYED}) ${options}`,
  )
  return {
    place,
    from: place.url('src'),
    to: place.url('dst'),
    value: (sql) => place.value(sql),
    expectEqual: () => place.expectEqual('src', 'dst'),
  }
}

/** Everything is there once, what was there before has not been written again, and rows of others stay. */
async function expectCompleted(
  ends: CopyEndpoints & { place: TestDatabase },
  { code, stderr, report }: Outcome,
): Promise<void> {
  expect(code, stderr).to.equal(0)
  expect(stderr).to.include('compares both tables and writes what is missing')
  expect(report.rowsWritten).to.be.within(1, ROWS * 0.9)
  expect(report.rowsDeleted).to.equal(0)
  expect(await ends.value('SELECT COUNT(*) FROM dst WHERE id = 100001')).to.equal('1')
  await ends.place.query('DELETE FROM dst WHERE id = 100001')
  await ends.expectEqual()
}

describe('a run without checkpoints that is killed', () => {
  it('is completed in a table that has no transactions', async () => {
    for (const server of servers()) {
      const ends = await onServer(server, 'ENGINE=MyISAM')
      await ends.place.query(OTHER)
      const run = started(['copy'], ends)
      await killedAt(ROWS / 6, run, ends)
      expect(run.stderr).to.match(/it has no checkpoints to go on from \(.*MyISAM has no transactions\)/)
      await expectCompleted(ends, await resumed(ends))
    }
  })

  it('is completed by a user who may not make the table of checkpoints, which the plan says', async () => {
    for (const server of servers()) {
      const ends = await onServer(server)
      const { database } = ends.place
      const user = `u${database.slice(-20)}`
      await ends.place.query(`CREATE USER \`${user}\`@'%' IDENTIFIED BY 'a-Secret';
        GRANT SELECT, INSERT, UPDATE, CREATE TEMPORARY TABLES ON \`${database}\`.* TO \`${user}\`@'%'; ${OTHER}`)
      const as = (url: string) => url.replace(/\/\/[^@]*@/, `//${user}:a-Secret@`)
      const limited = { ...ends, from: as(ends.from), to: as(ends.to) }
      const run = started(['copy'], limited)
      await killedAt(ROWS / 6, run, ends)
      expect(run.stderr).to.match(/warning +if this run ends early, it has no checkpoints/)
      await expectCompleted(ends, await resumed(limited))
      await ends.place.query(`DROP USER \`${user}\`@'%'`)
    }
  })

  it('is completed when the moment of its snapshot is gone, which plan and error say', async () => {
    const ends = await onServer(oneServer()[0]!)
    await ends.place.query(OTHER)
    const params = { consistency: 'snapshot', worker_num: 2 }
    const run = started(['copy'], ends, params)
    await killedAt(ROWS / 6, run, ends)
    expect(run.stderr).to.include('the moment that a snapshot shows is gone')
    await expectCompleted(ends, await resumed(ends, params))
    await ends.place.query(
      "DELETE FROM dst WHERE id < 1000; INSERT INTO dst VALUES (55000, 'in the way') ON DUPLICATE KEY UPDATE v = 'in the way'",
    )
    const failed = started(['copy'], ends, { ...params, where: `id >= 50000 AND (${BRAKE})` })
    expect(await failed.code()).to.equal(1)
    expect(failed.stderr).to.match(/This run has no checkpoints to go on from .*snapshot/)
  })

  it('leaves rows alone that are there, by write mode ignore', async () => {
    const ends = await onServer(oneServer()[0]!, 'ENGINE=MyISAM')
    await ends.place.query(`${OTHER}; INSERT INTO dst VALUES (7, 'mine')`)
    const params = { write_mode: 'ignore' }
    await killedAt(ROWS / 6, started(['copy'], ends, params), ends)
    const outcome = await resumed(ends, params)
    expect(await ends.value('SELECT v FROM dst WHERE id = 7')).to.equal('mine')
    await ends.place.query('UPDATE dst SET v = (SELECT v FROM src WHERE id = 7) WHERE id = 7')
    await expectCompleted(ends, outcome)
  })
})

describe('a task without checkpoints', () => {
  it('compares again by mode sync, and is run again in an incremental mode', async () => {
    const tasks = await TaskFixture.create(oneServer()[0]!)
    const place = tasks.database
    await place.query(`DROP TABLE src, dst; ${sourceSql(KEYED)}; CREATE TABLE dst (${KEYED}) ENGINE=MyISAM`)
    const ends = {
      place,
      from: place.url('src'),
      to: place.url('dst'),
      value: (sql: string) => place.value(sql),
      expectEqual: () => place.expectEqual('src', 'dst'),
    }
    const params = { pk: 'id', worker_num: 2, read_batch: 1000, where: BRAKE }
    await tasks.addTask(1, 'dst', { params: JSON.stringify(params) })
    await killedAt(ROWS / 6, tasks.start('run', '1', '--mode', 'append'), ends)
    const refused = await tasks.cli('resume', 'latest')
    expectRefusal(refused, 3, 'RESUME_REFUSED', 'it is run again from where it began', 'upsert')
    await killedAt(ROWS / 3, tasks.start('run', '1', '--mode', 'sync'), ends)
    const outcome = await tasks.cli('resume', 'latest')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.stderr).to.include('Mode "sync" goes on by comparing both tables from the start')
    await ends.expectEqual()
  })
})
