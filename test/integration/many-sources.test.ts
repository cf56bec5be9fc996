// Many tables copied into one, or into many, judged by SQL, on both servers.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'

const TABLE = '(id INT PRIMARY KEY, user_no VARCHAR(20), v INT)'

/** Four tables, in which ids follow each other, and a target. */
async function tables(db: TestDatabase): Promise<void> {
  await db.query(
    [0, 1, 2, 3]
      .map(
        (n) => `CREATE TABLE log_${n} ${TABLE};
        INSERT INTO log_${n} WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 500)
          SELECT ${n * 1000} + i, CONCAT('u', i), i FROM q`,
      )
      .join(';'),
  )
  await db.query(`CREATE TABLE t ${TABLE}; DELETE FROM log_3 WHERE v > 10`)
}

const ALL =
  '(SELECT * FROM log_0 UNION ALL SELECT * FROM log_1 UNION ALL SELECT * FROM log_2 UNION ALL SELECT * FROM log_3)'
const SAME = (target: string) =>
  `SELECT COUNT(*) FROM ${ALL} s JOIN ${target} t ON s.id = t.id AND s.user_no = t.user_no AND s.v = t.v`

describe('many source tables', () => {
  it('may call their keys differently', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE log_0 (id INT NOT NULL, v INT, UNIQUE KEY one (id)); INSERT INTO log_0 VALUES (1, 1), (2, 2);
         CREATE TABLE log_1 (id INT NOT NULL, v INT, UNIQUE KEY two (id)); INSERT INTO log_1 VALUES (3, 3);
         CREATE TABLE t (id INT PRIMARY KEY, v INT)`,
      )
      const outcome = await db.copy('log_*', 't')
      expect(outcome.code, outcome.stderr).to.equal(0)
      const verified = await runCli(['verify', '--from', db.url('log_*'), '--to', db.url('t')])
      expect(verified.code, verified.stderr).to.equal(0)
      expect(await db.query('SELECT * FROM t ORDER BY id')).to.deep.equal([
        ['1', '1'],
        ['2', '2'],
        ['3', '3'],
      ])
    }
  })

  it('are copied into one, by number, list and star', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await tables(db)
      for (const from of ['log_{0..3}', 'log_{0,3,1,2}', 'log_*']) {
        await db.query('DELETE FROM t')
        const outcome = await db.copy(from, 't', { worker_num: 2, read_batch: 200 })
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report.rowsWritten).to.equal(1510)
        expect(await db.value(SAME('t'))).to.equal('1510')
        expect(
          Object.fromEntries(outcome.report.sources!.map(({ name, rowsRead }) => [name, rowsRead])),
        ).to.deep.equal({
          log_0: 500,
          log_1: 500,
          log_2: 500,
          log_3: 10,
        })
      }
    }
  })

  it('are copied into many', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await tables(db)
      const outcome = await db.copy('log_{0..3}', 'user_{0..2}', {
        shard: { by: 'user_no', hash: 'crc32' },
        schema_save_mode: 'create_when_not_exist',
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      const targets = [0, 1, 2].map((n) => `SELECT ${n} AS shard, t.* FROM user_${n} t`).join(' UNION ALL ')
      const right = `(SELECT * FROM (${targets}) x WHERE shard = CRC32(user_no) % 3)`
      expect(await db.value(SAME(right))).to.equal('1510')
    }
  })

  it('say which table a fault is in', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await tables(db)
      await db.query(
        'UPDATE log_2 SET v = 300 WHERE id = 2007; ALTER TABLE t ADD CONSTRAINT c CHECK (id <> 2007 OR v <> 300)',
      )
      expectRefusal(await db.copy('log_{0..3}', 't'), 1, 'DATA_REJECTED', 'id = "2007"', 'log_2')
      await db.query('ALTER TABLE log_1 ADD COLUMN more INT')
      expectRefusal(await db.copy('log_{0..3}', 't'), 2, 'PARAMS_INVALID', 'log_1', '4 columns instead of 3')
      expectRefusal(await db.copy('nothing_*', 't'), 2, 'TABLE_NOT_FOUND', 'nothing_*')
      expectRefusal(await db.copy('log_{0..9}', 't'), 2, 'TABLE_NOT_FOUND', 'log_4')
      expectRefusal(await db.copy('log_{0..3}', 'log_0'), 2, 'PARAMS_INVALID', 'log_1')
    }
  })

  it('are followed each from where it was left', async () => {
    for (const server of oneServer()) {
      const tasks = await TaskFixture.create(server)
      const { data } = tasks
      await data.value('CREATE TABLE src2 (id INT PRIMARY KEY, v INT)')
      await data.value('INSERT INTO src2 VALUES (1001, 1)')
      await data.value('UPDATE src SET v = 5 WHERE id = 1')
      await tasks.addTask(1, 'dst', { params: '{"mode": "append"}', from: 'src*' })
      const run = async (...args: string[]) => {
        const { code, stderr } = await tasks.cli('run', '1', ...args)
        expect(code, stderr).to.equal(0)
        return Number(await data.value('SELECT COUNT(*) FROM dst'))
      }
      expect(await run()).to.equal(4)
      await data.value('INSERT INTO src VALUES (4, 4)')
      await data.value('INSERT INTO src2 VALUES (1002, 2)')
      await data.value('DELETE FROM dst WHERE id IN (1, 1001)')
      expect(await run()).to.equal(4)
      await data.value('CREATE TABLE src3 (id INT PRIMARY KEY, v INT)')
      await data.value('INSERT INTO src3 VALUES (7, 7)')
      expect(await run()).to.equal(5)
    }
  })

  it('are not taken for a table that has the name of their pattern', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await db.query(`CREATE TABLE \`log_*\` ${TABLE}; CREATE TABLE \`t{0..1}\` ${TABLE}; CREATE TABLE \`{yyyy}\` ${TABLE};
        CREATE TABLE log_2024 ${TABLE}; CREATE TABLE \`2024\` ${TABLE}; CREATE TABLE t0 ${TABLE}; CREATE TABLE t1 ${TABLE}; CREATE TABLE u ${TABLE};
        INSERT INTO \`log_*\` VALUES (1, 'a', 1); INSERT INTO \`t{0..1}\` VALUES (1, 'a', 1); INSERT INTO \`{yyyy}\` VALUES (1, 'a', 1);
        INSERT INTO log_2024 VALUES (2, 'b', 2); INSERT INTO t0 VALUES (2, 'b', 2); INSERT INTO t1 VALUES (3, 'c', 3); INSERT INTO \`2024\` VALUES (4, 'd', 4)`)
      for (const [name, escaped] of [
        ['log_*', 'log_\\*'],
        ['t{0..1}', 't\\{0..1}'],
        ['{yyyy}', '\\{yyyy}'],
      ] as const) {
        expectRefusal(await db.copy(name, 'u'), 2, 'PARAMS_INVALID', escaped)
        await db.query('DELETE FROM u')
        const one = await db.copy(escaped, 'u')
        expect(one.code, one.stderr).to.equal(0)
        expect(await db.query('SELECT id FROM u')).to.deep.equal([['1']])
        // As a target, and compared.
        await db.query('UPDATE u SET id = 7')
        const back = await db.copy('u', escaped)
        expect(back.code, back.stderr).to.equal(0)
        expect(await db.query(`SELECT id FROM \`${name}\` ORDER BY id`)).to.deep.equal([['1'], ['7']])
        const verified = await runCli(['verify', '--from', db.url(escaped), '--to', db.url('u')])
        expect(verified.code, verified.stderr).to.equal(4)
        expectRefusal(await db.copy('u', name), 2, 'PARAMS_INVALID', escaped)
      }
      expect(await db.query('SELECT id FROM t0')).to.deep.equal([['2']])
      const fresh = await db.copy('log_\\*', 'new_\\*', { schema_save_mode: 'create_when_not_exist' })
      expect(fresh.code, fresh.stderr).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM `new_*`')).to.equal('2')
    }
  })

  it('are not merged into a target that is named by a star', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await db.query(`CREATE TABLE t_1 ${TABLE}; CREATE TABLE t_2 ${TABLE}`)
      const outcome = await db.copy('t_*', 't_*', { schema_save_mode: 'create_when_not_exist' })
      expectRefusal(outcome, 2, 'PARAMS_INVALID', 't_*', '{0..15}', 't_\\*')
      expect(await db.query("SHOW TABLES LIKE 't\\_*'")).to.deep.equal([])
    }
  })
})

describe('a target with a name of our own', () => {
  const shapes = {
    rowshift_stage: '(id INT PRIMARY KEY, u INT UNIQUE, v INT)',
    rowshift_new: '(id INT PRIMARY KEY, u INT, v INT)',
  }
  for (const [name, shape] of Object.entries(shapes)) {
    it(`is written like any other: ${name}`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE s ${shape}; INSERT INTO s VALUES (1, 1, 1), (2, 2, 2);
           CREATE TABLE ${name} LIKE s; INSERT INTO ${name} VALUES (1, 9, 9)`,
        )
        const { code, stderr } = await db.copy('s', name, { write_mode: 'upsert', write_path: 'insert' })
        expect(code, stderr).to.equal(0)
        await db.expectEqual('s', name)
      }
    })
  }
})
