// Single rows of a SQLite target: deleted and flagged by their identity, and the highest value of a column.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import type { PlannedWrite, Writer } from '../../src/contract/plugin.js'
import { Database } from '../support/database.js'
import { batch, draftPlan, Fixture, NEVER, openWriter } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

/** What `work` gives, with a writer of table t and how it is written to. */
async function writing<T>(
  path: string,
  identity: readonly string[],
  work: (writer: Writer, spec: PlannedWrite) => Promise<T>,
): Promise<T> {
  const writer = openWriter(path)
  await writer.connect()
  try {
    const table = await writer.describe('t')
    return await work(writer, { ...draftPlan(table, table).write, identity })
  } finally {
    await writer.close()
  }
}

function left(path: string, sql: string): readonly unknown[] {
  const database = new Database(path)
  try {
    return database.column(sql)
  } finally {
    database.close()
  }
}

function remove(path: string, identity: readonly string[], ...rows: string[]): Promise<number> {
  return writing(path, identity, (writer, spec) => writer.skills.deletes!.remove(spec, batch(...rows), NEVER))
}

const FLOATS = [
  0.1,
  Infinity,
  -Infinity,
  -1.5,
  1e300,
  5e-324,
  1.7976931348623157e308,
  123456789.12345679,
  2 ** 60,
  1 / 3,
]

describe('sqlite deletes', () => {
  it('find rows by every double, to its last bit', async () => {
    const path = fixture.create('CREATE TABLE t (k REAL PRIMARY KEY)', (database) => {
      const insert = database.prepare('INSERT INTO t VALUES (?)')
      for (const value of FLOATS) insert.run(value)
      insert.run(0.1 + Number.EPSILON / 8)
    })
    expect(await remove(path, ['k'], ...FLOATS.map(String))).to.equal(FLOATS.length)
    expect(left(path, 'SELECT count(*) FROM t')).to.deep.equal([1])
  })

  it('find text whose bytes are the same, whatever the collation', async () => {
    const path = fixture.create(
      "CREATE TABLE t (k TEXT COLLATE NOCASE, v TEXT, UNIQUE (k)); INSERT INTO t VALUES ('A', ''), ('b', ''), ('ü''\"', '')",
    )
    expect(await remove(path, ['k'], 'a\t', 'b\t', 'ü\'"\t')).to.equal(2)
    expect(left(path, 'SELECT k FROM t')).to.deep.equal(['A'])
  })

  it('take more rows than one statement does, by keys of several columns', async () => {
    const path = fixture.create('CREATE TABLE t (a INT, b BLOB, PRIMARY KEY (a, b))', (database) => {
      const insert = database.prepare('INSERT INTO t VALUES (?, ?)')
      for (let i = 0; i < 1000; i++) insert.run(i, Buffer.from(`x${i % 7}`))
    })
    const rows = Array.from({ length: 450 }, (_, i) => `${i}\tx${i % 7}`)
    expect(await remove(path, ['a', 'b'], ...rows, '451\tx9')).to.equal(450)
    expect(left(path, 'SELECT min(a) FROM t')).to.deep.equal([450])
  })

  it('set a number to 1, and a time to the present one', async () => {
    const path = fixture.create(
      'CREATE TABLE t (k INTEGER PRIMARY KEY, gone INT, at DATETIME); INSERT INTO t VALUES (1, 0, NULL), (2, 0, NULL)',
    )
    await writing(path, ['k'], async (writer, spec) => {
      const [, gone, at] = spec.table.columns
      const deletes = writer.skills.deletes!
      expect(await deletes.flag(spec, batch('2\t\\N\t\\N'), gone!, NEVER)).to.equal(1)
      expect(await deletes.flag(spec, batch('2\t\\N\t\\N'), at!, NEVER)).to.equal(1)
    })
    expect(left(path, 'SELECT k FROM t WHERE gone = 1 AND at IS NOT NULL')).to.deep.equal([2])
  })
})

describe('the highest value of a sqlite column', () => {
  it('is its cell text, or null', async () => {
    const path = fixture.create(
      `CREATE TABLE t (i INTEGER PRIMARY KEY, d DATETIME, b BLOB, n TEXT);
       INSERT INTO t VALUES (9223372036854775807, '2026-01-02 03:04:05', x'00ff', NULL), (-5, '2025-12-31 00:00:00', x'', NULL)`,
    )
    await writing(path, ['i'], async (writer, spec) => {
      const values = []
      for (const column of spec.table.columns) values.push(await writer.skills.highest!('t', column))
      expect(values).to.deep.equal(['9223372036854775807', '2026-01-02 03:04:05', '00ff', null])
    })
  })
})
