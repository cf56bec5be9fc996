// Shards that the source's own SQL chooses, judged by the same SQL, on both servers.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import { expectDifferent, expectEqual, figures, verify } from '../support/verifying.js'

const ROWS = 2000
const RULE = 'MOD(id DIV 10, 4)'
const NAMES = [0, 1, 2, 3].map((n) => `t_${n}`)

async function sourceAt(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s (id BIGINT PRIMARY KEY, name VARCHAR(20), v INT);
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
       SELECT i, CONCAT('a\\tb', i), i FROM q;
     INSERT INTO s SELECT id + 1000, IF(id % 7 = 0, NULL, name), v FROM s;
     ${NAMES.map((table) => `CREATE TABLE ${table} LIKE s`).join(';')}`,
  )
}

async function expectSharded(db: TestDatabase, rule: string, rows = ROWS): Promise<void> {
  const all = NAMES.map((table, n) => `SELECT ${n} AS shard, t.* FROM ${table} t`).join(' UNION ALL ')
  const there = `SELECT COUNT(*) FROM (${all}) t JOIN s USING (id) WHERE s.name <=> t.name AND s.v <=> t.v AND t.shard = ${rule}`
  expect(await db.value(there)).to.equal(String(rows))
  expect(await db.value(`SELECT COUNT(*) FROM (${all}) t`)).to.equal(String(rows))
}

describe('shards chosen by SQL', () => {
  it('hold their rows, and get them a second time without a change', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      const params = { shard: { sql: RULE }, read_batch: 300, worker_num: 2 }
      const first = await db.copy('s', 't_{0..3}', params)
      expect(first.code, first.stderr).to.equal(0)
      expect(first.report.reasons.join()).to.match(
        /shard\.sql \(pushed down: .*DIV.*\) says where a row goes/,
      )
      await expectSharded(db, RULE)
      for (const write_path of server.kind === 'mysql' ? ['insert'] : ['bulk', 'load-data']) {
        const again = await db.copy('s', 't_{0..3}', { ...params, write_mode: 'upsert', write_path })
        expect(again.code, again.stderr).to.equal(0)
        expect(again.report).to.include({ rowsWritten: 0, rowsUnchanged: ROWS })
        expect(again.report.warnings.join()).to.include('shards of t_{0..3} follow SQL')
      }
      await db.query(NAMES.map((table) => `TRUNCATE ${table}`).join(';'))
      const divided = { sql: 'FLOOR(id / 500.00) * 1.0 -- the last one\n - (id = 2000)' }
      const listed = await db.copy('s', 't_{0,1,2,3}', { shard: divided })
      expect(listed.code, listed.stderr).to.equal(0)
      await expectSharded(db, 'FLOOR(t.id / 500) - (t.id = 2000)')
    }
  })

  it('go with cells that are made, losses that are accepted, and several databases', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      const other = await TestDatabase.create(server)
      await sourceAt(db)
      const names = [db.database, other.database]
      for (const name of names)
        await db.query(
          [0, 1]
            .map(
              (n) =>
                `CREATE TABLE ${name}.n_${n} (number BIGINT PRIMARY KEY, old BIGINT UNIQUE, name VARCHAR(4))`,
            )
            .join(';'),
        )
      const to = `${server.url}/{${names.join(',')}}?table=n_{0..1}`
      const shard = { database: { sql: 'id % 2' }, table: { sql: "IF(v > 500, '1', '0')" } }
      const columns = [
        { from: 'id', to: 'number', id: { type: 'sequence', map: { table: 'ids' } } },
        { from: 'id', to: 'old' },
      ]
      const outcome = await db.copyTo('s', to, {
        shard,
        columns: [...columns, 'name'],
        allow_lossy: ['name'],
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      for (const [n, name] of names.entries())
        for (const table of [0, 1])
          expect(
            await db.value(
              `SELECT CONCAT(COUNT(*), '/', SUM(old % 2 = ${n} AND (v > 500) = ${table} AND t.name <=> LEFT(s.name, 4)))
                 FROM ${name}.n_${table} t JOIN s ON s.id = old`,
            ),
          ).to.equal('500/500')
      const options = ['--params', JSON.stringify({ shard, columns })]
      expectEqual(await verify(db.url('s'), to, ...options), ROWS)
      await db.query(
        `INSERT INTO n_0 SELECT * FROM n_1 WHERE old = 1000; DELETE FROM n_1 WHERE old = 1000; DELETE FROM n_0 WHERE old = 2`,
      )
      const repaired = await verify(db.url('s'), to, ...options, '--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 2, rowsDeleted: 1 })
      expectEqual(await verify(db.url('s'), to, ...options), ROWS)
    }
  })

  it('refuse rows without a number of a shard, and keep them as they would have been written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      const params = { shard: { sql: 'IF(id = 7, NULL, IF(id = 1999, 4, id % 4))' } }
      const refused = await db.copy('s', 't_{0..3}', { ...params, where: 'id < 1000' })
      expectRefusal(refused, 1, 'SHARD_UNKNOWN', 'id = "7"', 'shard.sql = NULL', 'number of a shard')
      const beyond = await db.copy('s', 't_{0..3}', { ...params, where: 'id > 1990' })
      expectRefusal(beyond, 1, 'SHARD_UNKNOWN', 'id = "1999"', 'shard.sql = "4"')
      await db.query(NAMES.map((table) => `TRUNCATE ${table}`).join(';'))
      const kept = await db.copy('s', 't_{0..3}', {
        ...params,
        error_limit: 2,
        dirty_file: scratchFile('tsv'),
      })
      expect(kept.code, kept.stderr).to.equal(0)
      expect(kept.report).to.include({ dirtyRows: 2, rowsWritten: ROWS - 2 })
      await expectSharded(db, 't.id % 4', ROWS - 2)
      const lines = readFileSync(kept.report.dirtyFile!, 'utf8').trimEnd().split('\n').sort()
      const cells = lines.map((line) => line.split('\t').slice(0, 5))
      expect(cells).to.deep.equal([
        ['1999', 'a\\tb999', '999', 'SHARD_UNKNOWN', '\\N'],
        ['7', 'a\\tb7', '7', 'SHARD_UNKNOWN', '\\N'],
      ])
    }
  })

  it('are refused before anything is written where the SQL is wrong', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      const wrong: [object, ...string[]][] = [
        [{ sql: 'MOD(nothing, 4)' }, 'params.shard.sql', 'nothing'],
        [{ sql: 'MOD(id' }, 'params.shard.sql'],
        [{ sql: 'MAX(id)' }, 'params.shard.sql', 'aggregate'],
        [{ sql: 'CURRENT_DATE' }, 'params.shard.sql', 'not a number'],
        [{ sql: 'id % 4', by: 'id', hash: 'modulo' }, 'leave out "by", "hash"'],
        [{ sql: '' }, 'shard'],
      ]
      for (const [shard, ...said] of wrong)
        expectRefusal(
          await db.copy('s', 'm_{0..3}', { shard, schema_save_mode: 'create_when_not_exist' }),
          2,
          'PARAMS_INVALID',
          ...said,
        )
      const transformed = { shard: { sql: 'id % 4' }, transform: './none.mjs' }
      expectRefusal(await db.copy('s', 't_{0..3}', transformed), 2, 'PARAMS_INVALID', 'params.shard')
      expect(await db.query("SHOW TABLES LIKE 'm%'")).to.deep.equal([])
    }
  })

  it('are verified and repaired', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      const params = { shard: { sql: RULE }, read_batch: 300 }
      expect((await db.copy('s', 't_{0..3}', params)).code).to.equal(0)
      const check = (more: object = {}, ...options: string[]) =>
        verify(
          db.url('s'),
          db.url('t_{0..3}'),
          '--params',
          JSON.stringify({ ...params, ...more }),
          ...options,
        )
      expectEqual(await check(), ROWS)
      await db.query(
        `INSERT INTO t_3 SELECT * FROM t_0 WHERE id = 1; DELETE FROM t_0 WHERE id = 1;
         UPDATE t_1 SET v = -1 WHERE id = 11; DELETE FROM t_2 WHERE id = 20; INSERT INTO t_2 VALUES (9000, 'x', 1)`,
      )
      const found = await check()
      expectDifferent(found, 2, 2, 1)
      expect(found.report.found!.missingRows).to.deep.include({ id: '1', shard: 't_0' })
      expect(found.report.found!.extraRows).to.deep.include({ id: '1', shard: 't_3' })
      const repaired = await check({}, '--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 3, rowsDeleted: 2 })
      expect(figures(await check())).to.deep.equal([0, 0, 0])
      await expectSharded(db, RULE)
      const nowhere = { shard: { sql: `NULLIF(${RULE}, 1)` } }
      const lost = await check(nowhere)
      expect(figures(lost)).to.deep.equal([500, 500, 0])
      expectRefusal(
        await check(nowhere, '--repair', '--max-delete', '100%'),
        1,
        'SHARD_UNKNOWN',
        'shard.sql = NULL, in the row with id = ',
      )
      await expectSharded(db, RULE)
    }
  })

  it('are repaired once the table of the month is there', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      const other = await TestDatabase.create(server)
      await db.query(
        `CREATE TABLE s (id BIGINT PRIMARY KEY, d DATE NOT NULL);
         INSERT INTO s VALUES (1, '2025-01-05'), (2, '2025-01-06'), (3, '2025-02-05'), (4, '2025-02-06'), (5, '2025-02-07')`,
      )
      const to = `${server.url}/{${db.database},${other.database}}?table=m_{yyyyMM}`
      const shard = { database: { sql: 'id % 2' }, table: { by: 'd', date: 'yyyyMM' } }
      const create = { schema_save_mode: 'create_when_not_exist' }
      const first = await db.copyTo('s', to, { shard, ...create, where: "d < '2025-02-01'" })
      expect(first.code, first.stderr).to.equal(0)
      const check = (...options: string[]) =>
        verify(db.url('s'), to, '--params', JSON.stringify({ shard }), ...options)
      const missing = `there is no table ${other.database}.m_202502, and the run may not create it`
      expectRefusal(await check('--repair'), 1, 'SHARD_UNKNOWN', missing)
      for (const name of [db.database, other.database])
        await db.query(`CREATE TABLE ${name}.m_202502 LIKE ${name}.m_202501`)
      const repaired = await check('--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 3 })
      const february = (name: string) => db.value(`SELECT GROUP_CONCAT(id ORDER BY id) FROM ${name}.m_202502`)
      expect(await february(db.database)).to.equal('4')
      expect(await february(other.database)).to.equal('3,5')
      expectEqual(await check(), 5)
    }
  })
})
