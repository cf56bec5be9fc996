// Tables that are created in PostgreSQL, and elsewhere from those of PostgreSQL: the types keep every value.
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { server, servers } from '../support/context.js'
import { expectRefusal, runWithReport, scratchFile, TestDatabase } from '../support/copying.js'
import { difference } from '../support/snapshot.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'
import { expectEqual, verify } from '../support/verifying.js'

/** Every kind of type; the first row has what others do not have. */
const ALL = `CREATE TYPE mood AS ENUM ('sad', 'it''s "x"');
  CREATE DOMAIN price AS numeric(8,2) NOT NULL CHECK (VALUE > 0); CREATE DOMAIN sale AS price DEFAULT 3;
  CREATE TYPE pair AS (a int, b text);
  CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, nr serial, i2 smallint DEFAULT 5, b boolean, n numeric DEFAULT (-1.5),
    n2 numeric(10,2), n3 numeric(2,-3), n4 numeric(3,5), r real, d double precision, m money, tx text DEFAULT 'x''y' UNIQUE, v5 varchar(5),
    c5 char(5), bp bpchar, nm name, ch "char", by bytea, j json, jb jsonb, u uuid DEFAULT gen_random_uuid(), dt date, ti time, t3 time(3),
    tz timetz, ts timestamp, ts0 timestamp(0), tsz timestamptz(3) DEFAULT now(), iv interval, b8 bit(8), vb varbit, ia int[], ta text[][],
    mo mood DEFAULT 'sad', po sale, pa pair, ra int4range, ip inet, ci cidr, mac macaddr, x xml, pt point, tsv tsvector, o oid,
    g int GENERATED ALWAYS AS (i2 * 2) STORED, lc text COLLATE "C", CONSTRAINT small CHECK (i2 < 1000), UNIQUE (ts) DEFERRABLE);
  CREATE INDEX byexpr ON t ((i2 + 1), lower(v5)) WHERE b; CREATE INDEX words ON t USING gin (tsv);
  CREATE UNIQUE INDEX "strange ""name" ON t (lc text_pattern_ops) INCLUDE (d);
  COMMENT ON TABLE t IS 'it''s all'; COMMENT ON COLUMN t.tx IS 'a \\ text'`
const ROWS = `INSERT INTO t (i2, b, n, n2, n3, n4, r, d, m, tx, v5, c5, bp, nm, ch, by, j, jb, u, dt, ti, t3, tz, ts, ts0, tsz, iv, b8, vb, ia, ta, po, pa,
    ra, ip, ci, mac, x, pt, tsv, o, lc) VALUES
  (1, true, 'NaN', 'NaN', 12345, 0.00123, 0.1, '-Infinity', 12.34, E'a\\tb\\\\N\\n', 'abc  ', 'ab', 'bp  ', 'name', 'c', '\\x00ff0a5c09', '{"b": 1, "a":  1e400}',
   '{"b":1,"a":2}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '0044-03-15 BC', '24:00:00', '10:20:30.123', '10:20:30.5+02', 'infinity', '2024-01-01 10:20:30',
   '294276-12-31 23:59:59.999+00', '-1 mons 2 days -03:00', '10101010', '101', '{1,NULL,3}', '{{"a","b,\\"c"},{NULL,"\\\\"}}', 1.5, '(1,"a ""b""")', '[1,5)', '::1/64',
   '10.0.0.0/8', '08:00:2b:01:02:03', '<a>é</a>', '(1.5,2)', 'a:1 b:2', 4294967295, 'lc'),
  (-2, false, 123456789012345678901234567890.12345, -1.50, NULL, NULL, 1e-40, 5e-324, -0.01, '你好📦', '', '', '', NULL, NULL, '', 'null', '"é"', NULL, '9999-12-31', '00:00',
   NULL, NULL, '0001-01-01', NULL, '2024-01-01 00:00:00+02', NULL, NULL, '', '{}', '{}', 0.01, NULL, 'empty', '1.2.3.4', '::/0', NULL, NULL, NULL, '', 0, '')`
/** For other databases: without what they do not have. */
const PLAIN =
  "UPDATE t SET n = 1e-20, n2 = 1.25, d = -0.5, dt = '0999-01-01', ts = '9999-12-31 23:59:59.999999', tsz = '2024-01-01 00:00:00+02'"
const ODDITIES = `${PLAIN} WHERE n = 'NaN'`

