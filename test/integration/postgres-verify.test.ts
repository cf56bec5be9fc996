// PostgreSQL compared with others: digests that are computed inside both servers, for every kind of value.
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { server } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { verifyByEngine } from '../support/engine.js'
import { difference } from '../support/snapshot.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

interface Value {
  readonly postgres: string
  readonly mysql: string
  /** As literals that both take; NULL is added. */
  readonly values: readonly string[]
}

/** Two values that others could take for equal stand side by side. */
const SHARED: Readonly<Record<string, Value>> = {
  i: { postgres: 'bigint', mysql: 'BIGINT', values: ['9223372036854775807', '-9223372036854775808', '0'] },
  n: { postgres: 'numeric(20)', mysql: 'BIGINT UNSIGNED', values: ['18446744073709551615', '0', '1'] },
  d: {
    postgres: 'numeric(65,30)',
    mysql: 'DECIMAL(65,30)',
    values: ['12345678901234567890123456789012345.123456789012345678901234567890', '-0.5', '100'],
  },
  f: {
    postgres: 'float8',
    mysql: 'DOUBLE',
    values: ['0.1', '0.10000000000000002', '-1.7976931348623157e308'],
  },
  g: { postgres: 'real', mysql: 'FLOAT', values: ['0.1', '3.402823e38', '-1e-38'] },
  b: { postgres: 'boolean', mysql: 'TINYINT(1)', values: ['TRUE', 'FALSE', 'TRUE'] },
  s: { postgres: 'varchar(40)', mysql: 'VARCHAR(40) COLLATE utf8mb4_bin', values: ["'a'", "'A'", "'a '"] },
  x: { postgres: 'text', mysql: 'LONGTEXT', values: ["'é𝄞数;N'", "''", "'N'"] },
  y: { postgres: 'date', mysql: 'DATE', values: ["'0001-01-01'", "'9999-12-31'", "'2024-02-29'"] },
  m: {
    postgres: 'timestamp',
    mysql: 'DATETIME(6)',
    values: ["'2024-02-29 23:59:59.000001'", "'9999-12-31 23:59:59.999999'", "'1000-01-01 00:00:00'"],
  },
  z: {
    postgres: 'timestamptz(3)',
    mysql: 'TIMESTAMP(3) NULL',
    values: ["'2024-02-29 23:59:59.001'", "'2037-12-31 23:59:59.999'", "'1971-01-01 00:00:00'"],
  },
  t: { postgres: 'time(2)', mysql: 'TIME(2)', values: ["'23:59:59.99'", "'00:00:00'", "'01:02:03.5'"] },
  j: { postgres: 'json', mysql: 'LONGTEXT', values: [`'{"a": 1}'`, `'{"a":1}'`, "'[]'"] },
}
const NAMES = Object.keys(SHARED)

const ONLY_POSTGRES: Readonly<Record<string, readonly string[]>> = {
  numeric: ["'NaN'", "'Infinity'", '1.50', '1.5'],
  float8: ["'NaN'", "'-Infinity'", "'-0'", '0'],
  real: ["'NaN'", "'Infinity'", "'-0'", '0'],
  timestamptz: ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00 BC'", "'0044-03-15 12:00:00'"],
  timestamp: ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00 BC'", "'0044-03-15 12:00:00'"],
  date: ["'infinity'", "'0044-03-15 BC'", "'0044-03-15'", "'5874897-12-31'"],
  time: ["'24:00:00'", "'00:00:00'", "'23:59:59.999999'", "'00:00:01'"],
  interval: ["'1 day'", "'24 hours'", "'-1 day'", "'1 mon'"],
  jsonb: [`'{"a": 1}'`, "'1.0'", "'1'", "'[]'"],
  'text[]': ["'{a,b}'", `'{"a,b"}'`, "'{}'", "'{NULL}'"],
  'char(4)': ["'a'", "'b'", "' a'", "'A'"],
  bytea: ["'\\x00ff'", "'\\x'", "'\\x4e'", "'\\x3b'"],
  'bit varying(9)': ["B'0'", "B'00'", "B''", "B'1'"],
  money: ["'1.00'", "'-1.00'", "'0.01'", "'0.10'"],
  uuid: ["'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'"],
}

