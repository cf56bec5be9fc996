import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { judge } from '../../src/plan/fidelity.js'
import type { Column, ColumnKind, ValueRange, RunRecord } from '../../src/contract/plugin.js'
import sqlite from '../../plugins/sqlite/plugin.js'
import { affinityOf } from '../../plugins/sqlite/affinity.js'
import { decimalText } from '../../plugins/sqlite/numbers.js'
import { Database } from '../support/database.js'
import { copy, failure, Fixture, openReader, openWriter } from './sqlite-fixture.js'

const pathOf = (url: string) => sqlite.connectionFromUrl(new URL(url), url)['path']

describe('sqlite connection', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())

  it('comes from a URL', () => {
    expect(pathOf('sqlite:rel/path.db?table=t')).to.equal('rel/path.db')
    expect(pathOf('sqlite:./x.db')).to.equal('./x.db')
    expect(pathOf('sqlite:../x.db')).to.equal('../x.db')
    expect(pathOf('sqlite:/abs.db')).to.equal('/abs.db')
    expect(pathOf('sqlite:///abs.db')).to.equal('/abs.db')
    expect(pathOf('sqlite:a%20b%23%25中.db')).to.equal('a b#%中.db')
  })

  it('refuses a URL with a host, a user, an unknown parameter, a fragment, a bad escape or no file', () => {
    for (const url of [
      'sqlite://h/x.db',
      'sqlite://u:p@h/x',
      'sqlite:x?mode=ro',
      'sqlite:x#y',
      'sqlite:%zz',
      'sqlite:',
    ]) {
      expect(() => pathOf(url), url)
        .to.throw()
        .with.property('code', 'USAGE')
    }
  })

  it('never creates a file for a reader or a writer', async () => {
    const missing = join(fixture.directory, 'missing.db')
    const writer = openWriter(missing)
    await writer.connect()
    // A writer may be there to make the file, but not before it is told to.
    for (const work of [openReader(missing).connect(), writer.describe('t')]) {
      const error = await failure(work)
      expect(error.code).to.equal('TABLE_NOT_FOUND')
      expect(error.message).to.include(missing)
    }
    expect(existsSync(missing)).to.equal(false)
  })

  it('does not take a temporary table for one that is written', async () => {
    const path = join(fixture.directory, 'hidden.db')
    new Database(path).exec('CREATE TABLE t (a); CREATE TABLE u (a)')
    const writer = openWriter(path, ['CREATE TEMPORARY TABLE T (a)'])
    await writer.connect()
    try {
      expect((await writer.describe('u')).table).to.equal('u')
      const error = await failure(writer.describe('t'))
      expect(error.code).to.equal('PARAMS_INVALID')
      expect(error.message).to.include('a temporary table hides table t')
    } finally {
      await writer.close()
    }
  })

  it('names a file that is not a database, and a directory', async () => {
    const path = join(fixture.directory, 'text.db')
    writeFileSync(path, 'not a database, but long enough to be one'.repeat(100))
    expect((await failure(openReader(path).connect())).code).to.equal('CONFIG_INVALID')
    expect((await failure(openReader(fixture.directory).connect())).code).to.equal('TABLE_NOT_FOUND')
  })

  it('runs session statements, and says so when one fails', async () => {
    const path = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const error = await failure(openWriter(path, ['PRAGMA cache_size = 100', 'no sql']).connect())
    expect(error.code).to.equal('SERVER_ERROR')
    expect(error.message).to.include('session')
  })
})

