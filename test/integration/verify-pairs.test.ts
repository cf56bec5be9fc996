// Equal tables of every type are found equal between any two databases, and repaired where they are not.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { expectDifferent, expectEqual, fill, verify } from '../support/verifying.js'

const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join('')

const TYPES = `CREATE TABLE s (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  i INT, u BIGINT UNSIGNED, t TINYINT(1), z INT(8) ZEROFILL, y YEAR, d DECIMAL(65,30), f FLOAT, g DOUBLE,
  c CHAR(5), v VARCHAR(200), l VARCHAR(100) CHARACTER SET latin1, k VARCHAR(100) CHARACTER SET gbk, x TEXT,
  e ENUM('a','2','1'), st SET('x','y'), j JSON,
  b1 BIT(1), b64 BIT(64), bin BINARY(4), vb VARBINARY(300), bl BLOB, gm GEOMETRY,
  da DATE, ti TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL) DEFAULT CHARSET=utf8mb4`
const VALUES = `SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'; INSERT INTO s VALUES
 (0, -2147483648, 18446744073709551615, 2, 7, 0, 12345678901234567890123456789012345.123456789012345678901234567891,
  16777216, 5e-324, 'ab', '数据 📦 ''q'' "d" \\\\ \\t \\n \\r \\0 end', 'é€', '中文', 'NULL', '1', 'x,y', '{"a": 1.50, "b": [1, {}, "x"]}',
  b'1', b'${'1'.repeat(64)}', 'ab', 0x${ALL_BYTES}, 0x${ALL_BYTES}, ST_GeomFromText('POINT(1 2)'),
  '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', '2024-10-27 01:30:00.123456'),
 (1, 2147483647, 0, 0, 0, 1901, -0.000000000000000000000000000001, 0.1, 1.7976931348623157e308, '', '', '', '', '\\\\N', 'a', '', '[]',
  b'0', b'0', '', '', '', NULL, '9999-12-31', '838:59:59.000000', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01'),
 (2, ${Array(26).fill('NULL').join(', ')}),
 (18446744073709551615, 0, 9007199254740993, 127, 99999999, 2155, 0, 3.4028235e38, -0e0, 'x', '\\\\', '\\'', 'a', 'tab\\tend', '2', 'y', 'null',
  b'1', b'10', 0x00000000, 0x0a, 0x5c4e, NULL, '2024-02-29', '00:00:00.000001', '2024-03-31 02:30:00', NULL)`

