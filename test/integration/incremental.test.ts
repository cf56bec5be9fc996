// Incremental runs while writers are at work: nothing lost, nothing twice, whatever is committed in whatever order.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection, type Connection } from 'mysql2/promise'
import { servers } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import type { TestServer } from '../support/servers.js'
import { StoredTask } from '../support/stored-task.js'
import { until, untilLater } from '../support/until.js'

const SEEDS = 20
const AT_ONCE = 10
const WRITERS = 3
const WRITING_MS = 2_500

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) / 4294967296) * below
  }
}

async function open(db: TestDatabase): Promise<Connection> {
  const { host, port, user, password } = db.server
  return createConnection({ host, port, user, password, database: db.database, multipleStatements: true })
}

/** Transactions of all lengths, some rolled back; ids are taken at their start and committed at their end. */
async function write(
  db: TestDatabase,
  suffix: string,
  random: (below: number) => number,
  until: number,
): Promise<void> {
  const connection = await open(db)
  try {
    while (Date.now() < until) {
      await connection.query('START TRANSACTION')
      for (let i = random(4); i >= 0; i--) {
        await connection.query(
          `INSERT INTO log${suffix} (v) VALUES (${Math.floor(random(1e6))}), (${Math.floor(random(1e6))});
           UPDATE account${suffix} SET v = v + 1 WHERE id = ${1 + Math.floor(random(300))}`,
        )
        if (random(10) < 1) {
          const id = 1000 + Math.floor(random(1e6))
          await connection.query(`INSERT IGNORE INTO account${suffix} (id, v) VALUES (${id}, 1)`)
        }
        await sleep(random(10) < 1 ? random(1500) : random(20))
      }
      await connection.query(random(10) < 1 ? 'ROLLBACK' : 'COMMIT')
    }
  } catch (error) {
    // Writers may deadlock with each other; that transaction is gone like one rolled back.
    if ((error as { errno?: number }).errno !== 1213) throw error
    await write(db, suffix, random, until)
  } finally {
    await connection.end()
  }
}

async function tables(db: TestDatabase, suffix: string): Promise<void> {
  for (const name of [suffix, `${suffix}2`]) {
    await db.query(
      `CREATE TABLE log${name} (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT NOT NULL);
       CREATE TABLE account${name} (id INT PRIMARY KEY, v INT NOT NULL,
         modify_time TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (modify_time))`,
    )
  }
  await db.query(
    `INSERT INTO account${suffix} (id, v) WITH RECURSIVE q (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM q WHERE n < 300) SELECT n, 0 FROM q`,
  )
}

/** Writers and runs at the same time, quiet, one more run; then the tables must be equal. */
async function race(db: TestDatabase, seed: number): Promise<number> {
  const suffix = `_${seed}_`
  await tables(db, suffix)
  const random = randomOf(seed)
  const until = Date.now() + WRITING_MS
  const writers = Array.from({ length: WRITERS }, (_, i) =>
    write(db, suffix, randomOf(seed * 100 + i), until),
  )
  const log = new StoredTask(db.url(`log${suffix}`), db.url(`log${suffix}2`), {
    mode: 'append',
    worker_num: 1,
  })
  const account = new StoredTask(db.url(`account${suffix}`), db.url(`account${suffix}2`), {
    mode: 'increment',
    diff_column: 'modify_time',
    worker_num: 1,
  })
  let runs = 0
  while (Date.now() < until) {
    await log.run()
    await account.run()
    runs++
    await sleep(random(200))
  }
  await Promise.all(writers)
  await untilLater(db, 1.5)
  // What other seeds have open keeps a run from the newest rows; a later one brings them.
  for (let more = 0; more < 10 && (await difference(db, suffix)) !== ''; more++) {
    await log.run()
    await account.run()
  }
  expect(await difference(db, suffix), `seed ${seed}`).to.equal('')
  const last = [await log.run(), await account.run()]
  expect(
    last.map(({ rowsWritten }) => rowsWritten),
    `seed ${seed}: a run that finds nothing new`,
  ).to.deep.equal([0, 0])
  expect(await difference(db, suffix), `seed ${seed}`).to.equal('')
  // A window by keys has no time to be behind of.
  expect(last.map(({ secondsBehind }) => typeof secondsBehind)).to.deep.equal(['undefined', 'number'])
  return runs
}

