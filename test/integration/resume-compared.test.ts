// Unfinished runs without checkpoints: whoever goes on with them compares both tables.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, servers } from '../support/context.js'
import type { Outcome } from '../support/copying.js'
import { expectRefusal } from '../support/copying.js'
import {
  BRAKE,
  endpointsIn,
  endpointsOn,
  KEYED,
  killedAt,
  resumed,
  ROWS,
  sourceSql,
  started,
} from '../support/killed-runs.js'
import type { TestServer } from '../support/servers.js'
import { TaskFixture } from '../support/task-fixture.js'

/** Of nobody's copy. */
const OTHER = "INSERT INTO dst VALUES (100001, 'was there')"

type Endpoints = Awaited<ReturnType<typeof endpointsOn>>

async function intoMyisam(server: TestServer): Promise<Endpoints> {
  const endpoints = await endpointsOn(server)
  await endpoints.db.query('ALTER TABLE dst ENGINE=MyISAM')
  return endpoints
}

/** Everything is there once, what was there before has not been written again, and rows of others stay. */
async function expectCompleted(endpoints: Endpoints, { code, stderr, report }: Outcome): Promise<void> {
  expect(code, stderr).to.equal(0)
  expect(stderr).to.include('compares both tables and writes what is missing')
  expect(report.rowsWritten).to.be.within(1, ROWS * 0.9)
  expect(report.rowsDeleted).to.equal(0)
  expect(await endpoints.value('SELECT COUNT(*) FROM dst WHERE id = 100001')).to.equal('1')
  await endpoints.db.query('DELETE FROM dst WHERE id = 100001')
  await endpoints.expectEqual()
}

describe('a run without checkpoints that is killed', () => {
  it('is completed in a table that has no transactions', async () => {
    for (const server of servers()) {
      const endpoints = await intoMyisam(server)
      await endpoints.db.query(OTHER)
      const run = started(['copy'], endpoints)
      await killedAt(ROWS / 6, run, endpoints)
      expect(run.stderr).to.match(/it has no checkpoints to go on from \(.*MyISAM has no transactions\)/)
      await expectCompleted(endpoints, await resumed(endpoints))
    }
  })

  it('is completed by a user who may not make the table of checkpoints, which the plan says', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server)
      const { database } = endpoints.db
      const user = `u${database.slice(-20)}`
      await endpoints.db.query(`CREATE USER \`${user}\`@'%' IDENTIFIED BY 'a-Secret';
        GRANT SELECT, INSERT, UPDATE, CREATE TEMPORARY TABLES ON \`${database}\`.* TO \`${user}\`@'%'; ${OTHER}`)
      const as = (url: string) => url.replace(/\/\/[^@]*@/, `//${user}:a-Secret@`)
      const limited = { ...endpoints, from: as(endpoints.from), to: as(endpoints.to) }
      const run = started(['copy'], limited)
      await killedAt(ROWS / 6, run, endpoints)
      expect(run.stderr).to.match(/warning +if this run ends early, it has no checkpoints/)
      await expectCompleted(endpoints, await resumed(limited))
      await endpoints.db.query(`DROP USER \`${user}\`@'%'`)
    }
  })

  it('is completed when the moment of its snapshot is gone, which plan and error say', async () => {
    const endpoints = await endpointsOn(oneServer()[0]!)
    await endpoints.db.query(OTHER)
    const params = { consistency: 'snapshot', worker_num: 2 }
    const run = started(['copy'], endpoints, params)
    await killedAt(ROWS / 6, run, endpoints)
    expect(run.stderr).to.include('the moment that a snapshot shows is gone')
    await expectCompleted(endpoints, await resumed(endpoints, params))
    await endpoints.db.query(
      "DELETE FROM dst WHERE id < 1000; INSERT INTO dst VALUES (55000, 'in the way') ON DUPLICATE KEY UPDATE v = 'in the way'",
    )
    const failed = started(['copy'], endpoints, { ...params, where: `id >= 50000 AND (${BRAKE})` })
    expect(await failed.code()).to.equal(1)
    expect(failed.stderr).to.match(/This run has no checkpoints to go on from .*snapshot/)
  })

  it('is not completed by a comparison where more was to be done than to write rows, which plan and error say', async () => {
    const endpoints = await intoMyisam(oneServer()[0]!)
    const params = { post_sql: ['UPDATE dst SET v = NULL WHERE id = 7'] }
    const run = started(['copy'], endpoints, params)
    await killedAt(ROWS / 6, run, endpoints)
    expect(run.stderr).to.include('but not do post_sql, so begin it anew')
    const outcome = await resumed(endpoints, params)
    expectRefusal(outcome, 3, 'RESUME_REFUSED', 'post_sql', 'rowshift verify --repair')
    expect(Number(await endpoints.value('SELECT COUNT(*) FROM dst'))).to.be.within(ROWS / 6, ROWS - 1)
  })

  it('leaves rows alone that are there, by write mode ignore', async () => {
    const endpoints = await intoMyisam(oneServer()[0]!)
    await endpoints.db.query(`${OTHER}; INSERT INTO dst VALUES (7, 'mine')`)
    const params = { write_mode: 'ignore' }
    await killedAt(ROWS / 6, started(['copy'], endpoints, params), endpoints)
    const outcome = await resumed(endpoints, params)
    expect(await endpoints.value('SELECT v FROM dst WHERE id = 7')).to.equal('mine')
    await endpoints.db.query('UPDATE dst SET v = (SELECT v FROM src WHERE id = 7) WHERE id = 7')
    await expectCompleted(endpoints, outcome)
  })
})

describe('a task without checkpoints', () => {
  it('compares again by mode sync, and is run again in an incremental mode', async () => {
    const tasks = await TaskFixture.create(oneServer()[0]!)
    const db = tasks.database
    await db.query(`DROP TABLE src, dst; ${sourceSql(KEYED)}; CREATE TABLE dst (${KEYED}) ENGINE=MyISAM`)
    const endpoints = endpointsIn(db)
    const params = { pk: 'id', worker_num: 2, read_batch: 1000, where: BRAKE }
    await tasks.addTask(1, 'dst', { params: JSON.stringify(params) })
    await killedAt(ROWS / 6, tasks.start('run', '1', '--mode', 'append'), endpoints)
    const refused = await tasks.cli('resume', 'latest')
    expectRefusal(refused, 3, 'RESUME_REFUSED', 'it is run again from where it began', 'upsert')
    await killedAt(ROWS / 3, tasks.start('run', '1', '--mode', 'sync'), endpoints)
    const outcome = await tasks.cli('resume', 'latest')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.stderr).to.include('Mode "sync" goes on by comparing both tables from the start')
    await endpoints.expectEqual()
  })
})