const pg = (sql = '') => TestDatabase.create(server('postgres'), sql)
const create = (from: string, to: string, params: object = {}) =>
  runWithReport([
    'copy',
    '--from',
    from,
    '--to',
    to,
    '--create',
    '--params',
    JSON.stringify({ worker_num: 2, ...params }),
  ])
/** What a table holds, in the server's own words. */
const image = (db: TestDatabase, table = 't') =>
  db.value(`SELECT string_agg(q::text, E'\\n' ORDER BY id) FROM (SELECT * FROM ${table}) q`)

describe('a table that is created in PostgreSQL from one of PostgreSQL', () => {
  let source: TestDatabase
  before(async () => {
    source = await pg(`${ALL}; ${ROWS}`)
  })

  it('has its types, defaults, numbering, computed columns, CHECKs, keys, indexes and comments', async () => {
    const target =
      await pg(`CREATE DOMAIN price AS numeric(8,2) NOT NULL CHECK (VALUE > 0); CREATE DOMAIN sale AS price DEFAULT 3;
      CREATE TYPE pair AS (a int, b text)`)
    const { stderr, report } = await create(source.url('t'), target.url('t'))
    expect(report.error, stderr).to.equal(null)
    expect(report.warnings).to.deep.equal([])
    expect(report.reasons.join('\n')).to.include("CREATE TYPE mood AS ENUM ('sad', 'it''s \"x\"')")
    expect(await image(target)).to.equal(await image(source))
    for (const sql of [
      `SELECT attname, format_type(atttypid, atttypmod), attnotnull, attgenerated, attcollation, col_description(attrelid, attnum),
              CASE attidentity WHEN 'd' THEN 'serial' ELSE CASE WHEN pg_get_expr(adbin, adrelid) LIKE 'nextval%' THEN 'serial' ELSE concat(attidentity, pg_get_expr(adbin, adrelid)) END END
       FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum`,
      "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY 1",
      "SELECT indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY 1",
      "SELECT obj_description('t'::regclass)",
    ])
      expect(await target.query(sql)).to.deep.equal(await source.query(sql))
    expectEqual(await verify(source.url('t'), target.url('t')), 2)
    expect(await target.query('INSERT INTO t (po) VALUES (1) RETURNING id, nr')).to.deep.equal([['3', '3']])
  })

  it('has the values of types that the target lacks, as what they are made of', async () => {
    const target = await pg("CREATE TYPE mood AS ENUM ('other')")
    const { stderr, report } = await create(source.url('t'), target.url('t'))
    expect(report.error, stderr).to.equal(null)
    for (const warning of [
      'column mo (mood) becomes text with a CHECK: its type in the target has other labels',
      'column po (sale) becomes numeric(8,2): the target does not have that type, nor its CHECKs',
      'column pa (pair) becomes text: the target does not have that type',
    ])
      expect(report.warnings).to.include(warning)
    expect(await image(target)).to.equal(await image(source))
    const refused = await target
      .query("INSERT INTO t (mo, po) VALUES ('glad', 1)")
      .catch((error: Error) => error.message)
    expect(refused).to.include('t_mo_check')
  })

  it('says which collations it lacks, and shows losses by example', async () => {
    const from = await pg(
      `CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE TABLE t (id int PRIMARY KEY, v text COLLATE ci); INSERT INTO t VALUES (1, 'long'), (2, '📦')`,
    )
    const target = await pg('CREATE TABLE short (id int, v varchar(3))')
    const { report } = await create(from.url('t'), target.url('t'))
    expect(report.warnings).to.deep.equal([
      'column v loses its collation public.ci: the target does not have it',
    ])
    expect(await image(target)).to.equal(await image(from))
    const short = await from.copyTo('t', target.url('short'))
    expectRefusal(short, 3, 'LOSSY', 'longer than 3 characters ("long" in the row with id = "1")')
    const [one] = servers()
    const narrow = await TestDatabase.create(
      one!,
      'CREATE TABLE t (id INT, v LONGTEXT CHARACTER SET utf8mb3)',
    )
    expectRefusal(await from.copyTo('t', narrow.url('t')), 3, 'LOSSY', '("📦" in the row with id = "2")')
  })

  it('names the row that breaks a constraint which would wait for the end of the transaction', async () => {
    const db = await pg(
      `CREATE TABLE s1 (id int PRIMARY KEY, u int, UNIQUE (u) DEFERRABLE INITIALLY DEFERRED); CREATE TABLE s2 (LIKE s1 INCLUDING ALL);
       INSERT INTO s1 SELECT i, i FROM generate_series(1, 5) i; INSERT INTO s2 SELECT i, i FROM generate_series(6, 9) i; UPDATE s2 SET u = 3 WHERE id = 8`,
    )
    const outcome = await create(db.url('s1'), db.url('t'))
    expect(outcome.code, outcome.stderr).to.equal(0)
    const deferred = "SELECT condeferred FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'u'"
    expect(await db.value(deferred)).to.equal('t')
    // By one thread, so that the rows of s1 are there first.
    const refused = await create(db.url('s*'), db.url('t2'), { worker_num: 1 })
    expectRefusal(refused, 1, 'DUPLICATE_KEY', 'id = "8"')
  })

  it('has another name and comes with its indexes later, and again in the place of itself', async () => {
    const before = await pg(`${ALL}; ${ROWS}`)
    const made = await create(before.url('t'), before.url('u'), { defer_indexes: true })
    expect(made.report.error, made.stderr).to.equal(null)
    expect(made.report.reasons.join('\n')).to.match(/indexes that came after the last row: 2, added in/)
    const again = await create(before.url('t'), before.url('u'), { schema_save_mode: 'recreate' })
    expect(again.report.error, again.stderr).to.equal(null)
    expect(await image(before, 'u')).to.equal(await image(before, 't'))
    expect(await before.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'u'")).to.equal('6')
  })

  it('gets nothing that would do more than compute, and no more than one table', async () => {
    const evil = await pg(
      `CREATE FUNCTION own(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
       CREATE TABLE t (id int PRIMARY KEY DEFAULT own(1), a text DEFAULT pg_read_file('PG_VERSION'), b int CHECK (own(b) > 0), "c"");--" int,
         d "char" DEFAULT '''); DROP TABLE victim; --', CONSTRAINT "x"");--" CHECK (id > 0)); INSERT INTO t VALUES (1, 'a', 1, 2, 'x')`,
    )
    const target = await pg('CREATE TABLE victim ()')
    const { stderr, report } = await create(evil.url('t'), target.url('t'))
    expect(report.error, stderr).to.equal(null)
    expect(report.warnings).to.deep.equal([
      'the default of id is left out: own() may do more than compute',
      'the default of a is left out: pg_read_file() may do more than compute',
      'constraint t_b_check is left out: own() may do more than compute',
    ])
    expect(await target.query('SELECT * FROM t, (SELECT count(*) FROM victim) v')).to.deep.equal([
      ['1', 'a', '1', '2', 'x', '0'],
    ])
  })

  it('is refused where nobody may create it, where something else has its name, and over a view', async () => {
    const target = await pg('CREATE SEQUENCE s; CREATE VIEW v AS SELECT 1 AS id')
    expectRefusal(
      await create(source.url('t'), target.url('s')),
      2,
      'PARAMS_INVALID',
      'something else than a table',
    )
    expectRefusal(
      await create(source.url('t'), target.url('nowhere.t')),
      2,
      'PARAMS_INVALID',
      'There is no schema "nowhere"',
    )
    const over = await create(source.url('t'), target.url('v'), { schema_save_mode: 'recreate' })
    expectRefusal(over, 2, 'PARAMS_INVALID', 'something else than a table')
    const role = `rowshift_reader_${process.pid}`
    await target.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`)
    try {
      const url = new URL(target.url('t'))
      url.username = role
      url.password = 'p'
      expectRefusal(
        await create(source.url('t'), String(url)),
        1,
        'ACCESS_DENIED',
        'GRANT CREATE ON SCHEMA "public"',
      )
    } finally {
      await target.query(`DROP ROLE ${role}`)
    }
  })
})

describe('a table that is created from another family', () => {
  const MYSQL = `SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
    CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, ti TINYINT UNSIGNED DEFAULT 7, mi MEDIUMINT, i INT UNSIGNED, bi BIGINT, d DECIMAL(65,30), f FLOAT, db DOUBLE,
      c CHAR(5), vc VARCHAR(20) NOT NULL DEFAULT 'it''s' UNIQUE, lt LONGTEXT, vb VARBINARY(10), bi8 BIT(8), e ENUM('a','b''c') DEFAULT 'a', s SET('x','y'),
      dt DATE DEFAULT '2024-01-01', tm TIME(6), dtm DATETIME(3), ts TIMESTAMP(6) NULL, y YEAR);
    INSERT INTO t VALUES (0, 255, -8388608, 4294967295, -9223372036854775808, '12345678901234567890123456789012345.123456789012345678901234567890', 0.1, 5e-324, 'ab', '',
      'tab \\t line \\n back \\\\ 你📦', x'00ff0a5c', b'10000001', 'b''c', 'x,y', '9999-12-31', '-838:59:58.000001', '1000-01-01 00:00:00.123', '2038-01-19 03:14:07.999999', 2155),
      (18446744073709551615, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'v', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '0000')`

  for (const source of servers()) {
    it(`keeps every value of ${source.kind}, there and back`, async () => {
      const db = await TestDatabase.create(source, MYSQL)
      const target = await pg()
      const { stderr, report } = await create(db.url('t'), target.url('t'))
      expect(report.error, stderr).to.equal(null)
      expect(report.reasons.join('\n')).to.include('becomes numeric(20,0): it has numbers beyond bigint')
      const at = (db: TestDatabase, table: string) => ({
        server: db.server,
        database: db.database,
        table,
      })
      // A BIT is a number to servers, and its bytes here.
      const except = ['bi8']
      expect(await difference(at(db, 't'), at(target, 't'), { except })).to.equal(null)
      expectEqual(await verify(db.url('t'), target.url('t')), 2)
      const back = await create(target.url('t'), db.url('back'))
      expect(back.report.error, back.stderr).to.equal(null)
      expect(await difference(at(target, 't'), at(db, 'back'))).to.equal(null)
    })

    it(`keeps every value of PostgreSQL in ${source.kind}, and rejects rows with those that it does not have`, async () => {
      const from = await pg(`${ALL}; ${ROWS}`)
      const db = await TestDatabase.create(source)
      const odd = await create(from.url('t'), db.url('t'))
      expectRefusal(odd, 1, 'DATA_REJECTED', 'has no place in t.n2', 'id = "1"')
      await from.query(ODDITIES)
      const made = await create(from.url('t'), db.url('t'))
      expect(made.report.error, made.stderr).to.equal(null)
      expectEqual(await verify(from.url('t'), db.url('t')), 2)
    })
  }

  it('keeps every value of SQLite, and those of PostgreSQL in SQLite', async () => {
    const file = sqliteFile(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, d DECIMAL(10,2), big DECIMAL, r REAL, v VARCHAR(3), x TEXT, b BLOB, dt DATE, ti TIME, ts DATETIME, j JSON);
       INSERT INTO t VALUES (9223372036854775807, 1.25, 1234567890.5, 1e300, 'abcd', '你', x'00ff', '2024-02-29', '10:20:30', '2024-01-01 10:20:30.5', '{"a": 1}')`,
    )
    const target = await pg()
    const { stderr, report } = await create(`sqlite:${file}?table=t`, target.url('t'))
    expect(report.error, stderr).to.equal(null)
    expect(await target.query('SELECT * FROM t')).to.deep.equal([
      [
        '9223372036854775807',
        '1.25',
        '1234567890.5',
        '1e+300',
        'abcd',
        '你',
        '\\x00ff',
        '2024-02-29',
        '10:20:30',
        '2024-01-01 10:20:30.5',
        '{"a": 1}',
      ],
    ])
    const from = await pg(`${ALL}; ${ROWS}; ${ODDITIES}`)
    const made = await create(from.url('t'), `sqlite:${file}?table=u`)
    expect(made.report.error, made.stderr).to.equal(null)
    expect(sqliteRows(file, 'SELECT n, iv, ta, jb, b FROM u ORDER BY id')).to.deep.equal([
      [
        '0.00000000000000000001',
        '-1 mons +2 days -03:00:00',
        '{{a,"b,\\"c"},{NULL,"\\\\"}}',
        '{"a": 2, "b": 1}',
        1,
      ],
      ['123456789012345678901234567890.12345', null, '{}', '"é"', 0],
    ])
    expectEqual(await verify(from.url('t'), `sqlite:${file}?table=u`), 2)
  })
})

