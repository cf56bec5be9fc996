// Unfinished runs whose target is several tables: each of them says itself which rows it holds.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { programsOf } from '../faults/builds.js'
import { oneServer, servers } from '../support/context.js'
import type { Outcome } from '../support/copying.js'
import { TestDatabase } from '../support/copying.js'
import type { CopyEndpoints } from '../support/killed-runs.js'
import {
  BRAKE,
  copyArgs,
  endpointsIn,
  killedAt,
  lockTable,
  resumed,
  ROWS,
  sourceSql,
  started,
} from '../support/killed-runs.js'
import { Proxy } from '../support/proxy.js'
import type { TestServer } from '../support/servers.js'
import { Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const KEYED = 'id INT PRIMARY KEY, v VARCHAR(100)'
/** Nothing but rowshift sees to it that no row is there twice. */
const KEYLESS = 'id INT, v VARCHAR(100)'
const SHARD = { shard: { by: 'id', hash: 'modulo' } }

interface Shards extends CopyEndpoints {
  readonly db: TestDatabase
  /** Of all its databases. */
  readonly checkpoints: () => Promise<number>
}

/** Three tables in each database, and a view of all of them. */
async function intoShards(server: TestServer, databases = 1, rows = 'id < 60000'): Promise<Shards> {
  const db = await TestDatabase.create(server, sourceSql(KEYED))
  await db.query(`DELETE FROM src WHERE NOT (${rows})`)
  const others = await Promise.all(Array.from({ length: databases - 1 }, () => TestDatabase.create(server)))
  const dbs = [db, ...others]
  for (const one of dbs) await one.query([0, 1, 2].map((i) => `CREATE TABLE dst_${i} (${KEYLESS})`).join(';'))
  const tables = dbs.flatMap(({ database }) => [0, 1, 2].map((i) => `\`${database}\`.dst_${i}`))
  const numbered = tables.map((table, i) => `SELECT ${i} shard, t.* FROM ${table} t`)
  await db.query(`CREATE VIEW dst AS ${numbered.join(' UNION ALL ')}`)
  const names = dbs.map(({ database }) => database).join()
  return {
    db,
    from: db.url('src'),
    to: `${server.url}/${databases === 1 ? names : `{${names}}`}?table=dst_{0..2}`,
    value: (sql) => db.value(sql),
    expectEqual: async () => {
      const sql = (of: string) => `SELECT COUNT(*), SUM(id), COUNT(DISTINCT id), SUM(CRC32(v)) FROM ${of}`
      expect(await db.query(sql('dst'))).to.deep.equal(await db.query(sql('src')))
      const wrong = `SELECT COUNT(*) FROM dst WHERE shard <> id % ${tables.length}`
      expect(await db.value(wrong)).to.equal('0')
    },
    checkpoints: async () => {
      const counts = await Promise.all(
        dbs.map((one) => one.value('SELECT COUNT(*) FROM rowshift_checkpoint')),
      )
      return counts.reduce((sum, count) => sum + Number(count), 0)
    },
  }
}

async function expectWhole(endpoints: Shards, { code, stderr, report }: Outcome, rows = ROWS): Promise<void> {
  expect(code, stderr).to.equal(0)
  expect(report).to.include({ rowsRead: rows, rowsWritten: rows })
  await endpoints.expectEqual()
  expect(await endpoints.checkpoints()).to.equal(0)
}

describe('a sharded copy that is killed', () => {
  it('goes on from there, twice, and stores no row twice', async () => {
    for (const server of servers()) {
      const endpoints = await intoShards(server)
      await killedAt(ROWS / 6, started(['copy'], endpoints, SHARD), endpoints)
      await killedAt(
        ROWS / 2,
        started(['resume', 'latest'], endpoints, { ...SHARD, worker_num: 1 }),
        endpoints,
      )
      const outcome = await resumed(endpoints, SHARD)
      expect(outcome.report.resumed).to.include({ attempt: 3 })
      expect(outcome.report.resumed!.rowsRead).to.be.greaterThan(ROWS / 3)
      await expectWhole(endpoints, outcome)
    }
  })

  it('goes on in several databases', async () => {
    for (const server of oneServer()) {
      const endpoints = await intoShards(server, 3)
      await killedAt(ROWS / 6, started(['copy'], endpoints, SHARD), endpoints)
      await killedAt(ROWS / 2, started(['resume', 'latest'], endpoints, SHARD), endpoints)
      await expectWhole(endpoints, await resumed(endpoints, SHARD))
    }
  })

  it('writes what is stored in one shard, and not in another, to the other one only', async () => {
    for (const server of servers()) {
      const rows = 'id < 100'
      const endpoints = await intoShards(server, 2, rows)
      const params = { ...SHARD, worker_num: 1 }
      for (const command of [['copy'], ['resume', 'latest']]) {
        const free = await lockTable(endpoints.db, 'dst_1')
        const run = started(command, endpoints, params)
        const stored = 'SELECT COUNT(DISTINCT shard) FROM dst WHERE shard > 2'
        await until('shards of the other database', async () => (await endpoints.value(stored)) === '3')
        run.kill('SIGKILL')
        await run.code()
        await free()
      }
      // They are not compared with what the source holds by now, and those for other shards are read anew.
      await endpoints.db.query("UPDATE src SET v = 'changed' WHERE id IN (3, 97)")
      await endpoints.db.query('DELETE FROM src WHERE id = 9')
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.shards!.map(({ rowsWritten }) => rowsWritten)).to.deep.equal([
        17, 17, 17, 17, 16, 16,
      ])
      expect(outcome.report).to.include({ rowsRead: 100, rowsWritten: 100 })
      const changed = "SELECT COUNT(*), COUNT(DISTINCT id), SUM(v = 'changed') FROM dst"
      expect(await endpoints.db.query(changed)).to.deep.equal([['100', '100', '1']])
      expect(await endpoints.checkpoints()).to.equal(0)
    }
  })

  it('writes a split anew of which rows waited for unique values in one shard', async () => {
    const [program] = programsOf([{ name: 'failpoints', edits: [] }])
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query(
        `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(20) NOT NULL UNIQUE); CREATE TABLE dst_0 LIKE src; CREATE TABLE dst_1 LIKE src;
         INSERT INTO src VALUES (1, 'a'), (2, 'd'), (3, 'c'), (4, 'b'), (5, 'e'), (6, 'f'), (7, 'g'), (8, 'h');
         INSERT INTO dst_0 VALUES (2, 'b'), (4, 'd')`,
      )
      const endpoints = { ...endpointsIn(db), to: db.url('dst_{0..1}') }
      const params = { ...SHARD, write_mode: 'upsert', worker_num: 1, read_batch: 2, where: undefined }
      const env = { ROWSHIFT_FAILPOINT: 'split-accepted:2:kill' }
      const killed = new Started(['copy', ...copyArgs(endpoints, params)], { env, program: program! })
      expect(await killed.code(), killed.stderr).to.equal(null)
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report).to.include({ rowsRead: 8, rowsWritten: 8 })
      const rows = (of: string) => db.query(`SELECT * FROM ${of} ORDER BY id`)
      expect(await rows('(SELECT * FROM dst_0 UNION ALL SELECT * FROM dst_1) t')).to.deep.equal(
        await rows('src'),
      )
    }
  })

  it('goes on with many sources', async () => {
    const endpoints = await intoShards(oneServer()[0]!, 2)
    const { db } = endpoints
    await db.query(`CREATE TABLE part_0 (id INT NULL UNIQUE, v VARCHAR(100)); CREATE TABLE part_1 LIKE part_0;
      INSERT INTO part_0 SELECT * FROM src WHERE id >= 5000; INSERT INTO part_1 SELECT * FROM src WHERE id < 5000`)
    const many = { ...endpoints, from: db.url('part_{0..1}') }
    await killedAt(ROWS / 6, started(['copy'], many, SHARD), many)
    await killedAt(ROWS / 2, started(['resume', 'latest'], many, SHARD), many)
    const outcome = await resumed(many, SHARD)
    await expectWhole(endpoints, outcome)
    expect(outcome.report.sources!.map(({ rowsRead }) => rowsRead)).to.deep.equal([ROWS - 5000, 5000])
  })

  it('is refused when shards were emptied or altered, and begins anew in place of what it left', async () => {
    const endpoints = await intoShards(oneServer()[0]!, 2)
    await killedAt(ROWS / 6, started(['copy'], endpoints, SHARD), endpoints)
    await endpoints.db.query('ALTER TABLE dst_2 ADD COLUMN w INT')
    const altered = await resumed(endpoints, SHARD)
    expect(altered.stderr).to.include('columns of the target were altered (')
    await endpoints.db.query(
      'ALTER TABLE dst_2 DROP COLUMN w; DELETE FROM dst_0; DELETE FROM dst_1; DELETE FROM dst_2',
    )
    const emptied = await resumed(endpoints, SHARD)
    expect(emptied.code, emptied.stderr).to.equal(3)
    expect(emptied.stderr).to.match(/it had written \d+ rows to .*dst_\{0..2\}, which holds 0 by now/)
    const other = new URL(endpoints.to.replaceAll(/[{}]/g, '')).pathname.slice(1).split(',')[1]!
    await endpoints.db.query([0, 1, 2].map((i) => `DELETE FROM \`${other}\`.dst_${i}`).join(';'))
    const anew = started(['copy'], endpoints, { ...SHARD, where: 'id >= 0' })
    expect(await anew.code(), anew.stderr).to.equal(0)
    await endpoints.expectEqual()
  })
})

describe('a commit of a shard without an answer', () => {
  it('is looked up, and its rows are written again only if they are not stored', async () => {
    for (const server of oneServer()) {
      const endpoints = await intoShards(server)
      let cut = 0
      const proxy = await Proxy.to(server, (link, index) => {
        link.fault = index > 0 && cut++ < 4 ? { kind: 'cut', after: 'COMMIT' } : null
      })
      try {
        const through = { ...endpoints, to: proxy.url(endpoints.to) }
        const run = started(['copy'], through, { ...SHARD, worker_num: 2, where: BRAKE })
        expect(await run.code(), run.stderr).to.equal(0)
        expect(run.report().retries).to.be.at.least(1)
        await endpoints.expectEqual()
      } finally {
        proxy.close()
      }
    }
  })
})