describe('sqlite schema', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())

  async function describeIn(ddl: string, table: string) {
    const reader = openReader(fixture.create(ddl))
    await reader.connect()
    const schema = await reader.describe(table)
    await reader.close()
    return schema
  }

  it("follows SQLite's rules of affinity", () => {
    const types = [
      '',
      'BIGINT',
      'FLOATING POINT',
      'CHARINT',
      'varchar(9)',
      'BLOB',
      'double',
      'STRING',
      'DECIMAL(5,2)',
    ]
    expect(types.map(affinityOf)).to.deep.equal([
      'none',
      'integer',
      'integer',
      'integer',
      'text',
      'blob',
      'real',
      'numeric',
      'numeric',
    ])
  })

  it('gives each declared type its kind', async () => {
    const types = 'INT, BOOLEAN, NUMERIC(9), DOUBLE, CLOB, BLOB, DATE, TIME, TIMESTAMP, JSON, UUID'.split(
      ', ',
    )
    const { columns } = await describeIn(
      `CREATE TABLE t (${types.map((type, i) => `c${i} ${type}`).join(', ')})`,
      't',
    )
    expect(columns.map(({ kind }) => kind)).to.deep.equal(
      'integer integer decimal float text bytes date time datetime json text'.split(' '),
    )
  })

  it('knows keys, NULL, defaults and generated columns', async () => {
    const schema = await describeIn(
      `CREATE TABLE "T" (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INT NOT NULL DEFAULT 1, c AS (b + 1), d AS (b) STORED);
       CREATE UNIQUE INDEX part ON T (b) WHERE b > 1; CREATE UNIQUE INDEX expr ON T (b + 1); CREATE INDEX plain ON T (b);
       CREATE UNIQUE INDEX two ON T (b, a)`,
      't',
    )
    expect(schema.table).to.equal('T')
    expect(schema.keys).to.have.deep.members([
      { name: 'PRIMARY KEY', columns: ['id'], primary: true, nullable: false },
      { name: 'sqlite_autoindex_T_1', columns: ['a'], primary: false, nullable: true },
      { name: 'two', columns: ['b', 'a'], primary: false, nullable: true },
    ])
    expect(
      schema.columns.map(({ name, nullable, hasDefault, generated }) => [
        name,
        nullable,
        hasDefault,
        generated,
      ]),
    ).to.deep.equal([
      ['id', false, true, false],
      ['a', true, false, false],
      ['b', false, true, false],
      ['c', true, false, true],
      ['d', true, false, true],
    ])
  })

  it('knows which primary keys may hold NULL', async () => {
    const keysOf = async (ddl: string) =>
      (await describeIn(ddl, 't')).keys.map(({ columns, nullable }) => [columns, nullable])
    expect(await keysOf('CREATE TABLE t (b INT, a TEXT, PRIMARY KEY (a, b))')).to.deep.equal([
      [['a', 'b'], true],
    ])
    expect(await keysOf('CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID')).to.deep.equal([[['a'], false]])
    expect(await keysOf('CREATE TABLE t (a INTEGER PRIMARY KEY DESC)')).to.deep.equal([[['a'], true]])
  })

  it('lets the plan say what would not fit, as the target and as the source', async () => {
    const { columns } = await describeIn(
      'CREATE TABLE t (i INT, n NUMERIC, r REAL, t TEXT, s STRING, x)',
      't',
    )
    const named = (name: string) => columns.find((column) => column.name === name)!
    const source = (kind: ColumnKind, valueRange: ValueRange) => ({ ...named('t'), kind, valueRange })
    const conversion = (from: Column, to: string) => judge(from, named(to)).conversion
    const money = source('decimal', { precision: 18, scale: 4 })
    expect(['n', 'r', 't', 's', 'x'].map((to) => conversion(money, to)).join(' ')).to.equal(
      'checked lossy widening lossy lossy',
    )
    const unsigned = source('integer', { min: '0', max: '18446744073709551615' })
    expect(['i', 'n', 'r', 't'].map((to) => conversion(unsigned, to)).join(' ')).to.equal(
      'checked checked lossy widening',
    )
    expect(conversion(source('text', {}), 's')).to.equal('lossy')
    // NaN would be stored as NULL.
    expect(conversion(source('float', { bits: 53 }), 'n')).to.equal('checked')
    expect(conversion(source('float', { bits: 53, nonFinite: 'none' }), 'n')).to.equal('widening')
    expect(judge(named('t'), source('decimal', { precision: 5, scale: 2 })).conversion).to.equal('checked')
    expect(columns.map((column) => judge(column, column).conversion)).to.deep.equal(
      columns.map(() => 'exact'),
    )
  })

  it('has one identity for every path to a table', async () => {
    const path = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const identities: string[] = []
    for (const [file, table] of [
      [path, 't'],
      [join(fixture.directory, '.', '..', path.slice(path.indexOf('rowshift-unit'))), 'T'],
    ] as const) {
      const reader = openReader(file)
      await reader.connect()
      identities.push((await reader.describe(table)).identity)
      await reader.close()
    }
    expect(identities[0]).to.equal(identities[1])
  })

  it('writes REALs of decimal columns without exponent', () => {
    expect([1e21, 1.5e-7, -0.25, 100, 1.25e22].map(decimalText)).to.deep.equal([
      '1000000000000000000000.0',
      '0.00000015',
      '-0.25',
      '100.0',
      '12500000000000000000000.0',
    ])
  })
})

