import type { SQLInputValue } from 'node:sqlite'
import { expect } from 'chai'
import fc from 'fast-check'
import { after, describe, it } from 'mocha'
import { copy, differences, draftPlan, Fixture, openReader, readAll, WHOLE } from './sqlite-fixture.js'

const SEED = 12
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const ALL_BYTES = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte))
const TEXTS = [
  '',
  ' ',
  'a\0b',
  '\0',
  '😀',
  '中文',
  '\u00e9',
  '\uFEFFbom',
  '\uFFFD',
  'tab\tlf\ncr\r\\N',
  '\\N',
  "it's",
  '"',
  '007',
]
const FLOATS = [5e-324, 1.7976931348623157e308, -0.0, 0, 0.1, 1 / 3, -1e21, 2 ** 63, 123456789.125]

describe('sqlite to sqlite', function () {
  this.timeout(60_000)
  const fixture = new Fixture()
  after(() => fixture.remove())

  /** Copies a table filled with `rows` and checks that SQLite finds no difference. */
  async function roundTrip(
    ddl: string,
    table: string,
    rows: readonly (readonly SQLInputValue[])[],
    batchBytes = 64,
  ) {
    const from = fixture.create(ddl, (database) => {
      const name = `"${table.replaceAll('"', '""')}"`
      for (const row of rows)
        database.run(`INSERT INTO ${name} VALUES (${row.map(() => '?').join(', ')})`, ...row)
    })
    const to = fixture.create(ddl)
    expect(await copy(from, to, table, { splitRows: 7, batchBytes })).to.equal(rows.length)
    expect(differences(from, to, table)).to.deep.equal([])
  }

  it('keeps text, also with NUL, quotes, separators and U+FFFD', async () => {
    const rows = [...TEXTS, null].map((text, i) => [i, text])
    await roundTrip('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)', 't', rows)
  })

  it('keeps text in UTF-16 databases, and between encodings', async () => {
    const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, k TEXT COLLATE NOCASE NOT NULL UNIQUE)'
    const rows = [...TEXTS, null].map((text, i) => [i, text, `${text}${i}`])
    for (const encoding of ['UTF-16le', 'UTF-16be']) {
      await roundTrip(`PRAGMA encoding = '${encoding}'; ${ddl}`, 't', rows)
    }
    const from = fixture.create(ddl, (database) => {
      for (const row of rows) database.run('INSERT INTO t VALUES (?, ?, ?)', ...row)
    })
    const middle = fixture.create(`PRAGMA encoding = 'UTF-16be'; ${ddl}`)
    const to = fixture.create(ddl)
    await copy(from, middle, 't')
    await copy(middle, to, 't')
    expect(differences(from, to, 't')).to.deep.equal([])
  })

  it('splits a UTF-16 database by text', async () => {
    const ddl = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY)"
    await roundTrip(
      ddl,
      't',
      TEXTS.map((text) => [text]),
    )
  })

  it('keeps every byte of a BLOB', async () => {
    const blobs = [ALL_BYTES, Buffer.alloc(0), Buffer.alloc(100_000, 0x0a), null]
    const rows = blobs.map((blob, i) => [i, blob])
    await roundTrip('CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)', 't', rows)
  })

  it('keeps integers to the ends of 64 bits, as values and as keys', async () => {
    const values = [INT64_MAX, INT64_MIN, 0n, -1n, 2n ** 53n + 1n, 999_999_999_999_999n, null]
    const rows = values.map((value, i) => [value ?? 7n, value, values.at(-1 - i)!])
    await roundTrip('CREATE TABLE t (id INTEGER PRIMARY KEY, a BIGINT, b BOOLEAN)', 't', rows)
  })

  it('keeps floats to the last bit', async () => {
    const rows = [...FLOATS, null].map((value, i) => [i, value, value])
    await roundTrip('CREATE TABLE t (id INTEGER PRIMARY KEY, v REAL, w)', 't', rows)
  })

  it('keeps decimals, whatever class SQLite stores them in', async () => {
    const rows = [...FLOATS, INT64_MAX, INT64_MIN, 1, 1.5, -(2 ** 63), null].map((value, i) => [i, value])
    await roundTrip('CREATE TABLE t (id INTEGER PRIMARY KEY, v DECIMAL(20, 4))', 't', rows)
  })

  it('keeps dates, times, JSON and columns of invented types', async () => {
    const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a DATE, b TIME, c DATETIME, d JSON, e STRING)'
    await roundTrip(ddl, 't', [
      [1, '2024-02-29', '-838:59:59', '2024-01-01 10:00:00.123456', '{"a":[1,null]}', 'x'],
      [2, '0001-01-01', '10:00', '2024-01-01T10:00:00Z', '12', '007x'],
      [3, null, null, '2024-01-01', '1.5e300', 1e21],
      [4, null, null, null, '"\\u0000"', '-9223372036854775809'],
    ])
  })

  it('keeps columns without a type', async () => {
    const ddl =
      'CREATE TABLE t (id INTEGER PRIMARY KEY, i, r, x, n); CREATE TABLE s (id INT PRIMARY KEY, v ANY) STRICT'
    await roundTrip(ddl, 't', [
      [1n, 7n, 7.5, '7', 1.0],
      [2n, -7n, 1.0, '', 1n],
      [3n, null, -0.0, null, null],
    ])
    await roundTrip(ddl, 's', [
      [1n, '7'],
      [2n, '007'],
    ])
  })

  it('takes hostile names', async () => {
    const table = 'se"le\'ct `from` ]; -- \t\n中'
    const ddl = `CREATE TABLE "${table.replaceAll('"', '""')}" ("a""b" INTEGER NOT NULL, "; DROP" TEXT, "select" REAL, "?" BLOB, PRIMARY KEY ("a""b"))`
    await roundTrip(ddl, table, [
      [1n, 'x', 1.5, Buffer.from('y')],
      [2n, null, null, null],
    ])
  })

  it('copies a table without a key, with equal rows', async () => {
    const from = fixture.create(
      'CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, NULL), (1, NULL), (NULL, 7)',
    )
    const to = fixture.create('CREATE TABLE t (a INTEGER, b TEXT)')
    expect(await copy(from, to, 't')).to.equal(3)
    expect(differences(from, to, 't')).to.deep.equal([])
  })

  it('copies any table of nasty values (property)', async () => {
    const ddl =
      'CREATE TABLE t (k BLOB NOT NULL UNIQUE, a INTEGER, b REAL, c TEXT, d BLOB, e NUMERIC(30, 10)) '
    const double = fc.double({ noNaN: true })
    const integer = fc.bigInt({ min: INT64_MIN, max: INT64_MAX })
    const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const row = fc.tuple(
      bytes,
      fc.option(integer),
      fc.option(double),
      fc.option(text),
      fc.option(bytes),
      fc.oneof(integer, double.filter(Number.isFinite)),
    )
    const table = fc.uniqueArray(row, { maxLength: 150, selector: ([key]) => key.toString('hex') })
    const property = fc.asyncProperty(table, fc.constantFrom(1, 200, 100_000), (rows, size) =>
      roundTrip(ddl, 't', rows, size),
    )
    await fc.assert(property, { seed: SEED, numRuns: 60 })
  })

  it('copies infinities between floats of whatever name', async () => {
    const rows = 'INSERT INTO t VALUES (1, 9e999), (2, -9e999), (3, 1.5), (4, NULL)'
    const from = fixture.create(`CREATE TABLE t (id INTEGER PRIMARY KEY, v REAL); ${rows}`)
    for (const type of ['REAL', 'DOUBLE', '']) {
      const to = fixture.create(`CREATE TABLE t (id INTEGER PRIMARY KEY, v ${type})`)
      expect(await copy(from, to, 't')).to.equal(4)
      expect(differences(from, to, 't'), type).to.deep.equal([])
    }
  })

  it('copies only the rows that "where" selects', async () => {
    const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)'
    const from = fixture.create(`${ddl}; INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, NULL)`)
    const to = fixture.create(ddl)
    expect(await copy(from, to, 't', { where: "v = 'a' -- only", splitRows: 1 })).to.equal(2)
  })

  it('writes the documented wire format', async () => {
    const ddl =
      'CREATE TABLE t (id INTEGER, b BOOLEAN, r REAL, d DECIMAL, x TEXT, y BLOB, z DATETIME);' +
      "INSERT INTO t VALUES (1, 1, 1e300, 1e-7, char(9, 10, 92, 0), x'000aff', '2024-01-01 00:00:00'), (NULL, 0, 2, 2, '', x'', NULL)"
    const reader = openReader(fixture.create(ddl))
    await reader.connect()
    const schema = await reader.describe('T')
    const text = await readAll(reader, draftPlan(schema, schema), WHOLE)
    await reader.close()
    expect(text).to.equal(
      '1\t1\t1e+300\t0.0000001\t\\t\\n\\\\\\0\t\\0\\n\uFFFD\t2024-01-01 00:00:00\n\\N\t0\t2\t2\t\t\t\\N\n',
    )
  })
})