describe('a column that is numbered by its database', () => {
  const made = async (from: string, to: string) => {
    const { stderr, report } = await create(from, to)
    expect(report.error, stderr).to.equal(null)
    return report.reasons.join('\n')
  }
  const next = async (db: TestDatabase, table = 't') => {
    await db.query(`INSERT INTO ${table} (v) VALUES ('new')`)
    return db.value(`SELECT max(id) FROM ${table}`)
  }

  for (const other of servers()) {
    it(`is so in PostgreSQL and ${other.kind}, and goes on after the highest number`, async () => {
      const db = await TestDatabase.create(
        other,
        `SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (-1, 'a'), (0, 'b'), (41, 'c');
         CREATE TABLE wide (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v TEXT); INSERT INTO wide VALUES (1, 'a')`,
      )
      const target = await pg('CREATE TABLE two (id serial UNIQUE, nr serial, v text)')
      expect(await made(db.url('t'), target.url('t'))).to.not.include('numbering')
      expect(await next(target)).to.equal('42')
      expect(await made(target.url('t'), db.url('back'))).to.not.include('numbering')
      expect(await next(db, 'back')).to.equal('43')
      expect(await db.value('SELECT COUNT(*) FROM back WHERE id IN (-1, 0)')).to.equal('2')
      expect(await made(db.url('wide'), target.url('wide'))).to.include('the numbering of id is left out')
      await target.query("INSERT INTO two VALUES (6, 7, 'a')")
      expect(await made(target.url('two'), db.url('two'))).to.include('the numbering of nr is left out')
      await db.query("INSERT INTO two (nr, v) VALUES (8, 'b')")
      expect(await db.value('SELECT max(id) FROM two')).to.equal('7')
    })
  }

  it('is so in PostgreSQL and SQLite', async () => {
    const file = sqliteFile(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (-1, 'a'), (41, 'b')",
    )
    const target = await pg()
    expect(await made(`sqlite:${file}?table=t`, target.url('t'))).to.not.include('numbering')
    expect(await next(target)).to.equal('42')
    expect(await made(target.url('t'), `sqlite:${file}?table=u`)).to.not.include('numbering')
    expect(sqliteRows(file, "INSERT INTO u (v) VALUES ('new') RETURNING id")).to.deep.equal([[43]])
  })
})

