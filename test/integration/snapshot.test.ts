// One moment for all threads while a writer is at work, and what a user without the privilege is told.
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import { query, servers, startCli } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { sqliteRows } from '../support/sqlite.js'

const ROWS = 20_000
const EACH = 100

async function accounts(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s (id INT PRIMARY KEY, money INT NOT NULL, note VARCHAR(100)); CREATE TABLE t LIKE s;
     INSERT INTO s WITH RECURSIVE d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 199)
       SELECT a.n * 100 + b.n + 1, ${EACH}, REPEAT('x', 90) FROM d a JOIN d b ON b.n < 100`,
  )
}

/** Moves money between the two ends of the table, which are copied at different times, until told to stop. */
async function move(db: TestDatabase, signal: AbortSignal): Promise<number> {
  const { host, port, user, password } = db.server
  const connection = await createConnection({ host, port, user, password, database: db.database })
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

/** Until the program stands behind the transactions that are under way. */
async function lockWaits(db: TestDatabase): Promise<void> {
  const sql = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND STATE LIKE 'Waiting for table metadata lock%'`
  for (let i = 0; i < 200; i++) {
    if ((await query(db.server, sql))[0]![0] !== '0') return
    await delay(50)
  }
  throw new Error('nothing waits for the lock')
}

describe('consistency: snapshot', () => {
  it('copies one moment while money moves between rows', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await accounts(db)
      for (let round = 0; round < 3; round++) {
        await db.query('TRUNCATE TABLE t')
        const stop = new AbortController()
        const writer = move(db, stop.signal)
        const outcome = await db.copy('s', 't', {
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
        expect(await db.value('SELECT SUM(money) FROM t')).to.equal(String(ROWS * EACH))
        if (server.kind === 'mysql') expect(outcome.report.snapshotPosition).to.match(/^binlog\.\d+:\d+/)
      }
      // The writer was at work: the source has moved on.
      expect(await db.value('SELECT SUM(s.money <> t.money) > 0 FROM s JOIN t USING (id)')).to.equal('1')
    }
  })

  it('is copied into a file that the run makes, though threads connect before', async () => {
    const db = await TestDatabase.create(
      servers()[0]!,
      'CREATE TABLE s (id INT PRIMARY KEY); INSERT INTO s VALUES (1), (2)',
    )
    const file = scratchFile('db')
    const endpoints = ['--from', db.url('s'), '--to', `sqlite:${file}?table=t`]
    const outcome = await runWithReport(['copy', ...endpoints, '--create', '--param', 'consistency=snapshot'])
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(sqliteRows(file, 'SELECT id FROM t ORDER BY id')).to.deep.equal([[1], [2]])
  })

  it('waits for open transactions, and holds what they commit', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await accounts(db)
      const { host, port, user, password } = db.server
      const writer = await createConnection({ host, port, user, password, database: db.database })
      try {
        await writer.query('START TRANSACTION')
        await writer.query('UPDATE s SET money = money + 1')
        const copying = db.copy('s', 't', { consistency: 'snapshot', worker_num: 3, read_batch: 500 })
        await lockWaits(db)
        // Time enough for threads to do what they should not do yet.
        await delay(1500)
        await writer.query('COMMIT')
        const { code, stderr } = await copying
        expect(code, stderr).to.equal(0)
        await db.expectEqual('s', 't')
      } finally {
        await writer.end()
      }
    }
  })

  it('gives up waiting for open transactions when interrupted, and leaves no lock', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await accounts(db)
      const { host, port, user, password } = db.server
      const writer = await createConnection({ host, port, user, password, database: db.database })
      try {
        await writer.query('START TRANSACTION')
        await writer.query('UPDATE s SET money = money + 1 WHERE id = 1')
        const endpoints = ['--from', db.url('s'), '--to', db.url('t')]
        const child = startCli(['copy', ...endpoints, '--param', 'consistency=snapshot'])
        let stderr = ''
        child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
        child.stdout.resume()
        await lockWaits(db)
        const stopped = performance.now()
        child.kill('SIGINT')
        const [code] = (await once(child, 'exit')) as [number]
        expect(code, stderr).to.equal(130)
        expect(stderr).to.include('[INTERRUPTED]')
        expect(performance.now() - stopped).to.be.lessThan(5_000)
        // A request for the lock that is left behind would hold off every other writer.
        await db.query('SET lock_wait_timeout = 2; UPDATE s SET money = money + 1 WHERE id = 2')
        await writer.query('COMMIT')
      } finally {
        await writer.end()
      }
    }
  })

  it('fails without a lock when no connection is left for it', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await accounts(db)
      const user = `few_${db.database}`.slice(0, 32)
      await query(
        server,
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 4; GRANT ALL ON \`${db.database}\`.* TO '${user}'@'%'`,
      )
      const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`)
      const params = { consistency: 'snapshot', worker_num: 4, pre_sql: ['DROP TABLE @table'] }
      const endpoints = ['--from', url('s'), '--to', url('t')]
      const outcome = await runWithReport(['copy', ...endpoints, '--params', JSON.stringify(params)])
      expectRefusal(outcome, 1, 'CONNECTION_LIMIT')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      await db.query('SET lock_wait_timeout = 2; UPDATE s SET money = money + 1 WHERE id = 2')
      await query(server, `DROP USER '${user}'@'%'`)
    }
  })

  it('is refused before anything is written where the user may not lock', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query('CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t LIKE s; INSERT INTO s VALUES (1)')
      const user = `reader_${db.database}`.slice(0, 32)
      await query(
        server,
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'; GRANT SELECT, INSERT, DROP ON \`${db.database}\`.* TO '${user}'@'%'`,
      )
      const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`)
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
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      await query(server, `DROP USER '${user}'@'%'`)
    }
  })

  it('is refused for an engine without snapshots', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query('CREATE TABLE s (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE TABLE t (id INT PRIMARY KEY)')
      expectRefusal(await db.copy('s', 't', { consistency: 'snapshot' }), 2, 'PARAMS_INVALID', 'MyISAM')
    }
  })
})

describe('ranges with wide rows', () => {
  it('are divided and shared out, in a snapshot too', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      // Statistics see narrow rows; 30 of the 4,000 hold a megabyte each, side by side.
      await db.query(
        `CREATE TABLE s (id INT PRIMARY KEY, body LONGBLOB); CREATE TABLE t LIKE s;
         INSERT INTO s WITH RECURSIVE d (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM d WHERE n < 63)
           SELECT (a.n - 1) * 63 + b.n, 'x' FROM d a JOIN d b;
         UPDATE s SET body = REPEAT(CHAR(id % 256 USING latin1), 1000000) WHERE id BETWEEN 2001 AND 2030`,
      )
      for (const consistency of ['split', 'snapshot']) {
        await db.query('TRUNCATE TABLE t')
        const { code, stderr, report } = await db.copy('s', 't', {
          consistency,
          worker_num: 2,
          read_batch: 3969,
        })
        expect(code, stderr).to.equal(0)
        expect(report.splits, 'splits').to.be.above(2)
        expect(report).to.include({ rowsWritten: 3969, splitsDone: report.splits })
        await db.expectEqual('s', 't')
      }
    }
  })
})
