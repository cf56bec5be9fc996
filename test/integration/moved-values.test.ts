// Unique values that move between rows arrive: along a line of rows, in a ring, across splits and threads, in every mode.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn } from '../support/cases.js'
import { query, servers } from '../support/context.js'
import type { Outcome } from '../support/copying.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { StoredTask } from '../support/stored-task.js'
import { expectEqual, verify } from '../support/verifying.js'

/** Rows read, written, changed among these, found equal, refused. */
function counts({ report }: Outcome): readonly number[] {
  const { rowsRead, rowsWritten, rowsChanged, rowsUnchanged, dirtyRows } = report
  return [rowsRead, rowsWritten, rowsChanged, rowsUnchanged, dirtyRows]
}

/** Of a SET, as many as it can have: its number needs all 64 bits. */
const MEMBERS = Array.from({ length: 64 }, (_, i) => `'m${i}'`).join()

const PAIRS = '(id INTEGER PRIMARY KEY, u VARCHAR(20) NOT NULL UNIQUE, v INT)'

/** Two tables alike, with the given rows. */
function tables(db: TestDatabase, columns: string, source: string, target: string): Promise<unknown> {
  return db.query(
    `DROP TABLE IF EXISTS s, t; CREATE TABLE s ${columns}; CREATE TABLE t LIKE s;
     INSERT INTO s VALUES ${source}; INSERT INTO t VALUES ${target}`,
  )
}

interface Case {
  readonly what: string
  readonly columns: string
  readonly source: string
  readonly target: string
  readonly expected: readonly number[]
}

const CASES: readonly Case[] = [
  {
    what: 'along a line, each taking the next one’s',
    columns: PAIRS,
    source: "(1, 'b', 0), (2, 'c', 0), (3, 'd', 0), (9, 'z', 0)",
    target: "(1, 'a', 0), (2, 'b', 0), (3, 'c', 0), (9, 'z', 0)",
    expected: [4, 3, 3, 1, 0],
  },
  {
    what: 'to a row that is new, from one that is not',
    columns: PAIRS,
    source: "(1, 'a', 0), (2, 'c', 0)",
    target: "(2, 'a', 0)",
    expected: [2, 2, 1, 0, 0],
  },
  {
    what: 'in rings of two and three, beside rows that do not change',
    columns: PAIRS,
    source: "(1, 'b', 0), (2, 'a', 7), (3, 'e', 0), (4, 'c', 0), (5, 'd', 0), (6, 'f', 0), (7, 'g', 1)",
    target: "(1, 'a', 0), (2, 'b', 0), (3, 'c', 0), (4, 'd', 0), (5, 'e', 0), (6, 'f', 0)",
    expected: [7, 6, 5, 1, 0],
  },
  {
    what: 'of several columns, with NULL among them',
    columns: '(id INTEGER PRIMARY KEY, a INT, b VARCHAR(5), UNIQUE (a, b))',
    source: "(1, 1, 'y'), (2, 1, 'x'), (3, NULL, 'x'), (4, 1, NULL), (5, 2, 'x')",
    target: "(1, 1, 'x'), (2, 1, 'y'), (3, 2, 'x'), (4, 1, NULL), (5, NULL, 'x')",
    expected: [5, 4, 4, 1, 0],
  },
  {
    what: 'of several keys, in rings that cross',
    columns: '(id INTEGER PRIMARY KEY, a INT UNIQUE, b INT UNIQUE)',
    source: '(1, 20, 30), (2, 30, 10), (3, 10, 20), (4, NULL, 40)',
    target: '(1, 10, 10), (2, 20, 20), (3, 30, 30), (4, 40, NULL)',
    expected: [4, 4, 4, 0, 0],
  },
]

/** A file with a table. */
function sqlite(table: string, columns: string, rows: string, more = ''): { file: string; url: string } {
  const file = scratchFile('db')
  const database = new Database(file)
  database.exec(`CREATE TABLE ${table} ${columns}; INSERT INTO ${table} VALUES ${rows}; ${more}`)
  database.close()
  return { file, url: `sqlite:${file}?table=${table}` }
}

function select(file: string, sql: string): unknown {
  const database = new Database(file)
  try {
    return database.rows(sql)
  } finally {
    database.close()
  }
}

function copySqlite(from: string, to: string, params: object): Promise<Outcome> {
  return runWithReport(['copy', '--from', from, '--to', to, '--params', JSON.stringify(params)])
}

