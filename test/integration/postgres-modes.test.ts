// What becomes of rows whose key is in a table of PostgreSQL already: counted exactly, judged by the server.
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import postgres from '../../plugins/postgres/plugin.js'
import { batchesOf, writeSpec } from '../../src/testing/tables.js'
import { server } from '../support/context.js'
import { expectRefusal, type Outcome, TestDatabase } from '../support/copying.js'

const COLUMNS = 'id int PRIMARY KEY, v text, n numeric, f float8, j json'
const TARGETS = {
  'a table': [`CREATE TABLE t (${COLUMNS})`],
  'a table with two unique keys': [`CREATE TABLE t (${COLUMNS}, UNIQUE (v))`],
  'a table with partitions, one of them with its columns in another order': [
    `CREATE TABLE t (${COLUMNS}) PARTITION BY RANGE (id)`,
    'CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (150)',
    'CREATE TABLE high (j json, id int PRIMARY KEY, f float8, n numeric, v text)',
    'ALTER TABLE t ATTACH PARTITION high FOR VALUES FROM (150) TO (5000)',
  ],
}

/** 1,000 rows in the source; in the target the first 200, of which 50 differ, 40 of these by their image only. */
async function tables(db: TestDatabase, target: readonly string[]): Promise<void> {
  await db.query(
    `DROP TABLE IF EXISTS s, t; CREATE TABLE s (${COLUMNS});
     INSERT INTO s SELECT i, 'v' || i, 1.50, 0, '{"a":1}' FROM generate_series(1, 1000) i;
     ${target.join('; ')}; INSERT INTO t SELECT * FROM s WHERE id <= 200;
     UPDATE t SET n = -1 WHERE id <= 10; UPDATE t SET n = 1.5 WHERE id BETWEEN 11 AND 20;
     UPDATE t SET f = '-0' WHERE id BETWEEN 21 AND 30; UPDATE t SET j = '{"a": 1}' WHERE id BETWEEN 191 AND 200;
     UPDATE t SET f = 'NaN' WHERE id BETWEEN 171 AND 180`,
  )
}

const SAME =
  'SELECT count(*) FROM s JOIN t ON s.id = t.id AND (s.*)::text = (t.*)::text AND s.f::text = t.f::text'

function counts({ report }: Outcome) {
  const { rowsRead, rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows } = report
  return [rowsRead, rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows]
}