describe('sqlite pre_sql and post_sql', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())

  it('run before and after, with @table as the target', async () => {
    const ddl = 'CREATE TABLE "a$&b" (id INTEGER PRIMARY KEY, v TEXT)'
    const from = fixture.create(`${ddl}; INSERT INTO "a$&b" VALUES (1, 'x')`)
    const to = fixture.create(`${ddl}; INSERT INTO "a$&b" VALUES (1, 'old')`)
    await copy(from, to, 'a$&b', {
      preSql: ['DELETE FROM @table'],
      postSql: ["UPDATE @table SET v = v || '!'"],
    })
    const database = new Database(to)
    expect(database.column('SELECT v FROM "a$&b"')).to.deep.equal(['x!'])
    database.close()
  })
})

describe('sqlite task store', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())
  const run: RunRecord = {
    run_id: 'r1',
    task_id: 5,
    mode: 'init',
    status: 'running',
    start_time: '2026-01-01 00:00:00',
    end_time: null,
    rows_read: 0,
    rows_written: 0,
    host: null,
    pid: null,
    report: null,
  }

  it('is missing until init, which creates the file and may run again', async () => {
    const path = join(fixture.directory, 'tasks.db')
    const store = sqlite.createTaskStore!({ path })
    await store.connect()
    expect((await failure(store.list())).code).to.equal('TASK_STORE_MISSING')
    expect(existsSync(path)).to.equal(false)
    expect(await store.init()).to.have.members([
      'task_def_sync_manager',
      'rowshift_run',
      'rowshift_watermark',
    ])
    expect(await store.init()).to.deep.equal([])
    expect(await store.list()).to.deep.equal([])
    await store.close()
  })

  it('says so when the database exists without the tables', async () => {
    const store = sqlite.createTaskStore!({ db: fixture.create('CREATE TABLE other (x)') })
    await store.connect()
    const error = await failure(store.get(5))
    expect(error.code).to.equal('TASK_STORE_MISSING')
    expect(error.message).to.include('rowshift init')
    await store.close()
  })

  it('keeps tasks and runs, newest run first', async () => {
    const path = join(fixture.directory, 'kept.db')
    const store = sqlite.createTaskStore!({ path })
    await store.connect()
    await store.init()
    const database = new Database(path)
    database.exec(
      'INSERT INTO `task_def_sync_manager` (id, from_app, params, online_status, create_time, update_time) ' +
        String.raw`VALUES (5, 'local_dw', '{\n\t\"pk\": 1}', 1, '2021-03-30 16:13:34', '2024-07-08 11:00:11')`,
    )
    // What etc/task-store.sqlite.sql warns of: the escapes of MySQL are not undone.
    expect((await store.get(5))?.params).to.equal(String.raw`{\n\t\"pk\": 1}`)
    expect(await store.get(6)).to.equal(null)
    expect(
      (await store.list()).map(({ id, from_app, from_table }) => [id, from_app, from_table]),
    ).to.deep.equal([[5, 'local_dw', '']])
    database.exec("UPDATE task_def_sync_manager SET owner = 'me'")
    expect(database.value('SELECT update_time FROM task_def_sync_manager'))
      .to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
      .and.not.equal('2024-07-08 11:00:11')
    database.close()

    await store.startRun(run)
    await store.startRun({ ...run, run_id: 'r2', task_id: 6 })
    const done: RunRecord = {
      ...run,
      status: 'success',
      end_time: '2026-01-01 00:00:09',
      rows_read: 7,
      rows_written: 7,
      report: '{}',
    }
    await store.finishRun(done)
    expect((await store.history(null, 10)).map(({ run_id }) => run_id)).to.deep.equal(['r2', 'r1'])
    expect(await store.history(5, 10)).to.deep.equal([done])
    expect(await store.history(null, 1)).to.have.length(1)
    await store.close()
  })
})