describe('unique values that move between rows of SQLite', () => {
  for (const { what, columns, source, target, expected } of CASES) {
    it(`arrive ${what}`, async () => {
      const [from, to] = [sqlite('s', columns, source), sqlite('t', columns, target)]
      const params = { write_mode: 'upsert', worker_num: 1, read_batch: 2 }
      const outcome = await copySqlite(from.url, to.url, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(counts(outcome)).to.deep.equal(expected)
      expect(select(to.file, 'SELECT * FROM t ORDER BY 1')).to.deep.equal(
        select(from.file, 'SELECT * FROM s ORDER BY 1'),
      )
      const again = sqlite('t', columns, target)
      const repaired = await verify(from.url, again.url, '--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(select(again.file, 'SELECT * FROM t ORDER BY 1')).to.deep.equal(
        select(to.file, 'SELECT * FROM t ORDER BY 1'),
      )
    })
  }

  it('leave columns that are not copied as they are, and stop before a trigger or a foreign key that would act', async () => {
    const from = sqlite('s', '(id INTEGER PRIMARY KEY, u TEXT)', "(1, 'b'), (2, 'a'), (3, 'c')")
    const columns = '(id INTEGER PRIMARY KEY, u TEXT UNIQUE, note, low TEXT AS (lower(u)) STORED)'
    const rows = "(1, 'a', x'00ff'), (2, 'b', 1.5)"
    const child = (action: string) =>
      `CREATE TABLE c (t INTEGER REFERENCES t (id) ${action}); INSERT INTO c VALUES (1), (2)`
    const free = sqlite('t', columns, rows, child(''))
    const outcome = await copySqlite(from.url, free.url, { write_mode: 'upsert' })
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(counts(outcome)).to.deep.equal([3, 3, 2, 0, 0])
    expect(select(free.file, 'SELECT id, u, quote(note), low FROM t ORDER BY id')).to.deep.equal([
      [1, 'b', "X'00FF'", 'b'],
      [2, 'a', '1.5', 'a'],
      [3, 'c', 'NULL', 'c'],
    ])
    expect(select(free.file, 'SELECT * FROM c')).to.deep.equal([[1], [2]])
    const owned = sqlite('t', columns, rows, child('ON DELETE CASCADE'))
    const replaced = await copySqlite(from.url, owned.url, { write_mode: 'replace' })
    expectRefusal(replaced, 3, 'LOSSY', 'foreign key of c (ON DELETE CASCADE)', '"upsert"')
    expect(select(owned.file, 'SELECT * FROM c')).to.deep.equal([[1], [2]])
    for (const [more, name] of [
      [child('ON DELETE CASCADE'), 'table c refers to t with ON DELETE CASCADE'],
      ['CREATE TRIGGER gone AFTER DELETE ON t BEGIN SELECT 1; END', 'trigger gone of t'],
    ] as const) {
      const to = sqlite('t', columns, rows, more)
      expectRefusal(
        await copySqlite(from.url, to.url, { write_mode: 'upsert', allow_triggers: true }),
        1,
        'DUPLICATE_KEY',
        name,
      )
      expect(select(to.file, 'SELECT id, u FROM t ORDER BY id')).to.deep.equal([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ])
    }
  })

  it('that a row keeps are refused with its name', async () => {
    const from = sqlite('s', PAIRS, "(1, 'z', 0), (2, 'a', 0), (4, 'e', 0), (5, 'd', 0)")
    const to = sqlite('t', PAIRS, "(1, 'a', 0), (2, 'b', 0), (4, 'd', 0), (5, 'e', 0), (90, 'z', 0)")
    expectRefusal(
      await copySqlite(from.url, to.url, { write_mode: 'upsert' }),
      1,
      'DUPLICATE_KEY',
      'with id = "90" keeps',
      'mode "sync"',
    )
    const dirty_file = scratchFile('tsv')
    const outcome = await copySqlite(from.url, to.url, { write_mode: 'upsert', error_limit: 2, dirty_file })
    expect(outcome.report).to.include({ status: 'success', rowsWritten: 2, rowsChanged: 2, dirtyRows: 2 })
    expect(select(to.file, 'SELECT u FROM t ORDER BY id')).to.deep.equal([['a'], ['b'], ['e'], ['d'], ['z']])
    const synced = await verify(from.url, to.url, '--repair')
    expect(synced.code, synced.stderr).to.equal(0)
  })
})

describe('unique values that move between rows', () => {
  const setLoads = async (value: string) => {
    for (const server of servers())
      if (server.kind === 'mysql') await query(server, `SET GLOBAL local_infile = ${value}`)
  }
  before(() => setLoads('ON'))
  after(() => setLoads('OFF'))

  for (const path of ['insert', 'load-data'] as const) {
    // Only how the first row fails depends on the path.
    for (const { what, columns, source, target, expected } of path === 'insert' ? CASES : CASES.slice(0, 3)) {
      it(`arrive by ${path} ${what}`, async () => {
        for (const server of servers()) {
          const db = await TestDatabase.create(server)
          await tables(db, columns, source, target)
          const params = { write_mode: 'upsert', write_path: pathOn(server.kind, path) }
          const outcome = await db.copy('s', 't', params)
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(counts(outcome)).to.deep.equal(expected)
          await db.expectEqual('s', 't')
          expect(counts(await db.copy('s', 't', params)).slice(1, 4)).to.deep.equal([0, 0, expected[0]])
        }
      })
    }
  }

  it('arrive across splits and threads, all rows in one ring', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query(
        `CREATE TABLE s (id INTEGER PRIMARY KEY, u INT NOT NULL UNIQUE); CREATE TABLE t LIKE s;
         INSERT INTO t WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 400) SELECT i, i FROM q;
         INSERT INTO s SELECT id, (id * 7 + 150) % 400 + 1 FROM t`,
      )
      const outcome = await db.copy('s', 't', { write_mode: 'upsert', worker_num: 3, read_batch: 50 })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.rowsWritten + outcome.report.rowsUnchanged).to.equal(400)
      await db.expectEqual('s', 't')
    }
  })

  it('arrive by an incremental run, and by repair, which deletes the row that had one', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      const columns = '(id INTEGER PRIMARY KEY, u VARCHAR(9) UNIQUE, at DATETIME NOT NULL, KEY (at))'
      await tables(
        db,
        columns,
        "(1, 'a', '2024-01-01'), (2, 'b', '2024-01-01')",
        "(1, 'a', '2024-01-01'), (2, 'b', '2024-01-01')",
      )
      const task = new StoredTask(db.url('s'), db.url('t'), { mode: 'increment', diff_column: 'at' })
      await task.run()
      task.watermarks = { increment: '2024-01-15 00:00:00' }
      await db.query(
        "UPDATE s SET u = 'c', at = '2024-02-01' WHERE id = 2; UPDATE s SET u = 'b', at = '2024-02-01' WHERE id = 1",
      )
      const report = await task.run()
      expect(report).to.include({ rowsWritten: 2, rowsChanged: 2, dirtyRows: 0 })
      await db.expectEqual('s', 't')

      await tables(
        db,
        PAIRS,
        "(1, 'b', 0), (2, 'a', 0), (3, 'x', 0)",
        "(1, 'a', 0), (2, 'b', 0), (3, 'c', 0), (1000, 'x', 0)",
      )
      const repaired = await verify(db.url('s'), db.url('t'), '--repair', '--param', 'read_batch=2')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 3, rowsDeleted: 1 })
      await db.expectEqual('s', 't')
      expectEqual(await verify(db.url('s'), db.url('t')), 3)
    }
  })

  it('arrive in shards', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query(
        `CREATE TABLE s ${PAIRS}; CREATE TABLE t_0 LIKE s; CREATE TABLE t_1 LIKE s;
         INSERT INTO s VALUES (2, 'd', 0), (4, 'b', 0), (1, 'c', 0), (3, 'e', 0);
         INSERT INTO t_0 VALUES (2, 'b', 0), (4, 'd', 0); INSERT INTO t_1 VALUES (1, 'a', 0), (3, 'c', 0)`,
      )
      const shard = { by: 'id', hash: 'modulo' }
      const outcome = await db.copy('s', 't_{0..1}', { write_mode: 'upsert', shard })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.shards).to.deep.include({
        name: 't_0',
        rowsWritten: 2,
        rowsChanged: 2,
        rowsUnchanged: 0,
        rowsSkipped: 0,
        dirtyRows: 0,
      })
      expect(await db.query('SELECT * FROM t_0 UNION ALL SELECT * FROM t_1 ORDER BY id')).to.deep.equal(
        await db.query('SELECT * FROM s ORDER BY id'),
      )
    }
  })

  it('leave columns that are not copied, generated ones and rows that refer to them as they are', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query(
        `SET sql_mode = ''; CREATE TABLE s (id INTEGER PRIMARY KEY, u VARCHAR(9)); INSERT INTO s VALUES (1, 'b'), (2, 'a'), (3, 'c');
         CREATE TABLE t (own INT AUTO_INCREMENT PRIMARY KEY, id INT NOT NULL UNIQUE, u VARCHAR(9), low VARCHAR(9) AS (LOWER(u)) STORED UNIQUE,
           note BLOB, j JSON, e ENUM('2','1') DEFAULT '1', w SET('a','','b','') DEFAULT 'b', many SET(${MEMBERS}), at TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6));
         INSERT INTO t (own, id, u, note, j, many, at) VALUES (70, 1, 'A', x'00ff', '[1]', 18446744073709551615, '2020-01-01'),
           (80, 2, 'B', NULL, NULL, 9007199254740993, NULL);
         CREATE TABLE c (t INT, CONSTRAINT to_id FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE); INSERT INTO c VALUES (1), (2)`,
      )
      const kept = 'SELECT own, id, note, j, e+0, w+0, many | 0, at FROM t WHERE id < 3 ORDER BY id'
      const before = await db.query(kept)
      const outcome = await db.copy('s', 't', { write_mode: 'upsert', pk: 'id' })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(counts(outcome)).to.deep.equal([3, 3, 2, 0, 0])
      expect(await db.query('SELECT id, u FROM t ORDER BY id')).to.deep.equal(
        await db.query('SELECT * FROM s ORDER BY id'),
      )
      expect(await db.query(kept)).to.deep.equal(before)
      expect(await db.value('SELECT COUNT(*) FROM c')).to.equal('2')
    }
  })

  it('are not exchanged where a trigger or a foreign key would notice', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      for (const [ddl, name] of [
        ['CREATE TRIGGER on_delete AFTER DELETE ON t FOR EACH ROW SET @x = 1', 'trigger on_delete'],
        [
          'CREATE TABLE c (u VARCHAR(20), CONSTRAINT to_u FOREIGN KEY (u) REFERENCES t (u) ON UPDATE CASCADE ON DELETE CASCADE)',
          'foreign key to_u',
        ],
      ] as const) {
        await db.query('DROP TABLE IF EXISTS c')
        await tables(
          db,
          PAIRS,
          "(1, 'b', 0), (2, 'a', 0), (3, 'd', 0)",
          "(1, 'a', 0), (2, 'b', 0), (3, 'c', 0)",
        )
        await db.query(ddl)
        expectRefusal(
          await db.copy('s', 't', { write_mode: 'upsert' }),
          1,
          'DUPLICATE_KEY',
          name,
          'id = "1"',
          'id = "2"',
        )
        expect(await db.query('SELECT id, u FROM t WHERE id < 3 ORDER BY id')).to.deep.equal([
          ['1', 'a'],
          ['2', 'b'],
        ])
      }
    }
  })

  it('that a row of the target keeps are refused with the name of that row; all others arrive', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      // 1 wants what 90 has, which the source does not know; 2 and 3 wait for 1. 4 and 5 trade.
      await tables(
        db,
        PAIRS,
        "(1, 'z', 0), (2, 'a', 0), (3, 'b', 0), (4, 'e', 0), (5, 'd', 0), (6, 'n', 0)",
        "(1, 'a', 0), (2, 'b', 0), (3, 'c', 0), (4, 'd', 0), (5, 'e', 0), (90, 'z', 0)",
      )
      const strict = await db.copy('s', 't', { write_mode: 'upsert' })
      expectRefusal(
        strict,
        1,
        'DUPLICATE_KEY',
        'The row with id = "1" was not written',
        'with id = "90" keeps',
        'mode "sync"',
      )
      const dirty_file = scratchFile('tsv')
      const outcome = await db.copy('s', 't', { write_mode: 'upsert', error_limit: 3, dirty_file })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report).to.include({ rowsWritten: 3, rowsChanged: 2, rowsUnchanged: 0, dirtyRows: 3 })
      expect(readFileSync(dirty_file, 'utf8')).to.match(/^1\tz\t0\tDUPLICATE_KEY/m)
      expect(await db.query('SELECT id, u FROM t ORDER BY id')).to.deep.equal(
        ['a', 'b', 'c', 'e', 'd', 'n', 'z'].map((u, i) => [String(i === 6 ? 90 : i + 1), u]),
      )
      const synced = await runWithReport([
        'copy',
        '--from',
        db.url('s'),
        '--to',
        db.url('t'),
        '--param',
        'mode=sync',
      ])
      expect(synced.code, synced.stderr).to.equal(0)
      await db.expectEqual('s', 't')
    }
  })
})