/** What is lost or doubled; empty when the tables are equal. */
async function difference(db: TestDatabase, suffix: string): Promise<string> {
  let found = ''
  for (const [table, columns] of [
    ['log', 'id, v'],
    ['account', 'id, v, modify_time'],
  ]) {
    const [a, b] = [`${table}${suffix}`, `${table}${suffix}2`]
    const [[lost, twice]] = (await db.query(
      `SELECT (SELECT COUNT(*) FROM (SELECT ${columns} FROM ${a} EXCEPT SELECT ${columns} FROM ${b}) q),
              (SELECT COUNT(*) FROM ${b}) - (SELECT COUNT(*) FROM ${a})`,
    )) as [[string, string]]
    if (lost !== '0' || twice !== '0') found += `${table}: ${lost} lost, ${twice} too many; `
  }
  return found
}

/** Both servers at the same time: these tests wait more than they work. */
async function onEach(work: (server: TestServer) => Promise<void>): Promise<void> {
  await Promise.all(servers().map(work))
}

describe('incremental runs with writers at work', () => {
  for (const kind of ['mariadb', 'mysql'] as const) {
    it(`lose and double nothing over ${SEEDS} seeds on ${kind}`, async () => {
      const server = servers().find((one) => one.kind === kind)!
      const db = await TestDatabase.create(server)
      let runs = 0
      for (let seed = 1; seed <= SEEDS; seed += AT_ONCE) {
        const seeds = Array.from({ length: AT_ONCE }, (_, i) => seed + i)
        runs += (await Promise.all(seeds.map((one) => race(db, one)))).reduce((sum, one) => sum + one)
      }
      expect(runs, 'runs while writers were at work').to.be.above(SEEDS / 4)
    }).timeout(600_000)
  }
})