describe('verify between databases', () => {
  for (const a of ['mariadb', 'mysql']) {
    for (const b of ['mariadb', 'mysql']) {
      it(`finds tables of every type equal after a copy from ${a} to ${b}`, async () => {
        const [from, to] = [a, b].map((kind) => servers().find((server) => server.kind === kind)!)
        const source = await TestDatabase.create(from!, `${TYPES}; ${VALUES}`)
        const target = await TestDatabase.create(to!, TYPES.replace('TABLE s', 'TABLE t'))
        const copied = await runWithReport([
          'copy',
          '--from',
          source.url('s'),
          '--to',
          target.url('t'),
          '--params',
          // JSON is written anew by MySQL, and -0 is 0 in MariaDB; neither is a difference.
          JSON.stringify({ allow_lossy: a === b ? [] : b === 'mysql' ? ['j'] : ['g'] }),
        ])
        expect(copied.code, copied.stderr).to.equal(0)
        const equal = await verify(source.url('s'), target.url('t'), '--param', 'read_batch=2')
        expectEqual(equal, 4)
        const how = a === b ? 'digests are computed inside' : 'rows are read from both ends'
        expect(equal.report.reasons.join()).to.include(how)
        // Every column counts: a change in any one of them is found, and named.
        const changed = await target.query(
          'SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY ORDINAL_POSITION',
        )
        for (const [name] of changed.slice(1))
          await target.query(`UPDATE t SET \`${name}\` = NULL WHERE id = 0`)
        const { report } = await verify(source.url('s'), target.url('t'))
        expect(report.found!.differentRows).to.deep.equal([
          { key: { id: '0' }, columns: changed.slice(1).map(([name]) => name) },
        ])
      })
    }
  }

  it('has the servers compute the same digest where no column is JSON', async () => {
    const [from, to] = servers()
    const types = TYPES.replace('j JSON', 'j LONGTEXT')
    const source = await TestDatabase.create(from!, `${types}; ${VALUES}`)
    const target = await TestDatabase.create(to!, types.replace('TABLE s', 'TABLE t'))
    await runWithReport(['copy', '--from', source.url('s'), '--to', target.url('t')])
    const outcome = await verify(source.url('s'), target.url('t'))
    expectEqual(outcome, 4)
    expect(outcome.report.reasons.join()).to.include('digests are computed inside both databases')
  })

  it('compares SQLite with MariaDB and MySQL, both ways, and repairs either', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await fill(db, 2000)
      const file = scratchFile('db')
      const database = new Database(file)
      database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, f REAL, b BLOB, n INTEGER)')
      const sqlite = `sqlite:${file}?table=t`
      await runWithReport(['copy', '--from', db.url('s'), '--to', sqlite])
      expectEqual(await verify(db.url('s'), sqlite), 2000)
      expectEqual(await verify(sqlite, db.url('s')), 2000)
      database.exec(
        "UPDATE t SET f = 0.14285714924335 WHERE id = 1; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (-1, 'x', 1, x'00', 0)",
      )
      expectDifferent(await verify(db.url('s'), sqlite), 1, 1, 1)
      const repaired = await verify(db.url('s'), sqlite, '--repair')
      expect(repaired.code, repaired.stderr).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 2, rowsDeleted: 1 })
      expect(database.rows('SELECT count(*), min(id) FROM t')).to.deep.equal([[2000, 1]])
      database.exec("UPDATE t SET v = 'V5' WHERE id = 5; DELETE FROM t WHERE id = 9")
      expectDifferent(await verify(sqlite, db.url('t')), 0, 1, 1)
      const back = await verify(sqlite, db.url('t'), '--repair')
      expect(back.code, back.stderr).to.equal(0)
      expect(await db.value('SELECT v FROM t WHERE id = 5')).to.equal('V5')
      database.close()
    }
  })
})

describe('repair', () => {
  it('makes the target equal and touches only what differs', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await fill(db, 20_000)
      await db.query(
        `ALTER TABLE t ADD touched TIMESTAMP(6) NOT NULL DEFAULT '2000-01-01' ON UPDATE CURRENT_TIMESTAMP(6);
         UPDATE t SET n = -n, touched = '2000-01-01' WHERE id % 1000 = 7; DELETE FROM t WHERE id % 2000 = 9;
         INSERT INTO t (id, v) SELECT id + 100000, 'extra' FROM s WHERE id <= 30; UPDATE s SET v = 'A' WHERE id = 50;
         UPDATE t SET v = 'a', touched = '2000-01-01' WHERE id = 50`,
      )
      const columns = ['--param', 'columns=["*"]']
      const { code, stderr, report } = await verify(db.url('s'), db.url('t'), '--repair', ...columns)
      expect(code, stderr).to.equal(0)
      expect(report).to.include({ mode: 'sync', status: 'success', rowsWritten: 31, rowsDeleted: 30 })
      expect(report.left).to.include({ missing: 0, extra: 0, different: 0 })
      const same = 'a.v <=> BINARY b.v AND a.f*1e0 <=> b.f*1e0 AND a.b <=> b.b AND a.n <=> b.n'
      expect(await db.value(`SELECT COUNT(*) FROM s a JOIN t b ON a.id = b.id AND ${same}`)).to.equal('20000')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('20000')
      expect(await db.value("SELECT COUNT(*) FROM t WHERE touched > '2000-01-01'")).to.equal('21')
    }
  })

  it('deletes no more than max_delete allows, and then changes nothing', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await fill(db, 3000)
      await db.query('DELETE FROM s WHERE id > 1500; UPDATE s SET n = 0 WHERE id = 1')
      const refused = await verify(db.url('s'), db.url('t'), '--repair')
      expectRefusal(
        refused,
        1,
        'DELETES_REFUSED',
        '1500 of 3000',
        'at most 1000',
        'id = 1501',
        '… and 1480 more',
      )
      expect(await db.value('SELECT COUNT(*) FROM t WHERE n > 0')).to.equal('3000')
      expectRefusal(
        await verify(db.url('s'), db.url('t'), '--repair', '--max-delete', '49%'),
        1,
        'DELETES_REFUSED',
      )
      const allowed = await verify(db.url('s'), db.url('t'), '--repair', '--max-delete', '50%')
      expect(allowed.code, allowed.stderr).to.equal(0)
      expect(allowed.report).to.include({ rowsWritten: 1, rowsDeleted: 1500 })
    }
  })

  it('is refused for a table without a key, and by mode sync is a run like any other', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query('CREATE TABLE s (v INT); CREATE TABLE t LIKE s; INSERT INTO s VALUES (1), (1)')
      expectRefusal(await verify(db.url('s'), db.url('t'), '--repair'), 2, 'KEY_REQUIRED')
      await fill(db, 500)
      await db.query("UPDATE t SET v = 'X' WHERE id = 5; UPDATE t SET id = 1000 WHERE id = 6")
      const sync = await db.copy('s', 't', { mode: 'sync' })
      expect(sync.code, sync.stderr).to.equal(0)
      expect(sync.report).to.include({ mode: 'sync', rowsRead: 500, rowsWritten: 2, rowsDeleted: 1 })
      await db.expectEqual('s', 't')
    }
  })
})