describe('values that PostgreSQL would change without a word', () => {
  it('reject their rows: rounded numbers and times, cut spaces, a NUL before digits, respelled addresses', async () => {
    const columns = {
      d: ['numeric(10,2)', '1.005'],
      ts: ['timestamp(0)', "'2024-01-01 00:00:00.5'"],
      v: ['varchar(3)', "'abc '"],
      c: ['char(3)', "'ab '"],
      f: ['real', '0.1'],
      dt: ['date', "'2024-01-01 10:00:00'"],
      ti: ['time(0)', "'10:00:00.7'"],
      i: ['int', '1.5'],
      u: ['uuid', "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
      n: ['text', "'a' || char(0) || '12'"],
    }
    const kinds: Readonly<Record<string, string>> = {
      d: 'DECIMAL',
      i: 'DECIMAL',
      f: 'REAL',
      ts: 'DATETIME',
      dt: 'DATETIME',
      ti: 'TIME',
    }
    const names = Object.keys(columns)
    const rows = Object.values(columns).map(
      ([, value], i) => `(${i}, ${names.map((_, k) => (k === i ? value : 'NULL')).join(', ')})`,
    )
    const file = sqliteFile(
      `CREATE TABLE s (id INTEGER PRIMARY KEY, ${names.map((name) => `${name} ${kinds[name] ?? 'TEXT'}`).join(', ')}); INSERT INTO s VALUES ${rows.join(', ')}, (99${', NULL'.repeat(names.length)})`,
    )
    const target = await pg(
      `CREATE TABLE s (id int PRIMARY KEY, ${Object.entries(columns)
        .map(([name, [type]]) => `${name} ${type}`)
        .join(', ')})`,
    )
    const { stderr, report } = await runWithReport([
      'copy',
      '--from',
      `sqlite:${file}?table=s`,
      '--to',
      target.url('s'),
      '--params',
      JSON.stringify({ error_limit: { record: 20 }, dirty_file: scratchFile('tsv') }),
    ])
    expect(report.error, stderr).to.equal(null)
    expect(report.dirtyRows).to.equal(names.length)
    expect(await target.query('SELECT id FROM s')).to.deep.equal([['99']])
  })

  it('and zero dates of MySQL are told with their row', async () => {
    for (const source of servers()) {
      const db = await TestDatabase.create(
        source,
        "SET sql_mode = ''; CREATE TABLE t (id INT PRIMARY KEY, d DATE); INSERT INTO t VALUES (1, '2024-01-01'), (2, '0000-00-00')",
      )
      const target = await pg('CREATE TABLE t (id int PRIMARY KEY, d date)')
      expectRefusal(await db.copyTo('t', target.url('t')), 1, 'DATA_REJECTED', '0000-00-00', 'id = "2"')
      expect(await target.value('SELECT count(*) FROM t')).to.equal('0')
    }
  })
})
