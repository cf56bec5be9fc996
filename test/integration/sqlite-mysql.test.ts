import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { withGlobals } from '../support/globals.js'
import { sqliteFile, sqliteRows, sqliteRun } from '../support/sqlite.js'

/** The ten columns of the benchmark table, on each side as that side's users declare them. */
const MYSQL = `CREATE TABLE t (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_no VARCHAR(20) NOT NULL, status TINYINT NOT NULL,
  amount DECIMAL(18,4) NOT NULL, ratio DOUBLE NOT NULL, title VARCHAR(255) NOT NULL, note TEXT NOT NULL,
  version INT NOT NULL, created DATETIME(6) NOT NULL, modified TIMESTAMP NULL) DEFAULT CHARSET=utf8mb4`
const SQLITE = `CREATE TABLE t (
  id INTEGER PRIMARY KEY, user_no TEXT NOT NULL, status INTEGER NOT NULL, amount TEXT NOT NULL, ratio REAL NOT NULL,
  title TEXT NOT NULL, note TEXT NOT NULL, version INTEGER NOT NULL, created DATETIME NOT NULL, modified DATETIME)`
const ROWS = `INSERT INTO t VALUES
  (0, 'U0', -128, '99999999999999.9999', 5e-324, '订单 📦', 'tab \\t newline \\n backslash \\\\ quote '' nul \\0', 2147483647, '2024-01-01 00:00:00.000001', NULL),
  (1, '', 127, '-0.0001', 1.7976931348623157e308, '', '', -2147483648, '9999-12-31 23:59:59.999999', '2024-10-27 01:30:00'),
  (9007199254740993, 'x', 0, '0.1000', 0.1, 'NULL', '\\\\N', 0, '1000-01-01 00:00:00.000000', '2038-01-19 03:14:07')`

describe('SQLite and MySQL', () => {
  let restore: () => Promise<void>
  before(async () => {
    restore = await withGlobals(servers(), { local_infile: '1' })
  })
  after(() => restore())

  it('copy the ten columns there and back, equal by SQL on both', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'; ${MYSQL}; ${ROWS}; CREATE TABLE back LIKE t`,
      )
      const file = scratchFile('db')
      const database = new Database(file)
      database.exec(SQLITE)
      const sqlite = `sqlite:${file}?table=t`
      const toSqlite = ['copy', '--from', db.url('t'), '--to', sqlite]
      const there = await runWithReport(toSqlite)
      expect(there.stderr).to.match(/id .*checked.* above 9223372036854775807/)
      expect(there.code, there.stderr).to.equal(0)
      expect(there.report).to.include({ rowsRead: 3, rowsWritten: 3 })
      const back = await runWithReport(['copy', '--from', sqlite, '--to', db.url('back')])
      expect(back.code, back.stderr).to.equal(0)
      await db.expectEqual('t', 'back')

      // Both databases say what they hold, in hexadecimal; neither value passes through rowshift for this.
      const text = ['user_no', 'amount', 'title', 'note', 'created', 'modified']
      const exact = text.map((name) => `HEX(CAST(${name} AS CHAR))`)
      const sql = `SELECT id, status, version, ${exact.join(', ')} FROM t ORDER BY id`
      const held = database.rows(sql, { exact: true }) as (bigint | string)[][]
      const expected = (await db.query(`SET time_zone = '+00:00'; ${sql}`)).map((row) =>
        row.map((cell) => cell ?? ''),
      )
      expect(held.map((row) => row.map(String))).to.deep.equal(expected)
      const doubles = database.column('SELECT ratio FROM t ORDER BY id')
      expect(doubles).to.deep.equal([5e-324, 1.7976931348623157e308, 0.1])
      database.close()
    }
  })

  it('copy infinities between floats of SQLite, and MySQL rejects their rows', async () => {
    const file = sqliteFile(
      'CREATE TABLE s (id INTEGER PRIMARY KEY, v REAL); INSERT INTO s VALUES (1, 1.5), (2, 9e999), (3, -9e999), (4, NULL)',
    )
    const from = ['--from', `sqlite:${file}?table=s`]
    const other = scratchFile('db')
    const within = [...from, '--to', `sqlite:${other}?table=t`]
    const columns = ['--param', 'columns=["id",{"to":"v","sql":"v * 1"}]']
    for (const more of [
      ['--create'],
      ['--param', 'write_mode=upsert'],
      [...columns, '--param', 'write_mode=upsert'],
    ]) {
      const copied = await runWithReport(['copy', ...within, ...more])
      expect(copied.code, copied.stderr).to.equal(0)
      const same = 'SELECT id, v = 1.5, v = 9e999, v = -9e999, typeof(v) FROM t ORDER BY id'
      expect(sqliteRows(other, same)).to.deep.equal([
        [1, 1, 0, 0, 'real'],
        [2, 0, 1, 0, 'real'],
        [3, 0, 0, 1, 'real'],
        [4, null, null, null, 'null'],
      ])
    }
    expect((await runCli(['verify', ...within])).code).to.equal(0)
    sqliteRun(other, 'UPDATE t SET v = 1.7976931348623157e308 WHERE id = 2')
    expect((await runCli(['verify', ...within])).code).to.equal(4)

    for (const server of servers()) {
      const db = await TestDatabase.create(server, 'CREATE TABLE t (id INT PRIMARY KEY, v DOUBLE)')
      for (const write_path of ['insert', 'load-data']) {
        const copy = (params: object) =>
          runWithReport([
            'copy',
            ...from,
            '--to',
            db.url('t'),
            '--params',
            JSON.stringify({ write_path, ...params }),
          ])
        for (const params of [{}, { allow_lossy: ['v'] }]) {
          const refused = await copy(params)
          expectRefusal(
            refused,
            1,
            'DATA_REJECTED',
            '"Infinity" of s.v (REAL) has no place in t.v (double)',
            'id = "2"',
          )
          expect(refused.stderr).to.match(/v .*(checked|loses).* Infinity and -Infinity/)
          expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
        }
        const tolerated = await copy({ error_limit: 2, dirty_file: scratchFile('tsv') })
        expect(tolerated.code, tolerated.stderr).to.equal(0)
        expect(tolerated.report).to.include({ rowsWritten: 2, dirtyRows: 2 })
        expect(await db.query('SELECT * FROM t ORDER BY id')).to.deep.equal([
          ['1', '1.5'],
          ['4', null],
        ])
        await db.query('TRUNCATE t')
      }
    }
  })
})