describe('verify of generated columns', () => {
  it('finds values that the target computes otherwise, and the plan of the copy says that it computes them', async () => {
    const [mariadb, mysql] = ['mariadb', 'mysql'].map((kind) => servers().find((s) => s.kind === kind)!)
    const table = (name: string, expression: string) =>
      `CREATE TABLE ${name} (id INT PRIMARY KEY, j LONGTEXT, v VARCHAR(99) AS (${expression}) VIRTUAL, n INT AS (id + 1) STORED, p INT)`
    for (const [a, b] of [
      [mariadb!, mysql!],
      [mysql!, mysql!],
      [mariadb!, mariadb!],
    ]) {
      const other = a === b ? "CONCAT(JSON_EXTRACT(j, '$.a'), ' ')" : "JSON_EXTRACT(j, '$.a')"
      const source = await TestDatabase.create(
        a!,
        `${table('s', "JSON_EXTRACT(j, '$.a')")}; INSERT INTO s (id, j) VALUES (1, '{"a":"x"}'), (2, '{"a":"é\\\\u00e9\\\\/"}')`,
      )
      const target = await TestDatabase.create(b!, table('t', other))
      const copied = await runWithReport(['copy', '--from', source.url('s'), '--to', target.url('t')])
      expect(copied.code, copied.stderr).to.equal(0)
      expect(copied.stderr).to.match(/the target computes its generated columns itself.*: v, n/)
      const rows = a === b ? ['1', '2'] : ['2']
      const verified = await verify(source.url('s'), target.url('t'))
      expectDifferent(verified, 0, 0, rows.length)
      const differing = rows.map((id) => ({ key: { id }, columns: ['v'] }))
      expect(verified.report.found!.differentRows).to.deep.equal(differing)
      // Nothing that a repair writes differs, so nothing is written, and the rows stay different.
      const repaired = await verify(source.url('s'), target.url('t'), '--repair')
      expect(repaired.code, repaired.stderr).to.equal(4)
      expect(repaired.report).to.include({ rowsWritten: 0, rowsDeleted: 0 })
      expect(repaired.report.left).to.include({ different: rows.length })
      const named = ['--param', 'columns=["id","j"]']
      const some = await verify(source.url('s'), target.url('t'), ...named)
      expectEqual(some, 2)
      expect(some.stderr).to.include('generated column v of target t is not compared with anything')
    }
  })
})
