// One table copied into many, judged by SQL that applies the same rule, on both servers.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection, type Connection } from 'mysql2/promise'
import { oneServer, server, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile, type Outcome } from '../support/copying.js'
import { until } from '../support/until.js'

const ROWS = 3000

async function sourceAt(db: TestDatabase, rows = ROWS): Promise<void> {
  await db.query(
    `CREATE TABLE s (id BIGINT PRIMARY KEY, user_no VARCHAR(20) COLLATE utf8mb4_bin NOT NULL, v INT, at DATETIME NULL);
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
       SELECT i, CONCAT('用户', i), i, '2024-01-15' + INTERVAL i DAY FROM q`,
  )
  if (rows > 1000)
    await db.query(
      `INSERT INTO s SELECT a.id * 1000 + b.id, CONCAT(a.id, b.user_no), b.v, b.at FROM s a JOIN s b WHERE a.id < ${rows / 1000}`,
    )
}

function shardsOf({ report }: Outcome): Record<string, number> {
  return Object.fromEntries(report.shards!.map(({ name, rowsWritten }) => [name, rowsWritten]))
}

/** That the tables hold the source's rows, each where `rule` (SQL over the source) says. */
async function expectSharded(
  db: TestDatabase,
  tables: readonly (readonly [table: string, label: string])[],
  rule: string,
): Promise<void> {
  const all = tables
    .map(([table, label]) => `SELECT '${label}' AS shard, t.* FROM ${table} t`)
    .join(' UNION ALL ')
  const sql = `SELECT COUNT(*) FROM (${all}) t JOIN s ON s.id = t.id AND s.user_no = t.user_no AND s.v <=> t.v AND s.at <=> t.at
     WHERE t.shard = CONVERT(${rule} USING utf8mb4)`
  expect(await db.value(sql)).to.equal(await db.value('SELECT COUNT(*) FROM s'))
  expect(await db.value(`SELECT COUNT(*) FROM (${all}) t`)).to.equal(await db.value('SELECT COUNT(*) FROM s'))
}

function numbered(count: number, prefix = 't_'): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`${prefix}${i}`, String(i)])
}

