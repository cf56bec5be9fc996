// Generated ids: no two are the same, and those of an id map are given once, whoever asks and however often.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, runCli, servers } from '../support/context.js'
import type { Outcome } from '../support/copying.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'

const ACCOUNTS = 700
const ROWS = 8_000

/** Rows of accounts that come again and again, so that threads meet the same new ones. */
const SOURCE = `CREATE TABLE log (id INT PRIMARY KEY, account VARCHAR(20) COLLATE utf8mb4_bin NOT NULL);
  INSERT INTO log WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
    SELECT a.i * 1000 + b.i, CONCAT('U', (a.i * 1000 + b.i) * 7919 % ${ACCOUNTS}) FROM q a JOIN q b WHERE a.i <= ${ROWS / 1000}`

const kept = (type: string, more: object = {}) => ({ type, map: { table: 'id_map', ...more } })
const withMap = (type: string) => ['id', 'account', { from: 'account', to: 'new_id', id: kept(type) }]

function copyLog(from: string, to: string, params: object): Promise<Outcome> {
  const all = JSON.stringify({ worker_num: 4, read_batch: 500, write_mode: 'upsert', ...params })
  return runWithReport(['copy', '--from', from, '--to', to, '--params', all])
}

describe('ids', () => {
  for (const [type, column] of [
    ['snowflake', 'BIGINT'],
    ['uuidv7', 'CHAR(36)'],
    ['sequence', 'INT'],
  ] as const) {
    it(`of a map (${type}) are given once to each key, by four threads of two processes`, async () => {
      for (const server of oneServer()) {
        const db = await TestDatabase.create(
          server,
          `${SOURCE}; CREATE TABLE t (id INT PRIMARY KEY, account VARCHAR(20) COLLATE utf8mb4_bin, new_id ${column} NOT NULL);
           CREATE TABLE t2 LIKE t`,
        )
        const params = { columns: withMap(type) }
        const both = await Promise.all([
          copyLog(db.url('log'), db.url('t'), params),
          copyLog(db.url('log'), db.url('t2'), params),
        ])
        for (const { code, stderr } of both) expect(code, stderr).to.equal(0)
        const distinct =
          'SELECT COUNT(*), COUNT(DISTINCT account), COUNT(DISTINCT new_id), COUNT(DISTINCT account, new_id)'
        for (const table of ['t', 't2']) {
          expect(await db.query(`${distinct} FROM ${table}`)).to.deep.equal([
            [`${ROWS}`, `${ACCOUNTS}`, `${ACCOUNTS}`, `${ACCOUNTS}`],
          ])
        }
        await db.expectEqual('t', 't2')
        expect(
          await db.value(
            'SELECT COUNT(*) FROM t JOIN id_map m ON m.old_id = t.account AND m.new_id = t.new_id',
          ),
        ).to.equal(`${ROWS}`)

        const again = await copyLog(db.url('log'), db.url('t'), params)
        expect(again.code, again.stderr).to.equal(0)
        expect(again.report).to.include({ rowsWritten: 0, rowsUnchanged: ROWS })
      }
    })
  }

  for (const [type, column] of [
    ['uuidv7', 'BINARY(16)'],
    ['uuidv7', 'CHAR(36)'],
    ['uuidv7', 'CHAR(36) CHARACTER SET ascii'],
    ['sequence', 'INT'],
    ['snowflake', 'BIGINT UNSIGNED'],
  ] as const) {
    it(`of a map are looked up afterwards in a column of the same type (${type}, ${column})`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE account (no VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY); INSERT INTO account VALUES ('a'), ('b'), ('B');
           CREATE TABLE log (id INT PRIMARY KEY, no VARCHAR(20) NOT NULL); INSERT INTO log VALUES (1, 'a'), (2, 'b'), (3, 'a');
           CREATE TABLE account2 (id ${column} PRIMARY KEY, no VARCHAR(20) COLLATE utf8mb4_bin);
           CREATE TABLE log2 (id INT PRIMARY KEY, account ${column} NOT NULL)`,
        )
        const accounts = { from: 'no', to: 'id', id: kept(type) }
        const first = await db.copy('account', 'account2', { columns: ['no', accounts] })
        expect(first.code, first.stderr).to.equal(0)
        const lookup = { in: 'target', table: 'id_map', key: 'old_id', value: 'new_id' }
        const columns = ['id', { from: 'no', to: 'account', lookup }]
        const second = await db.copy('log', 'log2', { columns })
        expect(second.code, second.stderr).to.equal(0)
        expect(
          await db.value(
            'SELECT COUNT(*) FROM log JOIN log2 USING (id) JOIN account2 a ON a.id = log2.account AND a.no = log.no',
          ),
        ).to.equal('3')
        const same = await db.query(
          `SELECT a.COLUMN_TYPE = b.COLUMN_TYPE FROM information_schema.COLUMNS a JOIN information_schema.COLUMNS b USING (TABLE_SCHEMA)
           WHERE TABLE_SCHEMA = DATABASE() AND a.TABLE_NAME = 'id_map' AND a.COLUMN_NAME = 'new_id' AND b.TABLE_NAME = 'account2' AND b.COLUMN_NAME = 'id'`,
        )
        expect(same).to.deep.equal([['1']])
        await db.query('INSERT INTO id_map SELECT CONCAT(old_id, 9), new_id FROM id_map LIMIT 1').then(
          () => expect.fail('one id stands for two keys'),
          (error: Error) => expect(error.message).to.include('Duplicate entry'),
        )
      }
    })
  }

  it('of a map are given once in SQLite too, where one writer locks the whole file', async () => {
    const path = sqliteFile(
      `CREATE TABLE log (id INTEGER PRIMARY KEY, account TEXT NOT NULL);
       INSERT INTO log WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${ROWS})
         SELECT i, 'U' || (i * 7919 % ${ACCOUNTS}) FROM q;
       CREATE TABLE t (id INTEGER PRIMARY KEY, account TEXT, new_id INTEGER NOT NULL)`,
    )
    for (const type of ['snowflake', 'sequence']) {
      sqliteRows(path, 'DELETE FROM t RETURNING 1')
      const columns = [
        'id',
        'account',
        { from: 'account', to: 'new_id', id: { type, map: { table: `map_${type}` } } },
      ]
      const endpoints = [`sqlite:${path}?table=log`, `sqlite:${path}?table=t`] as const
      const first = await copyLog(...endpoints, { columns })
      expect(first.code, first.stderr).to.equal(0)
      expect(
        sqliteRows(
          path,
          `SELECT COUNT(*), COUNT(DISTINCT new_id), COUNT(DISTINCT account || ':' || new_id) FROM t`,
        ),
      ).to.deep.equal([[ROWS, ACCOUNTS, ACCOUNTS]])
      const again = await copyLog(...endpoints, { columns })
      expect(again.report).to.include({ rowsWritten: 0, rowsUnchanged: ROWS })
    }
  })

  it('without a map are new for every row, in rising blocks above what is there', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE t (s BIGINT, n INT, u CHAR(36), b BINARY(16), id INT, PRIMARY KEY (s), UNIQUE (n), UNIQUE (u), UNIQUE (b));
         INSERT INTO t VALUES (1, 5000, '', '', 0)`,
      )
      const columns = [
        'id',
        { to: 's', id: { type: 'snowflake', worker: 1020, epoch: '2024-01-01T00:00:00Z' } },
        { to: 'n', id: { type: 'sequence', block: 100 } },
        { to: 'u', id: 'uuidv7' },
        { to: 'b', id: { type: 'uuidv7' } },
      ]
      const outcome = await copyLog(db.url('log'), db.url('t'), { columns, write_mode: 'insert' })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.warnings).to.deep.equal([])
      const [row] = await db.query(
        `SELECT COUNT(*), MIN(n) > 5000, MIN(s >> 12 & 1023) >= 1020, MAX(ABS((s >> 22) / 1000 + UNIX_TIMESTAMP('2024-01-01 00:00:00') - UNIX_TIMESTAMP())) < 86400,
                SUM(u REGEXP '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'), SUM(HEX(b) REGEXP '^.{12}7.{3}[89AB]')
         FROM t WHERE id > 0`,
      )
      expect(row).to.deep.equal([`${ROWS}`, '1', '1', '1', `${ROWS}`, `${ROWS}`])
      const next = await db.value(
        `SELECT next_value > (SELECT MAX(n) FROM t) FROM rowshift_sequence WHERE name = 't.n'`,
      )
      expect(next).to.equal('1')
    }
  })

  it('that a run has given before it failed are those of the next one', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (account VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, n INT); INSERT INTO src VALUES ('a', 1), ('A', 2), ('b', 3);
         CREATE TABLE t (id BIGINT PRIMARY KEY, account VARCHAR(20) COLLATE utf8mb4_bin, n INT CHECK (n < 3))`,
      )
      const params = { columns: ['account', 'n', { from: 'account', to: 'id', id: kept('snowflake') }] }
      expectRefusal(await db.copy('src', 't', params), 1, 'DATA_REJECTED')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      const before = await db.query('SELECT * FROM id_map ORDER BY old_id')
      expect(before).to.have.length(3)
      await db.query('DELETE FROM src WHERE n = 3')
      expect((await db.copy('src', 't', params)).code).to.equal(0)
      expect(await db.query('SELECT * FROM id_map ORDER BY old_id')).to.deep.equal(before)
      expect(
        await db.value('SELECT COUNT(*) FROM t JOIN id_map ON old_id = account AND new_id = id'),
      ).to.equal('2')
    }
  })

  it('are shown in the plan, which makes nothing', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE t (id INT PRIMARY KEY, account VARCHAR(20), new_id BIGINT)`,
      )
      const params = JSON.stringify({ columns: withMap('sequence') })
      const endpoints = ['--from', db.url('log'), '--to', db.url('t')]
      const { stdout, code } = await runCli(['copy', ...endpoints, '--params', params, '--dry-run'])
      expect(code).to.equal(0)
      expect(stdout).to.match(
        /made in the worker: a number of a sequence for each account, kept in id_map -> new_id \(bigint/,
      )
      expect(stdout).to.include(
        'ids are kept in table id_map of the target (old_id -> new_id), which is made',
      )
      expect(await db.query('SHOW TABLES')).to.deep.equal([['log'], ['t']])
    }
  })

  it('that cannot be made or kept are refused before anything is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (account VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, d DATE NOT NULL, n VARCHAR(20)); INSERT INTO src VALUES ('a', '2026-01-01', NULL), ('A', '2026-01-01', NULL);
         CREATE TABLE t (id BIGINT PRIMARY KEY, account VARCHAR(20) COLLATE utf8mb4_bin, small INT);
         CREATE TABLE no_key (old_id VARCHAR(20), new_id BIGINT); CREATE TABLE narrow (old_id VARCHAR(5) PRIMARY KEY, new_id INT, more INT NOT NULL);
         CREATE TABLE folding (old_id VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, new_id BIGINT NOT NULL)`,
      )
      const wrong = (...entries: object[]) =>
        db.copy('src', 't', { columns: ['account', ...entries], write_mode: 'upsert' })
      const map = (table: string) => ({ from: 'account', to: 'id', id: kept('snowflake', { table }) })
      expectRefusal(
        await wrong(
          { from: 'account', to: 'id', id: { type: 'uuidv7', worker: 3, block: 5 } },
          { to: 'small', id: { type: 'snowflake', map: { table: 'm' }, epoch: 'soon', worker: 1023 } },
        ),
        2,
        'PARAMS_INVALID',
        'columns[1]: "from" does nothing for an "id" without "map"',
        'columns[1]: "worker" is for ids of type "snowflake"',
        'columns[1]: "block" is for ids of type "sequence"',
        'columns[2]: "map" needs "from"',
        'columns[2]: "epoch" is not a date and time',
        'columns[2]: "worker" is the number of the first of 2 threads',
      )
      expectRefusal(
        await wrong(
          { from: 'account', to: 'id', id: kept('sequence', { table: 'Rowshift_sequence' }) },
          { from: 'account', to: 'small', id: kept('sequence', { table: 'm', key: 'x', value: 'X' }) },
        ),
        2,
        'PARAMS_INVALID',
        'columns[1]: "map" cannot be kept in rowshift_sequence',
        'columns[2]: "key" and "value" of "map" are two columns',
      )
      expectRefusal(await wrong({ to: 'id', id: 'snowflake' }), 2, 'PARAMS_INVALID', 'matched by id')
      expectRefusal(
        await wrong({ to: 'small', id: 'snowflake' }, map('folding')),
        3,
        'LOSSY',
        'small',
        'numbers above 2147483647',
      )
      expectRefusal(
        await wrong(map('no_key')),
        2,
        'PARAMS_INVALID',
        'id map no_key needs old_id NOT NULL and a unique key',
      )
      expectRefusal(
        await wrong(map('narrow')),
        2,
        'PARAMS_INVALID',
        'narrow.old_id (varchar(5)) does not hold every account',
        'narrow.new_id (int',
        'narrow.more is NOT NULL',
      )
      expectRefusal(
        await wrong({ from: 'd', to: 'id', id: kept('snowflake') }),
        2,
        'PARAMS_INVALID',
        'keys are integers, texts or bytes',
      )
      expectRefusal(
        await wrong(map('folding')),
        1,
        'DATA_REJECTED',
        'folding does not keep the key',
        'binary collation',
      )
      expectRefusal(
        await wrong({ from: 'n', to: 'id', id: kept('snowflake') }),
        1,
        'DATA_REJECTED',
        /n is NULL in the row with account = "[aA]"/,
      )
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    }
  })
})
