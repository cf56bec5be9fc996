// One moment for all threads while a writer is at work, and what a user without the privilege is told.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import { query, servers } from '../support/context.js'
import { expectRefusal, Place, runWithReport } from '../support/copying.js'

const ROWS = 20_000
const EACH = 100

async function accounts(place: Place): Promise<void> {
  await place.query(
    `CREATE TABLE s (id INT PRIMARY KEY, money INT NOT NULL, note VARCHAR(100)); CREATE TABLE t LIKE s;
     INSERT INTO s WITH RECURSIVE d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 199)
       SELECT a.n * 100 + b.n + 1, ${EACH}, REPEAT('x', 90) FROM d a JOIN d b ON b.n < 100`,
  )
}

/** Moves money between the two ends of the table, which are copied at different times, until told to stop. */
async function move(place: Place, signal: AbortSignal): Promise<number> {
  const { host, port, user, password } = place.server
  const connection = await createConnection({ host, port, user, password, database: place.database })
  let moves = 0
  try {
    while (!signal.aborted) {
      const from = 1 + (moves % 1000)
      await connection.query('START TRANSACTION')
      await connection.query(`UPDATE s SET money = money - 7 WHERE id = ${from}`)
      await connection.query(`UPDATE s SET money = money + 7 WHERE id = ${ROWS + 1 - from}`)
      await connection.query('COMMIT')
      moves++
    }
  } finally {
    await connection.end()
  }
  return moves
}

describe('consistency: snapshot', () => {
  it('copies one moment while money moves between rows', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      await accounts(place)
      for (let round = 0; round < 3; round++) {
        await place.query('TRUNCATE TABLE t')
        const stop = new AbortController()
        const writer = move(place, stop.signal)
        const outcome = await place.copy('s', 't', {
          consistency: 'snapshot',
          worker_num: 3,
          read_batch: 500,
        })
        stop.abort()
        expect(await writer, 'moves during the copy').to.be.above(20)
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report).to.include({ rowsWritten: ROWS, consistency: 'snapshot' })
        expect(outcome.report.splits, 'splits').to.be.above(20)
        expect(outcome.report.busySeconds).to.have.length(3)
        expect(await place.value('SELECT SUM(money) FROM t')).to.equal(String(ROWS * EACH))
        if (server.kind === 'mysql') expect(outcome.report.snapshotPosition).to.match(/^binlog\.\d+:\d+/)
      }
      // The writer was at work: the source has moved on.
      expect(await place.value('SELECT SUM(s.money <> t.money) > 0 FROM s JOIN t USING (id)')).to.equal('1')
    }
  })

  it('is refused before anything is written where the user may not lock', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      await place.query(
        'CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t LIKE s; INSERT INTO s VALUES (1)',
      )
      const user = `reader_${place.database}`.slice(0, 32)
      await query(
        server,
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'; GRANT SELECT, INSERT, DROP ON \`${place.database}\`.* TO '${user}'@'%'`,
      )
      const url = (table: string) => place.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`)
      const params = { consistency: 'snapshot', pre_sql: ['DROP TABLE @table'] }
      const outcome = await runWithReport([
        'copy',
        '--from',
        url('s'),
        '--to',
        url('t'),
        '--params',
        JSON.stringify(params),
      ])
      expectRefusal(outcome, 1, 'ACCESS_DENIED', 'LOCK TABLES', 'RELOAD', '"consistency": "split"')
      expect(await place.value('SELECT COUNT(*) FROM t')).to.equal('0')
      await query(server, `DROP USER '${user}'@'%'`)
    }
  })

  it('is refused for an engine without snapshots', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      await place.query(
        'CREATE TABLE s (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE TABLE t (id INT PRIMARY KEY)',
      )
      expectRefusal(await place.copy('s', 't', { consistency: 'snapshot' }), 2, 'PARAMS_INVALID', 'MyISAM')
    }
  })
})

describe('ranges with wide rows', () => {
  it('are divided and shared out, in a snapshot too', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      // Statistics see narrow rows; 30 of the 4,000 hold a megabyte each, side by side.
      await place.query(
        `CREATE TABLE s (id INT PRIMARY KEY, body LONGBLOB); CREATE TABLE t LIKE s;
         INSERT INTO s WITH RECURSIVE d (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM d WHERE n < 63)
           SELECT (a.n - 1) * 63 + b.n, 'x' FROM d a JOIN d b;
         UPDATE s SET body = REPEAT(CHAR(id % 256 USING latin1), 1000000) WHERE id BETWEEN 2001 AND 2030`,
      )
      for (const consistency of ['split', 'snapshot']) {
        await place.query('TRUNCATE TABLE t')
        const { code, stderr, report } = await place.copy('s', 't', {
          consistency,
          worker_num: 2,
          read_batch: 3969,
        })
        expect(code, stderr).to.equal(0)
        expect(report.splits, 'splits').to.be.above(2)
        expect(report).to.include({ rowsWritten: 3969, splitsDone: report.splits })
        await place.expectEqual('s', 't')
      }
    }
  })
})