describe('sharded targets', () => {
  it('are made, written by hash, and written again without a change', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      const shard = { by: 'USER_NO', hash: 'crc32' }
      const first = await db.copy('s', 't_{0..7}', {
        shard,
        schema_save_mode: 'create_when_not_exist',
        read_batch: 700,
        worker_num: 3,
      })
      expect(first.code, first.stderr).to.equal(0)
      expect(first.report.rowsWritten).to.equal(ROWS)
      await expectSharded(db, numbered(8), 'CRC32(s.user_no) % 8')
      const counts = shardsOf(first)
      expect(Object.keys(counts)).to.deep.equal(numbered(8).map(([table]) => table))
      for (const [table] of numbered(8)) {
        expect(await db.value(`SELECT COUNT(*) FROM ${table}`)).to.equal(String(counts[table]))
      }
      await db.query("UPDATE s SET v = -1 WHERE user_no = '用户17'")
      for (const write_path of server.kind === 'mysql' ? ['insert'] : ['bulk', 'load-data']) {
        await db.query("UPDATE s SET v = v - 1 WHERE user_no = '用户17'")
        const again = await db.copy('s', 't_{0..7}', { shard, write_mode: 'upsert', write_path })
        expect(again.report).to.include({
          rowsChanged: 1,
          rowsWritten: 1,
          rowsUnchanged: ROWS - 1,
          status: 'success',
        })
        await expectSharded(db, numbered(8), 'CRC32(s.user_no) % 8')
      }
    }
  })

  it('by modulo, range, and several columns', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      await db.query('UPDATE s SET id = -id WHERE id <= 500')
      const rules: [object, number, string][] = [
        [{ by: 'id', hash: 'modulo' }, 3, '((id % 3) + 3) % 3'],
        [{ by: 'id', hash: 'modulo', sign: 'abs' }, 3, 'ABS(id % 3)'],
        [{ by: 'id', range: [-10, '1000'] }, 3, 'IF(s.id < -10, 0, IF(s.id < 1000, 1, 2))'],
        [
          { by: 'at', range: ['2024-06-01', '2025-01-01', '2100-01-01'] },
          3,
          "IF(s.at < '2024-06-01', 0, IF(s.at < '2025-01-01', 1, 2))",
        ],
        [
          { by: ['user_no', 'v'], hash: 'crc32', separator: '_' },
          3,
          "CRC32(CONCAT(s.user_no, '_', s.v)) % 3",
        ],
      ]
      for (const [shard, count, sql] of rules) {
        await db.query(
          `${numbered(count)
            .map(([table]) => `DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} LIKE s`)
            .join(';')}`,
        )
        const outcome = await db.copy('s', `t_{0..${count - 1}}`, { shard })
        expect(outcome.code, outcome.stderr).to.equal(0)
        await expectSharded(db, numbered(count), sql.replaceAll(/\bid %/g, 's.id %'))
      }
    }
  })

  it('by month, with tables that are made when their first row comes', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      await db.query(
        'CREATE TABLE log_202402 LIKE s; CREATE TABLE log_2024 (id INT); CREATE TABLE xlog_202402 (id INT)',
      )
      const params = { shard: { by: 'at', date: 'yyyyMM' }, worker_num: 4, read_batch: 100 }
      const refused = await db.copy('s', 'log_{yyyyMM}', params)
      expectRefusal(refused, 1, 'SHARD_UNKNOWN', 'log_2024', 'at = "2024-', 'id = ')
      await db.query('DELETE FROM log_202402')
      const outcome = await db.copy('s', 'log_{yyyyMM}', {
        ...params,
        schema_save_mode: 'create_when_not_exist',
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      const months = (await db.query("SELECT DISTINCT DATE_FORMAT(at, '%Y%m') FROM s")).map(
        ([month]) => month!,
      )
      expect(months).to.have.lengthOf(34)
      await expectSharded(
        db,
        months.map((month) => [`log_${month}`, month]),
        "DATE_FORMAT(s.at, '%Y%m')",
      )
      expect(Object.values(shardsOf(outcome)).reduce((a, b) => a + b)).to.equal(ROWS)
    }
  })

  it('refuse rows that no shard is for, and keep them', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db, 1000)
      await db.query('UPDATE s SET at = NULL WHERE id = 7; CREATE TABLE t_0 LIKE s; CREATE TABLE t_1 LIKE s')
      const byDate = { shard: { by: 'at', range: ['2024-06-01', '2025-01-01'] } }
      expectRefusal(await db.copy('s', 't_{0..1}', byDate), 1, 'SHARD_UNKNOWN', 'id = "7"', 'at = NULL')
      await db.query('DELETE FROM t_0; DELETE FROM t_1')
      const outcome = await db.copy('s', 't_{0..1}', {
        ...byDate,
        error_limit: 1000,
        dirty_file: scratchFile('tsv'),
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      const outside = Number(await db.value("SELECT COUNT(*) FROM s WHERE at IS NULL OR at >= '2025-01-01'"))
      expect(outcome.report).to.include({ dirtyRows: outside, rowsWritten: 1000 - outside })
      const total = 'SELECT (SELECT COUNT(*) FROM t_0) + (SELECT COUNT(*) FROM t_1)'
      expect(await db.value(total)).to.equal(String(1000 - outside))
    }
  })

  it('in several databases, by one rule or by two', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      const other = await TestDatabase.create(server)
      await sourceAt(db)
      const names = [db.database, other.database]
      const url = (table: string) => `${server.url}/{${names.join(',')}}?table=${table}`
      const copy = (table: string, params: object) =>
        db.copyTo('s', url(table), { schema_save_mode: 'recreate', ...params })
      const each = names.flatMap((name, db) =>
        [0, 1, 2].map((i): [string, string] => [`${name}.t_${i}`, String(db * 3 + i)]),
      )
      const one = await copy('t_{0..2}', { shard: { by: 'user_no', hash: 'crc32' } })
      expect(one.code, one.stderr).to.equal(0)
      await expectSharded(db, each, 'CRC32(s.user_no) % 6')
      expect(Object.keys(shardsOf(one))).to.deep.equal(each.map(([table]) => table))
      const two = await copy('t_{0..2}', {
        shard: { database: { by: 'id', hash: 'modulo' }, table: { by: 'user_no', hash: 'crc32' } },
      })
      expect(two.code, two.stderr).to.equal(0)
      await expectSharded(db, each, '(s.id % 2) * 3 + CRC32(s.user_no) % 3')
      const through = await copy('u_{0..3}', { shard: { by: 'id', hash: 'modulo', numbering: 'through' } })
      expect(through.code, through.stderr).to.equal(0)
      await expectSharded(
        db,
        [0, 1, 2, 3].map((i) => [`${names[i >> 1]}.u_${i}`, String(i)]),
        's.id % 4',
      )
      const bare = await copy('w', { shard: { by: 'id', hash: 'modulo' } })
      expect(bare.code, bare.stderr).to.equal(0)
      await expectSharded(
        db,
        names.map((name, i) => [`${name}.w`, String(i)]),
        's.id % 2',
      )
    }
  })

  it('say which shards are committed when one of them fails, and wait for locks', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db, 1000)
      await db.query(
        numbered(3)
          .map(([table]) => `CREATE TABLE ${table} LIKE s`)
          .join(';'),
      )
      const shard = { by: 'id', hash: 'modulo' }
      await db.query('INSERT INTO t_2 SELECT * FROM s WHERE id = 5')
      const failed = await db.copy('s', 't_{0..2}', { shard })
      expectRefusal(
        failed,
        1,
        'DUPLICATE_KEY',
        'id = "5"',
        'It happened in t_2',
        't_0, t_1 are committed',
        'upsert',
      )
      expect(failed.report).to.include({ rowsRead: 667, rowsWritten: 667, splitsDone: 0 })
      expect(failed.report.shards!.map(({ rowsWritten }) => rowsWritten)).to.deep.equal([333, 334, 0])
      expect(await db.value('SELECT COUNT(*) FROM t_1')).to.equal('334')
      const again = await db.copy('s', 't_{0..2}', { shard, write_mode: 'upsert' })
      expect(again.report).to.include({ status: 'success', rowsUnchanged: 668, rowsWritten: 332 })
      await db.query('TRUNCATE t_0; TRUNCATE t_1; TRUNCATE t_2')
      const held = await hold(db, 'INSERT INTO t_2 (id, user_no) VALUES (2, 1)')
      const before = await lockWaits(db)
      const waiting = db.copy('s', 't_{0..2}', { shard, session: ['SET innodb_lock_wait_timeout = 1'] })
      // The first attempt has failed when its lock wait has timed out; then the part is tried again.
      await until('a second attempt', async () => (await lockWaits(db)) >= before + 2)
      await held.query('ROLLBACK')
      await held.end()
      const { report, stderr } = await waiting
      expect(report.status, stderr).to.equal('success')
      await expectSharded(db, numbered(3), 's.id % 3')
    }
  })

  it('try a part again as often as the params say', async () => {
    // The trigger's own rows stay, which MySQL does not allow beside GTIDs.
    const db = await TestDatabase.create(server('mariadb'))
    await sourceAt(db, 30)
    await db.query(
      `CREATE TABLE t_0 LIKE s; CREATE TABLE t_1 LIKE s; CREATE TABLE tries (id INT) ENGINE = MyISAM;
       CREATE TRIGGER locked BEFORE INSERT ON t_1 FOR EACH ROW BEGIN INSERT INTO tries VALUES (NEW.id);
         SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'locked'; END`,
    )
    const outcome = await db.copy('s', 't_{0..1}', {
      shard: { by: 'id', hash: 'modulo' },
      allow_triggers: true,
      retry: { attempts: 1, max_wait: 1 },
    })
    expectRefusal(outcome, 1, 'LOCK_CONFLICT', 'It happened in t_1')
    expect(await db.value('SELECT COUNT(*) FROM tries')).to.equal('2')
  })

  it('keep the rows that a shard refuses, once each', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db, 1000)
      await db.query(
        numbered(3)
          .map(
            ([table]) =>
              `CREATE TABLE ${table} LIKE s; ALTER TABLE ${table} ADD CONSTRAINT c_${table} CHECK (v % 100 <> 7)`,
          )
          .join(';'),
      )
      const outcome = await db.copy('s', 't_{0..2}', {
        shard: { by: 'id', hash: 'modulo' },
        error_limit: 10,
        dirty_file: scratchFile('tsv'),
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report).to.include({ dirtyRows: 10, rowsWritten: 990 })
      expect(outcome.report.shards!.reduce((sum, { dirtyRows }) => sum + dirtyRows, 0)).to.equal(10)
      const lines = readFileSync(outcome.report.dirtyFile!, 'utf8').trimEnd().split('\n')
      expect(new Set(lines.map((line) => line.split('\t')[0]))).to.have.property('size', 10)
    }
  })
})

/** How often the server has waited for a row so far. Its list of waiting transactions is an old one while somebody keeps looking at it. */
async function lockWaits(db: TestDatabase): Promise<number> {
  const [row] = await db.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
  return Number(row![1])
}

/** A session with something uncommitted. */
async function hold(
  { server: { host, port, user, password }, database }: TestDatabase,
  sql: string,
): Promise<Connection> {
  const session = await createConnection({ host, port, user, password, database })
  await session.query('BEGIN')
  await session.query(sql)
  return session
}
