import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import type { WriteCounts, WriteMode } from '../../src/contract/plugin.js'
import { cellsOf } from '../../src/wire/row-name.js'
import { Database } from '../support/database.js'
import {
  failure,
  Fixture,
  makePlan,
  NEVER,
  openReader,
  openWriter,
  WHOLE,
  writeOptions,
} from './sqlite-fixture.js'

const ROWS = 1000
const numbers = (columns: string, rows = ROWS) =>
  `WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${rows}) SELECT ${columns} FROM q`

describe('sqlite write modes', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())

  interface Copy {
    readonly ddl: string
    /** SQL that fills `t` of the source, and of the target. */
    readonly source: string
    readonly target?: string
    readonly mode: WriteMode
    readonly identity?: readonly string[]
    /** Rows that may be refused; their keys come back. */
    readonly limit?: number
  }

  async function copy({ ddl, source, target = '', mode, identity = ['id'], limit = 0 }: Copy) {
    const from = fixture.create(`${ddl}; ${source}`)
    const to = fixture.create(`${ddl}; ${target}`)
    const reader = openReader(from)
    const writer = openWriter(to)
    const refused: string[] = []
    try {
      await reader.connect()
      await writer.connect()
      const made = await makePlan(reader, writer, 't', 't', { batchBytes: 1000 })
      const spec = {
        ...made.write,
        writeMode: mode,
        identity: mode === 'ignore' || mode === 'upsert' ? identity : null,
        errorLimit: { record: limit, percentage: null },
      }
      const counts = await writer.write(spec, reader.read(made.read, WHOLE, NEVER), {
        ...writeOptions,
        onDirty(row, error) {
          if (refused.length === limit) throw error
          refused.push(`${cellsOf(row)[0]!.toString()} ${error.code}`)
        },
      })
      return { counts: list(counts), refused, rows: (sql: string) => select(to, sql) }
    } finally {
      await reader.close()
      await writer.close()
    }
  }

  const list = (counts: WriteCounts) => [
    counts.rowsWritten,
    counts.rowsChanged,
    counts.rowsUnchanged,
    counts.rowsSkipped,
    counts.dirtyRows,
  ]

  function select(file: string, sql: string): unknown[] {
    const database = new Database(file, { readOnly: true })
    try {
      return database.rows(sql)
    } finally {
      database.close()
    }
  }

  /** 1,000 rows in the source; in the target every third of them, of which every second differs. */
  const THIRD = {
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)',
    source: `INSERT INTO t ${numbers("i, 'v' || i")}`,
    target: `INSERT INTO t ${numbers("i, iif(i % 2, 'v' || i, 'old')")} WHERE i % 3 = 0`,
  }

  it('ignore leaves rows alone whose key is there', async () => {
    const { counts, rows } = await copy({ ...THIRD, mode: 'ignore' })
    expect(counts).to.deep.equal([667, 0, 0, 333, 0])
    expect(rows("SELECT count(*), sum(v = 'old') FROM t")).to.deep.equal([[1000, 166]])
  })

  it('replace writes every row', async () => {
    const { counts, rows } = await copy({ ...THIRD, mode: 'replace' })
    expect(counts).to.deep.equal([1000, 333, 0, 0, 0])
    expect(rows("SELECT count(*), sum(v = 'v' || id) FROM t")).to.deep.equal([[1000, 1000]])
  })

  it('upsert changes what differs', async () => {
    const { counts, rows } = await copy({ ...THIRD, mode: 'upsert' })
    expect(counts).to.deep.equal([833, 166, 167, 0, 0])
    expect(rows("SELECT count(*), sum(v = 'v' || id) FROM t")).to.deep.equal([[1000, 1000]])
    const fresh = await copy({ ...THIRD, target: '', mode: 'upsert' })
    expect(fresh.counts).to.deep.equal([1000, 0, 0, 0, 0])
  })

  it('upsert tells values apart that SQLite calls equal', async () => {
    const { counts, rows } = await copy({
      ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE, x DECIMAL, n TEXT)',
      source: "INSERT INTO t VALUES (1, 'A', 1, NULL), (2, 'a', 1.5, ''), (3, 'a', 1, NULL)",
      target: "INSERT INTO t VALUES (1, 'a', 1, NULL), (2, 'a', 1.5, NULL), (3, 'a', 1, NULL)",
      mode: 'upsert',
    })
    expect(counts).to.deep.equal([2, 2, 1, 0, 0])
    expect(rows('SELECT hex(v), x, n FROM t')).to.deep.equal([
      ['41', 1, null],
      ['61', 1.5, ''],
      ['61', 1, null],
    ])
    const untyped = await copy({
      ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
      source: 'INSERT INTO t VALUES (1, 1.0), (2, 2.5), (3, -0.0)',
      target: 'INSERT INTO t VALUES (1, 1), (2, 2.5), (3, 0.0)',
      mode: 'upsert',
    })
    expect(untyped.counts).to.deep.equal([2, 2, 1, 0, 0])
    expect(untyped.rows('SELECT typeof(x), 1 / atan2(x, -1) > 0 FROM t')).to.deep.equal([
      ['real', 1],
      ['real', 1],
      ['real', 0],
    ])
  })

  it('no mode touches a row that only shares another key, nor lets the table’s own conflict clause decide', async () => {
    for (const mode of ['ignore', 'upsert'] as const) {
      for (const clause of ['', 'ON CONFLICT REPLACE', 'ON CONFLICT IGNORE']) {
        const error = await failure(
          copy({
            ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT UNIQUE ${clause})`,
            source: "INSERT INTO t VALUES (1, 'a'), (3, 'b')",
            target: "INSERT INTO t VALUES (1, 'x'), (2, 'b')",
            mode,
          }),
        )
        expect(error.code).to.equal('DUPLICATE_KEY')
        expect(error.message).to.include('Its mail is "b".').and.to.include('id = "3"')
      }
    }
  })

  it('upsert moves a unique value from one row to another when the order allows it', async () => {
    const { counts, rows } = await copy({
      ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT UNIQUE)',
      source: `INSERT INTO t VALUES (1, 'new'), (2, 'a'); INSERT INTO t ${numbers("i + 10, 'm' || i", 100)}`,
      target: "INSERT INTO t VALUES (1, 'a')",
      mode: 'upsert',
    })
    expect(counts).to.deep.equal([102, 1, 0, 0, 0])
    expect(rows('SELECT * FROM t WHERE id < 3')).to.deep.equal([
      [1, 'new'],
      [2, 'a'],
    ])
  })

  it('replace puts no default in the place of NULL', async () => {
    const from = fixture.create(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, NULL)',
    )
    const to = fixture.create(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, v INT NOT NULL DEFAULT 7); INSERT INTO t VALUES (1, 1)',
    )
    const reader = openReader(from)
    const writer = openWriter(to)
    await reader.connect()
    await writer.connect()
    const plan = await makePlan(reader, writer, 't', 't')
    const write = { ...plan.write, writeMode: 'replace' as const }
    const error = await failure(writer.write(write, reader.read(plan.read, WHOLE, NEVER), writeOptions))
    expect(error.message).to.include('NOT NULL constraint failed: t.v')
    await reader.close()
    await writer.close()
    expect(select(to, 'SELECT * FROM t')).to.deep.equal([[1, 1]])
  })

  it('leave the refused rows out, each alone, in every mode', async () => {
    for (const mode of ['insert', 'ignore', 'replace', 'upsert'] as const) {
      const { counts, refused, rows } = await copy({
        ddl:
          'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL, p INT, CHECK (id NOT IN (7, 500) OR v IS NULL)); ' +
          'PRAGMA foreign_keys = OFF',
        source: `PRAGMA ignore_check_constraints = ON; INSERT INTO t ${numbers("i, 'v' || i, i")}`,
        target: `INSERT INTO t ${numbers("i, 'v' || i, -i", 3)}`,
        mode,
        limit: 5,
      })
      const refusals = ['7 DATA_REJECTED', '500 DATA_REJECTED']
      if (mode === 'insert') refusals.unshift(...[1, 2, 3].map((id) => `${id} DUPLICATE_KEY`))
      expect(refused, mode).to.deep.equal(refusals)
      const expected = {
        insert: [995, 0, 0, 0, 5],
        ignore: [995, 0, 0, 3, 2],
        replace: [998, 3, 0, 0, 2],
        upsert: [998, 3, 0, 0, 2],
      }
      expect(counts, mode).to.deep.equal(expected[mode])
      const kept = mode === 'insert' || mode === 'ignore' ? 3 : 0
      expect(rows('SELECT count(*), sum(p < 0) FROM t')).to.deep.equal([[998, kept]])
    }
  })

  it('tell apart rows that refer to nothing', async () => {
    const { counts, refused } = await copy({
      ddl: 'CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE t (id INTEGER PRIMARY KEY, p INT REFERENCES p)',
      source: 'PRAGMA foreign_keys = OFF; INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)',
      mode: 'insert',
      limit: 1,
    })
    expect(counts).to.deep.equal([2, 0, 0, 0, 1])
    expect(refused).to.deep.equal(['2 DATA_REJECTED'])
  })

  it('end at the row that is one too many, and leave nothing', async () => {
    const error = await failure(
      copy({
        ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)',
        source: `INSERT INTO t ${numbers("i, 'v' || i")}`,
        target: "INSERT INTO t VALUES (1, 'x'), (2, 'x'), (900, 'x')",
        mode: 'insert',
        limit: 2,
      }),
    )
    expect(error.code).to.equal('DUPLICATE_KEY')
    expect(error.message).to.include('id = "900"')
  })
})