describe('PostgreSQL is compared by digests of the servers', () => {
  let db: TestDatabase<'postgres'>
  before(async () => {
    db = await TestDatabase.create(server('postgres'))
  })

  const inServers = 'digests are computed inside both databases'
  const rows = (columns: readonly (readonly string[])[]) =>
    [0, 1, 2, 3].map((i) => `(${[i, ...columns.map((values) => values[i] ?? 'NULL')].join(', ')})`).join(', ')
  /** The columns that differ, of all rows. */
  const verdict = async (from: string, to: string) => {
    const { error, found, reasons } = await verifyByEngine(from, to, { worker_num: 1 })
    expect(error?.code ?? 'DIFFERENT', JSON.stringify(error)).to.equal('DIFFERENT')
    expect(reasons.at(-1)).to.include(inServers)
    expect([found!.missing, found!.extra]).to.deep.equal([0, 0])
    return found!.differentRows.flatMap(({ columns }) => columns)
  }

  for (const kind of ['mysql', 'mariadb'] as const) {
    it(`with ${kind}, equal values and others`, async () => {
      const other = await TestDatabase.create(server(kind))
      const values = NAMES.map((name) => SHARED[name]!.values)
      const create = (type: (of: Value) => string) =>
        `CREATE TABLE t (id INT PRIMARY KEY, ${NAMES.map((name) => `${name} ${type(SHARED[name]!)}`).join(', ')})`
      const insert = `INSERT INTO t VALUES ${rows(values)}`
      await db.query(
        `DROP TABLE IF EXISTS t; SET TimeZone = 'UTC'; ${create((of) => of.postgres)}; ${insert}`,
      )
      await other.query(`SET time_zone = '+00:00'; ${create((of) => of.mysql)}; ${insert}`)
      for (const [from, to] of [
        [db.url('t'), other.url('t')],
        [other.url('t'), db.url('t')],
      ] as const)
        expect(await verdict(from, to)).to.deep.equal([])
      for (const name of NAMES) {
        // Each row gets the value of the next one.
        const { values } = SHARED[name]!
        await other.query(
          `SET time_zone = '+00:00'; UPDATE t SET ${name} = CASE id WHEN 0 THEN ${values[1]} WHEN 1 THEN ${values[2]} WHEN 3 THEN ${values[0]} END`,
        )
      }
      const different = await verdict(db.url('t'), other.url('t'))
      expect([...new Set(different)].sort(), different.join()).to.deep.equal([...NAMES].sort())
    })
  }

  it('with PostgreSQL, every value of its own types', async () => {
    const types = Object.keys(ONLY_POSTGRES)
    const columns = types.map((type, i) => `c${i} ${type}`).join(', ')
    await db.query(
      `CREATE TABLE a (id int PRIMARY KEY, ${columns}); INSERT INTO a VALUES ${rows(Object.values(ONLY_POSTGRES))};
       CREATE TABLE b (LIKE a INCLUDING ALL); INSERT INTO b TABLE a`,
    )
    expect(await verdict(db.url('a'), db.url('b'))).to.deep.equal([])
    // Each of the first two rows gets the value of the other one, and so do the next two.
    const swapped = types.map((type, i) => {
      const [a, b, c = null, d = c] = ONLY_POSTGRES[type]!
      const literal = (value: string | null) => `${value ?? 'NULL'}::${type}`
      return `c${i} = CASE id WHEN 0 THEN ${literal(b!)} WHEN 1 THEN ${literal(a!)} WHEN 2 THEN ${literal(d)} ELSE ${literal(c)} END`
    })
    await db.query(`UPDATE b SET ${swapped.join(', ')}`)
    const different = await verdict(db.url('a'), db.url('b'))
    const expected = types.flatMap((type, i) => Array<string>(ONLY_POSTGRES[type]!.length).fill(`c${i}`))
    expect(different.sort()).to.deep.equal(expected.sort())
  })

  for (const kind of ['postgres', 'mysql'] as const) {
    it(`and repaired from ${kind}: rows that are missing, different and too many`, async () => {
      const source = await TestDatabase.create<'postgres' | 'mysql'>(server(kind))
      const table = 'id bigint PRIMARY KEY, v varchar(20) NOT NULL, n int'
      const digits =
        '(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)'
      await source.query(
        `CREATE TABLE s (${table}); INSERT INTO s SELECT a.d * 625 + b.d * 125 + c.d * 25 + d.d * 5 + e.d + 1, 'v', a.d
         FROM ${digits} a, ${digits} b, ${digits} c, ${digits} d, ${digits} e`,
      )
      await db.query(`DROP TABLE IF EXISTS r; CREATE TABLE r (${table})`)
      const copied = await source.copyTo('s', db.url('r'))
      expect(copied.code, copied.stderr).to.equal(0)
      await db.query(
        "DELETE FROM r WHERE id IN (1, 700, 3125); UPDATE r SET v = 'V' WHERE id % 1000 = 5; INSERT INTO r VALUES (-4, 'x', 1), (9000, 'y', NULL)",
      )
      const before = await verify(source.url('s'), db.url('r'))
      expectDifferent(before, 3, 2, 4)
      expect(before.report.reasons.join()).to.include(inServers)
      const repaired = await verify(source.url('s'), db.url('r'), '--repair')
      expect(repaired.code, repaired.stderr).to.equal(0)
      expectEqual(await verify(source.url('s'), db.url('r')), 3125)
      const [a, b] = [source, db].map(({ server, database }) => ({ server, database }))
      expect(await difference({ ...a!, table: 's' }, { ...b!, table: 'r' })).to.equal(null)
    })
  }
})