describe('write modes into PostgreSQL', () => {
  let db: TestDatabase
  before(async () => {
    db = await TestDatabase.create(server('postgres'))
  })
  const copy = (write_mode: string, params: object = {}) =>
    db.copy('s', 't', { write_mode, read_batch: 300, ...params })

  for (const [what, target] of Object.entries(TARGETS)) {
    it(`count rows exactly, in ${what}`, async () => {
      await tables(db, target)
      // Other threads may have stored their splits by then.
      const alone = { worker_num: 1 }
      expectRefusal(await copy('insert', alone), 1, 'DUPLICATE_KEY', 'id = "1"', 'write_mode')
      expect(await db.value('SELECT count(*) FROM t')).to.equal('200')
      expect(counts(await copy('ignore'))).to.deep.equal([1000, 800, 0, 0, 200, 0])
      expect(await db.value(SAME)).to.equal('950')
      await tables(db, target)
      expect(counts(await copy('upsert'))).to.deep.equal([1000, 850, 50, 150, 0, 0])
      expect(await db.value(SAME)).to.equal('1000')
      expect(counts(await copy('upsert'))).to.deep.equal([1000, 0, 0, 1000, 0, 0])
      await tables(db, target)
      expect(counts(await copy('replace'))).to.deep.equal([1000, 1000, 200, 0, 0, 0])
      expect(await db.value(SAME)).to.equal('1000')
    })
  }

  it('take the last of several rows with the same key, one after another', async () => {
    await db.query(
      `DROP TABLE IF EXISTS s, t; CREATE TABLE s (n int PRIMARY KEY, k int NOT NULL, v text); CREATE TABLE t (k int PRIMARY KEY, v text);
       INSERT INTO s SELECT i, i % 100, CASE WHEN i < 900 THEN 'v' || i % 7 ELSE 'last' END FROM generate_series(1, 1000) i;
       INSERT INTO t SELECT i, 'last' FROM generate_series(1, 50) i`,
    )
    // As MySQL counts them: 100 keys, 50 of which are new; each key has one value after the other.
    const changes = await db.value(
      `SELECT count(*) FROM (SELECT v, lag(v, 1, CASE WHEN k BETWEEN 1 AND 50 THEN 'last' END) OVER (PARTITION BY k ORDER BY n) AS old FROM s) AS rows
       WHERE v IS DISTINCT FROM old`,
    )
    const columns = { columns: ['k', 'v'], worker_num: 1, read_batch: 5000 }
    const upsert = await copy('upsert', columns)
    expect(upsert.code, upsert.stderr).to.equal(0)
    expect(counts(upsert)).to.deep.equal([
      1000,
      Number(changes),
      Number(changes) - 50,
      1000 - Number(changes),
      0,
      0,
    ])
    expect(await db.value("SELECT count(*) FROM t WHERE v = 'last'")).to.equal('100')

    await db.query("UPDATE s SET v = 'v' || n; DELETE FROM t WHERE k < 10")
    expect(counts(await copy('ignore', columns))).to.deep.equal([1000, 10, 0, 0, 990, 0])
    expect(counts(await copy('replace', columns))).to.deep.equal([1000, 1000, 1000, 0, 0, 0])
    expect(
      await db.value("SELECT count(*) FROM t WHERE v = 'v' || CASE k WHEN 0 THEN 1000 ELSE 900 + k END"),
    ).to.equal('100')
  })

  it('set sequences above the numbers that came, and leave all others as they are', async () => {
    const user = `numbers_${process.pid}`
    await db.query(
      `DROP TABLE IF EXISTS s, t; CREATE SEQUENCE words; CREATE SEQUENCE tens; CREATE TABLE s (id int PRIMARY KEY, w text, n numeric, x int, o oid);
       INSERT INTO s VALUES (1, 'z', 7, 900, 1), (2, 'y', 'NaN', 901, 2), (3, 'x', 'Infinity', 902, 3), (4, 'w', '-Infinity', 903, 4);
       CREATE TABLE t (id serial PRIMARY KEY, w text DEFAULT nextval('words'), n numeric DEFAULT nextval('tens'), x int DEFAULT 1000 + nextval('words'), o oid DEFAULT nextval('words'));
       CREATE ROLE ${user} LOGIN PASSWORD 'x'; GRANT INSERT ON t TO ${user}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${user}`,
    )
    try {
      const to = db.url('t').replace(/\/\/[^@]*@/, `//${user}:x@`)
      const warned = await db.copyTo('s', to)
      expect(warned.code, warned.stderr).to.equal(0)
      expect(warned.report.warnings.join()).to.include('t_id_seq stays as it is')
      expect(await db.value("SELECT nextval('t_id_seq')")).to.equal('1')
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}; TRUNCATE t`)
    }
    const outcome = await copy('insert')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(await db.query("SELECT nextval('t_id_seq'), nextval('tens'), nextval('words')")).to.deep.equal([
      ['5', '8', '1'],
    ])
  })

  it('replace by the keys that are copied, in a table that has others', async () => {
    await db.query(
      `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id int PRIMARY KEY, v text); INSERT INTO s VALUES (1, 'a'), (2, 'b');
       CREATE TABLE t (id int PRIMARY KEY, v text, n int GENERATED BY DEFAULT AS IDENTITY UNIQUE); INSERT INTO t VALUES (1, 'z'), (3, 'c')`,
    )
    expect(counts(await copy('replace'))).to.deep.equal([2, 2, 1, 0, 0, 0])
    expect(await db.query('SELECT id, v FROM t ORDER BY id')).to.deep.equal([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ])
  })

  it('take the key that "pk" names, of a table whose numbers are always made by the server', async () => {
    await db.query(
      `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id int PRIMARY KEY, code text NOT NULL, v text);
       INSERT INTO s SELECT i, 'c' || i, 'new' FROM generate_series(1, 100) i;
       CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE, v text,
         up text GENERATED ALWAYS AS (upper(v)) STORED, at timestamptz DEFAULT now());
       INSERT INTO t (id, code, v) OVERRIDING SYSTEM VALUE SELECT id, code, 'old' FROM s WHERE id <= 30`,
    )
    expect(counts(await copy('upsert'))).to.deep.equal([100, 100, 30, 0, 0, 0])
    expect(await db.value("SELECT count(*) FROM t JOIN s USING (id, code, v) WHERE up = 'NEW'")).to.equal(
      '100',
    )
    // The next number is free.
    expect(await db.value("INSERT INTO t (code) VALUES ('next') RETURNING id")).to.equal('101')
  })

  it('refuse to update a number that the server always makes, there or to be made, unless the column is left out', async () => {
    await db.query(
      `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id int PRIMARY KEY, nr int NOT NULL GENERATED ALWAYS AS IDENTITY, v text);
       INSERT INTO s (id, v) SELECT i, 'new' FROM generate_series(1, 3) i; CREATE TABLE t (LIKE s INCLUDING ALL); INSERT INTO t (id, v) VALUES (2, 'old')`,
    )
    const words = ['nr', 'GENERATED ALWAYS AS IDENTITY', 'SET GENERATED BY DEFAULT', '"columns"']
    expectRefusal(await copy('upsert'), 2, 'PARAMS_INVALID', ...words)
    const made = { write_mode: 'upsert', schema_save_mode: 'create_when_not_exist' }
    expectRefusal(await db.copy('s', 'u', made), 2, 'PARAMS_INVALID', ...words)
    expect(await db.value("SELECT to_regclass('u') IS NULL")).to.equal('t')
    expect(counts(await copy('upsert', { columns: ['id', 'v'] }))).to.deep.equal([3, 3, 1, 0, 0, 0])
    expect(await db.query('SELECT nr, v FROM t WHERE id = 2')).to.deep.equal([['1', 'new']])
    expect(counts(await copy('replace'))).to.deep.equal([3, 3, 3, 0, 0, 0])
    expect(await db.value('SELECT count(*) FROM t JOIN s USING (id, nr, v)')).to.equal('3')
  })

  it('stage the rows of tables with the same columns in one temporary table', async () => {
    await db.query(
      'DROP TABLE IF EXISTS a, b, c; CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY, v text COLLATE "C")',
    )
    const { host, port, user, password } = db.server
    const connection = { host, port, user, password, db: db.database }
    const writer = postgres.createWriter!({ plugin: '', connection, session: [] })
    try {
      await writer.connect()
      for (const table of ['a', 'b', 'c', 'a']) {
        const described = await writer.describe(table)
        const spec = writeSpec(described, 'upsert')
        const write = { ...spec, ...(await writer.plan(spec, null)), batch: { bytes: 1000, rows: 10 } }
        const rows = (async function* () {
          yield* batchesOf([['1', table]])
        })()
        await writer.write(write, rows, {
          signal: new AbortController().signal,
          onProgress: () => {},
          onDirty: (_, error) => {
            throw error
          },
          beforeCommit: () => {},
        })
        expect(await db.value(`SELECT v FROM ${table}`)).to.equal(table)
      }
      const stages =
        "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname ~ '^rowshift_stage' AND relkind = 'r'"
      expect(await db.value(stages)).to.equal('2')
    } finally {
      await writer.close()
    }
  })
})
