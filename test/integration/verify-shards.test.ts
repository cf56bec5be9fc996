// Verification and repair of many tables: wrong rows are found in their shard, and rows in the wrong shard too.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import { expectDifferent, expectEqual, figures, verify } from '../support/verifying.js'

const TABLE = '(id INT PRIMARY KEY, user_no VARCHAR(20), v INT)'
const PARAMS = {
  shard: { by: 'user_no', hash: 'crc32' },
  schema_save_mode: 'create_when_not_exist',
  worker_num: 2,
}

async function copied(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s ${TABLE};
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, CONCAT('u', i), i FROM q;
     CREATE TABLE t_0 ${TABLE}; CREATE TABLE t_1 ${TABLE}; CREATE TABLE t_2 ${TABLE}`,
  )
  for (const n of [0, 1, 2])
    await db.query(`INSERT INTO t_${n} SELECT * FROM s WHERE CRC32(user_no) % 3 = ${n}`)
}

describe('verify of many tables', () => {
  const options = (more: object = {}) => ['--params', JSON.stringify({ ...PARAMS, ...more })]

  it('finds and mends what is wrong in shards, and rows in the wrong one', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await copied(db)
      const check = (...more: string[]) => verify(db.url('s'), db.url('t_{0..2}'), ...options(), ...more)
      expectEqual(await check(), 1000)
      // u1 and u5 belong to shard 2, u2 to shard 0.
      expect(await db.query("SELECT CRC32('u1') % 3, CRC32('u2') % 3, CRC32('u5') % 3")).to.deep.equal([
        ['2', '0', '2'],
      ])
      await db.query(
        `INSERT INTO t_0 SELECT * FROM t_2 WHERE id = 1; DELETE FROM t_2 WHERE id = 1;
         UPDATE t_0 SET v = -1 WHERE id = 2;
         INSERT INTO t_1 SELECT * FROM t_2 WHERE id = 5;
         INSERT INTO t_1 VALUES (5000, 'x', 1)`,
      )
      const found = await check()
      expectDifferent(found, 1, 3, 1)
      expect(found.report.found!.missingRows).to.deep.equal([{ id: '1', shard: 't_2' }])
      expect(found.report.found!.extraRows).to.deep.include.members([
        { id: '1', shard: 't_0' },
        { id: '5', shard: 't_1' },
        { id: '5000', shard: 't_1' },
      ])
      expect(found.report.found!.differentRows).to.deep.equal([
        { key: { id: '2', shard: 't_0' }, columns: ['v'] },
      ])
      const repaired = await check('--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 2, rowsDeleted: 3 })
      expect(figures(await check())).to.deep.equal([0, 0, 0])
      expect(await db.value('SELECT COUNT(*) FROM t_0 WHERE CRC32(user_no) % 3 <> 0')).to.equal('0')
    }
  })

  it('compares many tables with one', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await copied(db)
      const check = () => verify(db.url('t_{0..2}'), db.url('s'), '--params', '{"read_batch": 50}')
      expectEqual(await check(), 1000)
      await db.query(
        'UPDATE t_1 SET v = -1 ORDER BY id LIMIT 1; DELETE FROM t_2 ORDER BY id LIMIT 2; DELETE FROM s ORDER BY id DESC LIMIT 1',
      )
      const found = await check()
      expectDifferent(found, 1, 2, 1)
    }
  })

  it('needs all shards', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await copied(db)
      await db.query('DROP TABLE t_1')
      expectRefusal(await verify(db.url('s'), db.url('t_{0..2}'), ...options()), 2, 'TABLE_NOT_FOUND', 't_1')
      expectRefusal(await verify(db.url('s'), db.url('t_{0..2}')), 2, 'PARAMS_INVALID', 'shard')
    }
  })

  it('leaves out the place of a row where it follows from an id that is new for each run', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await copied(db)
      await db.query(
        'CREATE TABLE n_0 (id BIGINT PRIMARY KEY, user_no VARCHAR(20) UNIQUE, v INT); CREATE TABLE n_1 LIKE n_0; ALTER TABLE s ADD UNIQUE KEY (user_no)',
      )
      const params = {
        pk: 'user_no',
        columns: [{ to: 'id', id: 'sequence' }, 'user_no', 'v'],
        shard: { by: 'id', hash: 'modulo' },
      }
      const outcome = await db.copy('s', 'n_{0..1}', params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      const endpoints = [db.url('s'), db.url('n_{0..1}')] as const
      const options = ['--params', JSON.stringify(params)]
      const verified = await verify(...endpoints, ...options)
      expectEqual(verified, 1000)
      expect(verified.report.warnings.join()).to.include('shard placement is not verified')
      expectRefusal(
        await verify(...endpoints, ...options, '--repair'),
        2,
        'PARAMS_INVALID',
        'cannot be repaired',
      )
    }
  })
})
