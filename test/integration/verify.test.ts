// Whether differences are found, wherever and whatever they are, and nothing else is.
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { query, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import { expectDifferent, expectEqual, fill, verify } from '../support/verifying.js'

const ROWS = 4000

const changes: readonly (readonly [what: string, sql: string, expected: readonly number[]])[] = [
  ['nothing', '', [0, 0, 0]],
  ['one missing row', 'DELETE FROM t WHERE id = 2345', [1, 0, 0]],
  ['the first and the last row missing', `DELETE FROM t WHERE id IN (1, ${ROWS})`, [2, 0, 0]],
  ['one extra row inside', 'DELETE FROM s WHERE id = 777', [0, 1, 0]],
  ['extra rows below and above the source', "INSERT INTO t (id, v) VALUES (-7, ''), (99999, '')", [0, 2, 0]],
  [
    'one flipped bit in a BLOB',
    "UPDATE t SET b = CONCAT(x'00ff0b5c09', '1234') WHERE id = 1 + 2000",
    [0, 0, 1],
  ],
  ['a FLOAT off by one ulp', 'UPDATE t SET f = 0.14285716 WHERE id = 1', [0, 0, 1]],
  [
    'NULL instead of an empty string',
    "UPDATE s SET v = ''; UPDATE t SET v = NULL WHERE id = 9; UPDATE t SET v = '' WHERE id <> 9",
    [0, 0, 1],
  ],
  [
    "'a' instead of 'A' under a collation that takes them for equal",
    "UPDATE t SET v = 'V3' WHERE v = 'v3' LIMIT 1",
    [0, 0, 1],
  ],
  ['a space at the end', "UPDATE t SET v = 'v3 ' WHERE v = 'v3' LIMIT 1", [0, 0, 1]],
  [
    'two swapped rows',
    'UPDATE t SET id = -1 WHERE id = 10; UPDATE t SET id = 10 WHERE id = 20; UPDATE t SET id = 20 WHERE id = -1',
    [0, 0, 2],
  ],
  ['an empty target', 'TRUNCATE t', [ROWS, 0, 0]],
  ['an empty source', 'TRUNCATE s', [0, ROWS, 0]],
]

describe('verify', () => {
  const dbs: TestDatabase[] = []
  before(async () => {
    for (const server of servers()) dbs.push(await TestDatabase.create(server))
  })

  for (const [what, sql, expected] of changes) {
    it(`finds ${what}`, async () => {
      for (const db of dbs) {
        await fill(db, ROWS)
        if (sql !== '') await db.query(sql)
        const outcome = await verify(db.url('s'), db.url('t'))
        if (expected.every((count) => count === 0)) expectEqual(outcome, ROWS)
        else expectDifferent(outcome, ...expected)
        expect(outcome.report.reasons.join()).to.include('digests are computed inside both databases')
      }
    })
  }

  it('names rows and columns, in the report and to a person', async () => {
    for (const db of dbs) {
      await fill(db, ROWS)
      await db.query(
        "UPDATE t SET n = 0, v = 'x' WHERE id = 3210; DELETE FROM t WHERE id = 5; INSERT INTO t (id) VALUES (-1)",
      )
      const { report, stdout } = await verify(db.url('s'), db.url('t'))
      expect(report.found).to.deep.include({
        sourceRows: ROWS,
        targetRows: ROWS,
        missingRows: [{ id: '5' }],
        extraRows: [{ id: '-1' }],
        differentRows: [{ key: { id: '3210' }, columns: ['v', 'n'] }],
      })
      expect(stdout).to.include('different  id = 3210 in v, n').and.include('1 missing, 1 extra, 1 different')
    }
  })

  it('counts equal rows of tables without a key', async () => {
    for (const db of dbs) {
      const twice = "('a', 1), ('a', 1), ('b', NULL), ('b', NULL)"
      await db.query(
        `DROP TABLE IF EXISTS s, t; CREATE TABLE s (v VARCHAR(9), n INT); CREATE TABLE t LIKE s;
         INSERT INTO s VALUES ${twice}; INSERT INTO t VALUES ${twice}`,
      )
      expectEqual(await verify(db.url('s'), db.url('t')), 4)
      await db.query("INSERT INTO t VALUES ('a', 1), ('a', 1); INSERT INTO s VALUES ('b', NULL), ('b', NULL)")
      const outcome = await verify(db.url('s'), db.url('t'))
      expectDifferent(outcome, 2, 2, 0)
      expect(outcome.report.found!.extraRows).to.deep.equal([
        { v: 'a', n: '1' },
        { v: 'a', n: '1' },
      ])
    }
  })

  it('is right where both ends sort the key differently, and where the key is nullable', async () => {
    for (const db of dbs) {
      await db.query(
        `DROP TABLE IF EXISTS s, t; CREATE TABLE s (k VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, n INT);
         CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT);
         INSERT INTO s VALUES ('a', 1), ('B', 2), ('c', 3), ('Z', 4); INSERT INTO t SELECT * FROM s`,
      )
      const equal = await verify(db.url('s'), db.url('t'), '--param', 'read_batch=1')
      expectEqual(equal, 4)
      expect(equal.report.reasons.join()).to.include('need not sort their values alike')
      await db.query("UPDATE t SET k = 'A' WHERE k = 'a'; UPDATE t SET n = 9 WHERE k = 'Z'")
      expectDifferent(await verify(db.url('s'), db.url('t')), 1, 1, 1)

      await db.query(
        `DROP TABLE s, t; CREATE TABLE s (k INT NULL UNIQUE, v VARCHAR(9)); CREATE TABLE t LIKE s;
         INSERT INTO s VALUES (1, 'a'), (NULL, 'b'), (NULL, 'b'), (2, 'c'); INSERT INTO t SELECT * FROM s`,
      )
      expectEqual(await verify(db.url('s'), db.url('t'), '--param', 'read_batch=1'), 4)
      await db.query("DELETE FROM t WHERE v = 'b' LIMIT 1; INSERT INTO t VALUES (NULL, 'x')")
      expectDifferent(await verify(db.url('s'), db.url('t')), 1, 1, 0)
    }
  })

  it('compares mapped columns, under their names on either end', async () => {
    for (const db of dbs) {
      await db.query(
        `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY, a DECIMAL(5,1), z DATETIME, x INT);
         CREATE TABLE t (nr BIGINT PRIMARY KEY, b DECIMAL(9,3), z DATETIME(6), mine INT);
         INSERT INTO s VALUES (1, 1.5, '2024-01-01 10:00:00', 7), (2, -0.1, NULL, 8); INSERT INTO t (nr, b, z) SELECT id, a, z FROM s`,
      )
      const columns = ['--param', 'columns=[{"from":"id","to":"nr"},{"from":"a","to":"b"},"z"]']
      expectEqual(await verify(db.url('s'), db.url('t'), ...columns), 2)
      await db.query("UPDATE t SET b = 1.501, z = '2024-01-01 10:00:00.000001' WHERE nr = 1")
      const { report } = await verify(db.url('s'), db.url('t'), ...columns)
      expect(report.found!.differentRows).to.deep.equal([{ key: { id: '1' }, columns: ['a', 'z'] }])
    }
  })

  it('looks at the part that --where or --sample says, and says so', async () => {
    for (const db of dbs) {
      await fill(db, ROWS)
      await db.query('DELETE FROM t WHERE id > 3000')
      expectEqual(await verify(db.url('s'), db.url('t'), '--where', 'id <= 3000'), 3000)
      await db.query('DELETE FROM s WHERE id > 3000')
      const { report, stdout, code } = await verify(
        db.url('s'),
        db.url('t'),
        '--sample',
        '25',
        '--param',
        'read_batch=100',
      )
      expect(code).to.equal(0)
      // How many rows a split has depends on statistics.
      expect(report.sample).to.equal(25)
      expect(report.splitsSkipped).to.be.within(18, 24)
      expect(report.rowsRead).to.be.within(600, 1000)
      expect(stdout).to.include(`25 % of the splits; ${report.splitsSkipped} were left out`)
    }
  })

  it('needs no privilege but SELECT', async () => {
    for (const db of dbs) {
      await fill(db, 100)
      const user = `verify_${process.pid}`
      await query(
        db.server,
        `DROP USER IF EXISTS '${user}'@'%'; CREATE USER '${user}'@'%' IDENTIFIED BY 'secret';
         GRANT SELECT ON \`${db.database}\`.* TO '${user}'@'%'`,
      )
      try {
        const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`)
        expectEqual(await verify(url('s'), url('t')), 100)
      } finally {
        await query(db.server, `DROP USER '${user}'@'%'`)
      }
    }
  })

  it('says what is wrong with its options', async () => {
    const [db] = dbs
    const wrong = (...options: string[]) =>
      runCli(['verify', '--from', db!.url('s'), '--to', db!.url('t'), ...options])
    expectRefusal(await wrong('--sample', '0'), 2, 'USAGE', '--sample')
    expectRefusal(await wrong('--max-delete', 'x'), 2, 'USAGE', '--max-delete')
    expectRefusal(await runCli(['verify', '--from', db!.url('s')]), 2, 'USAGE', '--from URL and --to URL')
    expectRefusal(await verify(db!.url('s'), db!.url('nowhere')), 2, 'TABLE_NOT_FOUND', 'nowhere')
  })
})
