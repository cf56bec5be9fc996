import { existsSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'

function copy(from: string, to: string, ...options: string[]) {
  return runWithReport(['copy', '--from', from, '--to', to, ...options])
}

function sqliteFile(sql = ''): string {
  const file = scratchFile('db')
  const database = new Database(file)
  database.exec(sql)
  database.close()
  return file
}

function ask(file: string, sql: string): unknown[] {
  const database = new Database(file, { readOnly: true })
  try {
    return database.rows(sql, { exact: true })
  } finally {
    database.close()
  }
}

function change(file: string, sql: string): void {
  const database = new Database(file)
  database.exec(sql)
  database.close()
}

const statements = (file: string) =>
  ask(
    file,
    "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'rowshift_checkpoint' ORDER BY name",
  )

describe('a SQLite table that is created', () => {
  const TABLE = `CREATE TABLE src (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key, (not a list
    name TEXT COLLATE NOCASE DEFAULT 'it''s' CHECK (name <> ''), n REAL,
    twice INTEGER AS (id * 2) STORED, UNIQUE (name, n)) STRICT`
  const INDEXES = `CREATE UNIQUE INDEX "an index" ON src (n) WHERE n > 0; CREATE INDEX plain ON src (name, id DESC)`
  const ROWS = "INSERT INTO src (id, name, n) VALUES (1, 'a', 1.5), (5, 'B', NULL)"

  it('has the source’s own statements, in a file that did not exist', async () => {
    const from = sqliteFile(`${TABLE}; ${INDEXES}; ${ROWS}`)
    for (const deferred of ['true', 'false']) {
      const to = scratchFile('db')
      const options = ['--create', '--param', `defer_indexes=${deferred}`]
      const { code, stderr } = await copy(`sqlite:${from}?table=src`, `sqlite:${to}?table=dst`, ...options)
      expect(code, stderr).to.equal(0)
      const renamed = statements(from).map((row) =>
        (row as string[]).map((text) => text.replaceAll(/\bsrc\b/g, 'dst').replaceAll('"', '')),
      )
      const made = statements(to).map((row) => (row as string[]).map((text) => text.replaceAll('"', '')))
      expect(made).to.have.deep.members(renamed)
      expect(ask(to, 'SELECT * FROM dst')).to.deep.equal(ask(from, 'SELECT * FROM src'))
    }
  })

  it('leaves out foreign keys and renames indexes whose names are taken', async () => {
    const file = sqliteFile(`CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE src (id INTEGER PRIMARY KEY, a INT CONSTRAINT fk REFERENCES parent (id) ON DELETE SET NULL
        DEFERRABLE INITIALLY DEFERRED NOT NULL, b INT REFERENCES parent, CONSTRAINT two FOREIGN KEY (b) REFERENCES parent (id));
      CREATE INDEX plain ON src (a); INSERT INTO parent VALUES (1); INSERT INTO src VALUES (1, 1, 1)`)
    const { code, stderr, report } = await copy(
      `sqlite:${file}?table=src`,
      `sqlite:${file}?table=dst`,
      '--create',
    )
    expect(code, stderr).to.equal(0)
    expect(report.reasons.join('\n')).to.include('foreign keys are left out')
    expect(ask(file, "SELECT * FROM pragma_foreign_key_list('dst')")).to.deep.equal([])
    expect(ask(file, `SELECT "notnull" FROM pragma_table_info('dst') WHERE name = 'a'`)).to.deep.equal([[1n]])
    expect(ask(file, "SELECT name FROM pragma_index_list('dst')")).to.deep.equal([['dst_plain_1']])
  })

  it('is not made by a dry run, nor without being asked for', async () => {
    const from = sqliteFile(`${TABLE}; ${ROWS}`)
    const to = scratchFile('db')
    const endpoints = [`sqlite:${from}?table=src`, `sqlite:${to}?table=dst`] as const
    expectRefusal(await copy(...endpoints), 2, 'TABLE_NOT_FOUND', '--create')
    const { stdout, code } = await runCli([
      'copy',
      '--from',
      endpoints[0],
      '--to',
      endpoints[1],
      '--create',
      '--dry-run',
    ])
    expect(code).to.equal(0)
    expect(stdout).to.include('CREATE TABLE "dst"')
    expect(existsSync(to)).to.equal(false)
  })

  it('takes the place of one that is there, with rows of other tables untouched', async () => {
    const from = sqliteFile(`${TABLE}; ${INDEXES}; ${ROWS}`)
    const to = sqliteFile(`CREATE TABLE dst (id INTEGER PRIMARY KEY, old); INSERT INTO dst VALUES (1, 1);
      CREATE TABLE child (id INT REFERENCES dst (id) ON DELETE CASCADE); INSERT INTO child VALUES (1);
      CREATE VIEW seen AS SELECT * FROM dst`)
    const mode = ['--param', 'schema_save_mode=recreate']
    const source = `sqlite:${from}?table=src`
    const { code, stderr } = await copy(source, `sqlite:${to}?table=dst`, ...mode)
    expect(code, stderr).to.equal(0)
    expect(ask(to, 'SELECT * FROM dst')).to.deep.equal(ask(from, 'SELECT * FROM src'))
    expect(ask(to, 'SELECT * FROM child')).to.deep.equal([[1n]])
    expectRefusal(await copy(source, `sqlite:${to}?table=seen`, ...mode), 2, 'PARAMS_INVALID', 'view')
    const own = await copy(`sqlite:${to}?table=seen`, `sqlite:${to}?table=dst`, ...mode)
    expectRefusal(own, 2, 'PARAMS_INVALID', 'not dropped')
  })
})

describe('a copy between SQLite columns of one type', () => {
  const ODD = `CREATE TABLE src (id INTEGER PRIMARY KEY, i INTEGER, t TEXT, r REAL, n DECIMAL(10,2), b BLOB, x, d DATE, s STRING, u INT UNSIGNED, j JSON)`
  const VALUES = [
    `'abc', x'ff00', 'text', 'text', 'text', 'text', 20240101, 'abc', 1.5, x'7b7d'`,
    `x'00', 'ÿ', x'', x'', x'61', 7, 'never', '123456789012345678901234567890', -9e999, 5`,
    `1.5, char(65533), 1, 9e999, 1e300, 7.0, x'01', 1.0, 'x', 'ÿ'`,
    `9223372036854775807, 'a' || char(0) || 'b', -0.0, '', '12345678901234567890.5', x'ff62', 1.5, x'ff', NULL, '{"a": 1}'`,
    `NULL, NULL, NULL, NULL, NULL, x'', '', '', '', ''`,
    `'a' || char(0), x'ff74ff', char(65533), 'b' || char(0), char(0), x'ff7462', char(65533, 0), char(0, 233), x'ff62', 'ÿb'`,
    `char(65533), x'ff', char(0), char(65533), 'ÿ' || char(0), x'ff74', char(0), 'x', char(0), x'ff74ff'`,
  ]
  const ROWS = VALUES.map((values, n) => `INSERT INTO src VALUES (${n}, ${values})`).join(';')
  const NAMES = ['i', 't', 'r', 'n', 'b', 'x', 'd', 's', 'u', 'j']
  const all = (table: string) =>
    `SELECT id, ${NAMES.map((name) => `typeof(${name}), quote(${name}), hex(${name})`).join(', ')} FROM ${table} ORDER BY id`

  it('takes any value as it is, its class included', async () => {
    const file = sqliteFile(`${ODD}; ${ROWS}`)
    const target = scratchFile('db')
    const { code, stderr } = await copy(`sqlite:${file}?table=src`, `sqlite:${target}?table=dst`, '--create')
    expect(code, stderr).to.equal(0)
    expect(ask(target, all('dst'))).to.deep.equal(ask(file, all('src')))
    const endpoints = ['--from', `sqlite:${file}?table=src`, '--to', `sqlite:${target}?table=dst`]
    const same = await runCli(['verify', ...endpoints])
    expect(same.code, same.stderr).to.equal(0)
    change(
      target,
      "UPDATE dst SET b = CAST(b AS BLOB) WHERE id = 1; UPDATE dst SET n = 'another' WHERE id = 2",
    )
    expect((await runCli(['verify', ...endpoints])).code).to.equal(4)
    const repaired = await runCli(['verify', ...endpoints, '--repair'])
    expect(repaired.code, repaired.stderr).to.equal(0)
    expect(ask(target, all('dst'))).to.deep.equal(ask(file, all('src')))
  })

  it('keeps them in a dirty file, and refuses them where the types differ', async () => {
    const file = sqliteFile(`${ODD}; ${ROWS}`)
    const target = sqliteFile(`${ODD.replace('src', 'dst')}; INSERT INTO dst (id) VALUES (1)`)
    const dirty = scratchFile('tsv')
    const params = ['--param', 'error_limit=9', '--param', `dirty_file=${dirty}`]
    const some = await copy(`sqlite:${file}?table=src`, `sqlite:${target}?table=dst`, ...params)
    expect(some.code, some.stderr).to.equal(0)
    expect(some.report.dirtyRows).to.equal(1)
    change(target, 'DELETE FROM dst WHERE id = 1')
    const again = await copy(`file:${dirty}`, `sqlite:${target}?table=dst`)
    expect(again.code, again.stderr).to.equal(0)
    expect(ask(target, all('dst'))).to.deep.equal(ask(file, all('src')))
    const other = sqliteFile(ODD.replace('i INTEGER', 'i BIGINT').replace('src', 'dst'))
    expectRefusal(
      await copy(`sqlite:${file}?table=src`, `sqlite:${other}?table=dst`),
      1,
      'DATA_REJECTED',
      'abc',
    )
  })
})

describe('a table that is created in another family', () => {
  const MYSQL = `CREATE TABLE src (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, code VARCHAR(20) NOT NULL DEFAULT 'it''s', i INT DEFAULT -5,
    y YEAR, amount DECIMAL(65,30), whole DECIMAL(18,0), f DOUBLE, b VARBINARY(300), bits BIT(64), j JSON,
    da DATE, ti TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL, e ENUM('a','b'), g BIGINT AS (i * 2) STORED, t LONGTEXT,
    PRIMARY KEY (id), UNIQUE KEY uc (code, i), KEY plain (t(10))) DEFAULT CHARSET=utf8mb4`
  const VALUES = `INSERT INTO src (id, code, i, y, amount, whole, f, b, bits, j, da, ti, dt, ts, e, t) VALUES
    (18446744073709551615, 'A', 1, 0, 12345678901234567890123456789012345.123456789012345678901234567891,
     999999999999999999, 5e-324, 0x000AFF, b'${'1'.repeat(64)}', '{"a": 1}', '0000-00-00', '-838:59:59',
     '9999-12-31 23:59:59.999999', '2024-10-27 01:30:00.123456', 'b', '数据 📦'),
    (2, 'a ', -2147483648, 2155, -0.000000000000000000000000000001, -1, 0.1, '', b'0', '[]', '2024-02-29',
     '00:00:00.000001', '0000-00-00 00:00:00', NULL, NULL, '')`
  const COLUMNS = [
    'id',
    'code',
    'i',
    'y',
    'amount',
    'whole',
    'f',
    'b',
    'bits',
    'da',
    'ti',
    'dt',
    'ts',
    'e',
    'g',
    't',
  ]

  it('brings every value of MySQL to SQLite and back', async () => {
    for (const server of servers()) {
      const collation = server.kind === 'mysql' ? 'utf8mb4_0900_bin' : 'utf8mb4_nopad_bin'
      const db = await TestDatabase.create(
        server,
        `SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
         ${MYSQL.replace('utf8mb4', `utf8mb4 COLLATE ${collation}`)}; ${VALUES}; CREATE TABLE back LIKE src`,
      )
      const file = scratchFile('db')
      const there = await copy(db.url('src'), `sqlite:${file}?table=src`, '--create')
      expect(there.code, there.stderr).to.equal(0)
      const reasons = there.report.reasons.join('\n')
      for (const words of ['id (bigint', 'g is computed', 'the numbering of id is left out', 'index plain']) {
        expect(reasons).to.include(words)
      }
      expect(
        ask(file, "SELECT count(*) FROM pragma_index_list('src') WHERE origin IN ('pk', 'u')"),
      ).to.deep.equal([[2n]])
      expect(
        ask(file, "SELECT dflt_value FROM pragma_table_info('src') WHERE name IN ('code', 'i')"),
      ).to.deep.equal([["'it''s'"], ["'-5'"]])
      // Computed on one side only: the target computes its own. JSON comes as text, which MySQL writes anew.
      const lossy = server.kind === 'mysql' ? '["g", "j"]' : '["g"]'
      const back = await copy(`sqlite:${file}?table=src`, db.url('back'), '--param', `allow_lossy=${lossy}`)
      expect(back.code, back.stderr).to.equal(0)
      const same = COLUMNS.map((name) => `HEX(a.${name}) <=> HEX(b.${name})`)
      const equal = await db.value(
        `SELECT COUNT(*) FROM src a JOIN back b USING (id) WHERE ${same.join(' AND ')}`,
      )
      expect(equal).to.equal('2')
    }
  })

  it('brings every value of SQLite to MySQL and back', async () => {
    const file = sqliteFile(`
      CREATE TABLE src (id INTEGER PRIMARY KEY, code TEXT NOT NULL DEFAULT 'x', big INTEGER, r REAL, price DECIMAL(10,2),
        short VARCHAR(20) DEFAULT '', data BLOB, d DATE, t TIME, dt DATETIME, flag BOOLEAN DEFAULT 1, doc JSON,
        UNIQUE (code, short));
      CREATE INDEX plain ON src (big);
      INSERT INTO src VALUES (-1, 'a', 9223372036854775807, 0.1, 1.25, 'a', x'00ff', '2024-02-29', '12:00:00.000001',
        '2024-01-01 00:00:00.123456', 0, '{"a": 1}'), (1, 'A', -9223372036854775808, -1e300, 5, 'a ', x'', NULL, NULL, NULL, 1, NULL),
        (2, 'a', NULL, 5e-324, NULL, 'a ', NULL, NULL, NULL, NULL, NULL, NULL)`)
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      const there = await copy(`sqlite:${file}?table=src`, db.url('dst'), '--create')
      expect(there.code, there.stderr).to.equal(0)
      expect(there.report.reasons.join('\n')).to.include('left out: index plain')
      const own = ask(file, "SELECT sql FROM sqlite_schema WHERE name = 'src'").join('')
      // A column of type JSON makes numbers of text that looks like one.
      const target = sqliteFile(own.replace('doc JSON', 'doc TEXT'))
      const back = await copy(db.url('dst'), `sqlite:${target}?table=src`)
      expect(back.code, back.stderr).to.equal(0)
      const names = ['id', 'code', 'big', 'r', 'short', 'data', 'd', 't', 'dt', 'flag', 'doc']
      const all = `SELECT ${names.map((name) => `${name}, typeof(${name})`).join(', ')} FROM src ORDER BY id`
      expect(ask(target, all)).to.deep.equal(ask(file, all))
      const keys = await db.query(
        'SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0',
      )
      expect(keys).to.deep.equal([['2']])
    }
  })

  it('holds what is there, whatever SQLite declares', async () => {
    const file = sqliteFile(`
      CREATE TABLE src (id INTEGER PRIMARY KEY, v VARCHAR(3), k VARCHAR(2) UNIQUE, d DECIMAL(4,2), u INTEGER UNSIGNED, fits VARCHAR(9), e DECIMAL(4,2));
      INSERT INTO src VALUES (1, 'abcdef', 'abcd', 12345.678, -1, 'x', 12.5), (2, NULL, NULL, NULL, NULL, NULL, NULL)`)
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      const { code, stderr, report } = await copy(`sqlite:${file}?table=src`, db.url('dst'), '--create')
      expect(code, stderr).to.equal(0)
      expect(report.reasons.join('\n')).to.include('wider than declared').and.include('v, k, d, u')
      expect(await db.query('SELECT v, k, d = 12345.678, u FROM dst WHERE id = 1')).to.deep.equal([
        ['abcdef', 'abcd', '1', '-1'],
      ])
      const types = await db.query(
        "SELECT COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME IN ('fits', 'e') ORDER BY 1",
      )
      expect(types).to.deep.equal([['decimal(4,2)'], ['varchar(9)']])
    }
  })

  it('has columns that are called as properties of every object are, and their defaults', async () => {
    const columns = '`constructor` INT PRIMARY KEY, `__proto__` INT DEFAULT 5, `toString` VARCHAR(9)'
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (${columns}); INSERT INTO src VALUES (1, 2, 'a')`,
      )
      const ends = ['--from', db.url('src'), '--to', `sqlite:${scratchFile('db')}?table=t`]
      const made = await runCli(['copy', ...ends, '--create'])
      expect(made.code, made.stderr).to.equal(0)
      const file = ends[3]!.slice('sqlite:'.length, -'?table=t'.length)
      change(file, 'INSERT INTO t ("constructor") VALUES (2)')
      expect(ask(file, 'SELECT * FROM t')).to.deep.equal([
        [1n, 2n, 'a'],
        [2n, 5n, null],
      ])
      const whole = await TestDatabase.create(server)
      const back = await runCli(['copy', '--from', `sqlite:${file}`, '--to', whole.wholeUrl, '--create'])
      expect(back.code, back.stderr).to.equal(0)
      const verified = await runCli(['verify', '--from', `sqlite:${file}`, '--to', whole.wholeUrl])
      expect(verified.code, verified.stdout + verified.stderr).to.equal(0)
    }
  })

  it('sorts numbers as numbers in SQLite, where they fit', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id BIGINT UNSIGNED PRIMARY KEY, price DECIMAL(20,2), whole DECIMAL(30,0));
         INSERT INTO src VALUES (1, 10.50, 1), (10, 9.25, 10), (100, -3.10, 100), (2, 1234567890123.45, 2);
         CREATE TABLE large LIKE src; INSERT INTO large VALUES (18446744073709551615, 0.01, 1), (5, 12345678901234567.89, 9223372036854775808)`,
      )
      const file = scratchFile('db')
      const made = await copy(db.url('src'), `sqlite:${file}?table=t`, '--create')
      expect(made.code, made.stderr).to.equal(0)
      expect(ask(file, 'SELECT id FROM t ORDER BY id')).to.deep.equal([[1n], [2n], [10n], [100n]])
      expect(ask(file, 'SELECT id FROM t ORDER BY price')).to.deep.equal([[100n], [10n], [1n], [2n]])
      expect(ask(file, 'SELECT id FROM t ORDER BY whole')).to.deep.equal([[1n], [2n], [10n], [100n]])
      expect(
        (await runCli(['verify', '--from', db.url('src'), '--to', `sqlite:${file}?table=t`])).code,
      ).to.equal(0)
      // A value that comes later and does not fit is refused, not rounded.
      await db.query('DELETE FROM src; INSERT INTO src VALUES (18446744073709551615, 1, 1)')
      expectRefusal(
        await copy(db.url('src'), `sqlite:${file}?table=t`),
        1,
        'DATA_REJECTED',
        '18446744073709551615',
      )
      // What has such values from the beginning becomes text.
      const large = await copy(db.url('large'), `sqlite:${file}?table=large`, '--create')
      expect(large.code, large.stderr).to.equal(0)
      expect(ask(file, 'SELECT * FROM large ORDER BY length(id) DESC')).to.deep.equal([
        ['18446744073709551615', '0.01', '1'],
        ['5', '12345678901234567.89', '9223372036854775808'],
      ])
    }
  })
})
