// A run says where its time went, and what is the limit.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { noTime } from '../../src/contract/time-spent.js'
import { bottleneckOf } from '../../src/engine/time-sentence.js'
import type { RunReport } from '../../src/index.js'
import { oneServer, server } from '../support/context.js'
import { runWithReport, TestDatabase } from '../support/copying.js'
import { withGlobals } from '../support/globals.js'

const TABLES = `CREATE TABLE s (id INT PRIMARY KEY, v INT); CREATE TABLE t LIKE s;
  INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 300) SELECT i, i FROM q`

/** The limit is that of the time in which threads had splits: on a busy machine, starting may take longer. */
function timesOf({ timeSpent = noTime, workerNum }: RunReport) {
  return { ...timeSpent.phases, limit: bottleneckOf({ timeSpent, seconds: 0, threads: workerNum }) }
}

describe('a run that ends', () => {
  it('knows that the source was slow', async () => {
    const db = await TestDatabase.create(
      oneServer()[0]!,
      TABLES.replace('CREATE TABLE t LIKE s', 'CREATE TABLE t (id INT PRIMARY KEY, v INT, slept INT)'),
    )
    const params = { columns: ['*', { sql: 'SLEEP(0.006)', to: 'slept' }], read_batch: 100 }
    const { code, report, stdout, stderr } = await db.copy('s', 't', params)
    expect(code, stderr).to.equal(0)
    expect(stdout).not.to.include('limit')
    const { limit, reading, writing } = timesOf(report)
    expect(limit, JSON.stringify(report.timeSpent)).to.equal('source')
    expect(reading.alone).to.be.above(writing.alone)
  })

  it('knows that the target was slow, and says so to whoever wants to know more', async () => {
    const db = await TestDatabase.create(
      oneServer()[0]!,
      `${TABLES}; CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.v + SLEEP(0.006)`,
    )
    const params = JSON.stringify({ worker_num: 2, read_batch: 100, allow_triggers: true })
    const ends = ['--from', db.url('s'), '--to', db.url('t'), '--params', params]
    const { code, report, stdout, stderr } = await runWithReport(['copy', ...ends, '-v'])
    expect(code, stderr).to.equal(0)
    expect(timesOf(report).limit, JSON.stringify(report.timeSpent)).to.equal('target')
    expect(stdout).to.match(/ the limit: of the time of 2 threads, \d+ % reading, \d+ % writing/)
  })

  it('tells commits from writing', async () => {
    const mysql = server('mysql')
    const db = await TestDatabase.create(mysql, TABLES)
    const restore = await withGlobals([mysql], { binlog_group_commit_sync_delay: '500000' })
    try {
      const { code, report, stderr } = await db.copy('s', 't', { read_batch: 100 })
      expect(code, stderr).to.equal(0)
      const { committing, writing } = timesOf(report)
      expect(committing.alone, JSON.stringify(report.timeSpent)).to.be.above(writing.alone)
    } finally {
      await restore()
    }
  })
})