describe('incremental runs', () => {
  const source = (name: string, type = 'DATETIME(6) NULL') =>
    `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT NOT NULL, changed ${type}, KEY (changed))`
  const increment = (db: TestDatabase, more: object = {}) =>
    new StoredTask(db.url('s'), db.url('s2'), {
      mode: 'increment',
      diff_column: 'changed',
      worker_num: 2,
      ...more,
    })
  const equal = async (db: TestDatabase) =>
    expect(await db.value('SELECT COUNT(*) FROM (SELECT * FROM s EXCEPT SELECT * FROM s2) q')).to.equal('0')

  it('wait for a transaction of 10 seconds, and do not lose what it changed', async () => {
    await onEach(async (server) => {
      const db = await TestDatabase.create(
        server,
        `${source('s')}; ${source('s2')}; INSERT INTO s VALUES (1, 0, NOW(6))`,
      )
      const task = increment(db)
      const connection = await open(db)
      await connection.query('START TRANSACTION; UPDATE s SET v = 1, changed = NOW(6) WHERE id = 1')
      for (let i = 0; i < 8; i++) {
        await db.query(`INSERT INTO s VALUES (${100 + i}, 0, NOW(6))`)
        await task.run()
        await untilLater(db, 1)
        if (i === 5) await connection.query('COMMIT')
      }
      await connection.end()
      await untilLater(db, 1.2)
      await task.run()
      await equal(db)
      expect(await db.value('SELECT COUNT(*) FROM s2')).to.equal('9')
    })
  })

  it('do not trust an old list of open transactions, which the server gives out while others look at it', async () => {
    await onEach(async (server) => {
      const db = await TestDatabase.create(
        server,
        `${source('s')}; ${source('s2')}; INSERT INTO s VALUES (1, 0, NOW(6))`,
      )
      const task = increment(db)
      await untilLater(db, 1.2)
      await task.run()
      const [writer, ...lookers] = await Promise.all([open(db), open(db), open(db)])
      let looking = true
      const seen = new Set<Connection>()
      const looks = lookers.map(async (looker) => {
        while (looking) {
          await looker.query('SELECT COUNT(*) FROM information_schema.INNODB_TRX')
          seen.add(looker)
          await sleep(10)
        }
        await looker.end()
      })
      await until('everybody to look', () => seen.size === lookers.length)
      await writer!.query('START TRANSACTION; UPDATE s SET v = 1, changed = NOW(6) WHERE id = 1')
      await untilLater(db, 1.5)
      await task.run()
      looking = false
      await Promise.all(looks)
      await writer!.query('COMMIT')
      await writer!.end()
      await untilLater(db, 1.2)
      await task.run()
      await equal(db)
    })
  })

  it('take 1,000 rows of one microsecond whole, and split them by their time', async () => {
    await onEach(async (server) => {
      const db = await TestDatabase.create(server, `${source('s')}; ${source('s2')}`)
      const rows = 'WITH RECURSIVE q (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM q WHERE n < 1000) SELECT'
      await db.query(
        `INSERT INTO s ${rows} n, n, '2024-05-05 05:05:05.123456' FROM q; INSERT INTO s ${rows} n + 1000, n, NULL FROM q;
         INSERT INTO s ${rows} n + 2000, n, '2024-01-01' + INTERVAL n SECOND FROM q`,
      )
      const task = increment(db, { read_batch: 90 })
      expect((await task.run()).rowsWritten).to.equal(3000)
      await equal(db)
      // NULL is looked at every time; everything else is behind.
      const again = await task.run()
      expect(again).to.include({ rowsWritten: 0, rowsUnchanged: 1000 })
      await db.query(
        'UPDATE s SET v = -1, changed = NOW(6) WHERE id = 7; UPDATE s SET v = -2 WHERE id = 1500',
      )
      await untilLater(db, 1.2)
      const third = await task.run()
      expect(third).to.include({ rowsWritten: 2, rowsChanged: 2 })
      await equal(db)
    })
  })

  it('look back by "overlap" for clocks that are behind, and report what is in the future', async () => {
    await onEach(async (server) => {
      const db = await TestDatabase.create(
        server,
        `${source('s')}; ${source('s2')}; INSERT INTO s VALUES (1, 0, NOW(6))`,
      )
      const task = increment(db, { overlap: 3600 })
      await untilLater(db, 1.2)
      await task.run()
      await db.query(
        'INSERT INTO s VALUES (2, 0, NOW(6) - INTERVAL 30 MINUTE), (3, 0, NOW(6) + INTERVAL 1 DAY)',
      )
      const report = await task.run()
      expect(report.rowsWritten).to.equal(1)
      expect(report.warnings.join()).to.include('1 row has a changed in the future')
      expect(await db.query('SELECT id FROM s2 ORDER BY id')).to.deep.equal([['1'], ['2']])
    })
  })

  it('stop below a lower key that is not committed, and say so', async () => {
    await onEach(async (server) => {
      const log = 'BIGINT AUTO_INCREMENT PRIMARY KEY, v INT'
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id ${log}); CREATE TABLE s2 (id ${log}); INSERT INTO s (v) VALUES (1), (2)`,
      )
      const task = new StoredTask(db.url('s'), db.url('s2'), { mode: 'append' })
      const connection = await open(db)
      await connection.query('START TRANSACTION; INSERT INTO s (v) VALUES (3)')
      await db.query('INSERT INTO s (v) VALUES (4), (5)')
      const first = await task.run()
      expect(first).to.deep.include({ rowsWritten: 2, watermark: { from: null, to: '2' } })
      expect(first.warnings.join()).to.include('still open')
      await connection.query('COMMIT')
      await connection.end()
      expect(await task.run()).to.deep.include({ rowsWritten: 3, watermark: { from: '2', to: '5' } })
      await equal(db)
      expect(await task.run()).to.include({ rowsRead: 0, splits: 0, status: 'success' })
    })
  })

  it('name the index that is missing, and refuse what cannot be done', async () => {
    await onEach(async (server) => {
      const table = (name: string) =>
        `CREATE TABLE ${name} (a INT, b INT, changed DATETIME, name TEXT, PRIMARY KEY (a, b))`
      const db = await TestDatabase.create(
        server,
        `${table('s')}; ${table('s2')}; INSERT INTO s VALUES (1, 1, '2024-01-01', NULL)`,
      )
      const report = await increment(db).run()
      expect(report.warnings.join()).to.include('create an index on (changed)')
      await equal(db)
      const run = (params: object) => db.copy('s', 's2', params)
      expectRefusal(await run({ mode: 'increment' }), 2, 'PARAMS_INVALID', 'diff_column')
      expectRefusal(await run({ mode: 'increment', diff_column: 'name' }), 2, 'COLUMN_NOT_FOUND', 'name')
      expectRefusal(await run({ mode: 'append' }), 2, 'PARAMS_INVALID', 'one column')
    })
  })
})
