import type { SQLInputValue } from 'node:sqlite'
import { expect } from 'chai'
import fc from 'fast-check'
import { after, describe, it } from 'mocha'
import type { ReadSpec, Split } from '../../src/contract/plugin.js'
import { selectSql, splitRows } from '../../src/sql/select.js'
import { sqliteDialect } from '../../plugins/sqlite/dialect.js'
import { Database } from '../support/database.js'
import { collect, draftPlan, Fixture, NEVER, openReader } from './sqlite-fixture.js'

const SIZES = [1, 7, 10_000]
const SEED = 5

/** Counts, in SQL, how many splits each row of `t` is in: every row must be in exactly one. */
function checkPartition(path: string, spec: ReadSpec, splits: readonly Split[]): void {
  const database = new Database(path)
  try {
    database.exec('CREATE TEMP TABLE taken (row INTEGER, split INTEGER)')
    for (const split of splits) {
      const select = ['rowid', String(split.index)]
      const rows = splitRows(sqliteDialect('UTF-8'), spec, split)
      database.exec(`INSERT INTO taken ${selectSql({ select, ...rows })}`)
    }
    const twice = database.prepare('SELECT row FROM taken GROUP BY row HAVING count(*) > 1').all()
    const never = database.prepare('SELECT rowid FROM t EXCEPT SELECT row FROM taken').all()
    expect({ twice, never }).to.deep.equal({ twice: [], never: [] })
  } finally {
    database.close()
  }
}

async function splitsOf(path: string, splitRows: number): Promise<{ spec: ReadSpec; splits: Split[] }> {
  const reader = openReader(path)
  await reader.connect()
  try {
    const schema = await reader.describe('t')
    const spec = draftPlan(schema, schema, { splitRows }).read
    const splits = await collect(reader.split(spec, () => spec.splitRows, NEVER))
    expect(splits.map(({ index }) => index)).to.deep.equal(splits.map((_, i) => i))
    return { spec, splits }
  } finally {
    await reader.close()
  }
}

/** Values for the columns after CREATE TABLE, one array per row; rows that violate the key are left out. */
interface Case {
  readonly name: string
  readonly ddl: string
  readonly rows: fc.Arbitrary<readonly SQLInputValue[]>
}

const text = fc.array(fc.constantFrom('a', 'A', 'b', 'é', 'É', '中', '😀', "'", '"', '\\', '\0', ' '), {
  maxLength: 4,
})
const string = text.map((letters) => letters.join(''))
const CASES: readonly Case[] = [
  { name: 'dense integers', ddl: 'k INTEGER PRIMARY KEY', rows: fc.tuple(fc.integer({ min: 1, max: 60 })) },
  {
    name: 'sparse and negative integers',
    ddl: 'k BIGINT NOT NULL UNIQUE',
    rows: fc.tuple(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  },
  { name: 'text', ddl: 'k TEXT NOT NULL PRIMARY KEY', rows: fc.tuple(string) },
  { name: 'text NOCASE', ddl: 'k TEXT COLLATE NOCASE NOT NULL UNIQUE', rows: fc.tuple(string) },
  { name: 'text RTRIM', ddl: 'k TEXT COLLATE RTRIM NOT NULL UNIQUE', rows: fc.tuple(string) },
  {
    name: 'NOCASE column under a BINARY index',
    ddl: 'k TEXT COLLATE NOCASE NOT NULL); CREATE UNIQUE INDEX i ON t (k COLLATE BINARY',
    rows: fc.tuple(string),
  },
  {
    name: 'bytes',
    ddl: 'k BLOB NOT NULL UNIQUE',
    rows: fc.tuple(fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes))),
  },
  {
    name: 'composite',
    ddl: 'a INTEGER NOT NULL, b TEXT NOT NULL, c DATE NOT NULL, PRIMARY KEY (a, b, c)',
    rows: fc.tuple(fc.integer({ min: 0, max: 2 }), string, fc.constantFrom('2024-01-01', '2024-01-02')),
  },
  {
    name: 'nullable unique with NULLs',
    ddl: 'a INTEGER, b TEXT, UNIQUE (a, b)',
    rows: fc.tuple(
      fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
      fc.option(string, { nil: null }),
    ),
  },
]

describe('splits of a real table', function () {
  this.timeout(60_000)
  const fixture = new Fixture()
  after(() => fixture.remove())

  const table = (ddl: string, rows: readonly (readonly SQLInputValue[])[]) =>
    fixture.create(`CREATE TABLE t (${ddl})`, (database) => {
      for (const row of rows) {
        database.run(`INSERT OR IGNORE INTO t VALUES (${row.map(() => '?').join(', ')})`, ...row)
      }
    })

  for (const { name, ddl, rows } of CASES) {
    it(`hold every row once: ${name}`, async () => {
      const tables = fc.array(rows, { maxLength: 40 })
      const property = fc.asyncProperty(tables, fc.constantFrom(...SIZES), async (values, size) => {
        const path = table(ddl, values)
        const { spec, splits } = await splitsOf(path, size)
        expect(spec.key).to.not.equal(null)
        checkPartition(path, spec, splits)
      })
      await fc.assert(property, { seed: SEED, numRuns: 40 })
    })
  }

  it('are none for an empty table with a key, and one for a table without', async () => {
    expect((await splitsOf(table('k INTEGER PRIMARY KEY', []), 7)).splits).to.deep.equal([])
    expect((await splitsOf(table('k INTEGER', [[1], [null]]), 7)).splits).to.deep.equal([
      { index: 0, lower: null, upper: null },
    ])
  })

  it('are one for a single row', async () => {
    const { splits } = await splitsOf(table('k INTEGER PRIMARY KEY', [[-5]]), 7)
    expect(splits).to.deep.equal([{ index: 0, lower: null, upper: ['-5'] }])
  })

  it('are few for two rows at the ends of the 64-bit range', async () => {
    const path = table('k INTEGER PRIMARY KEY', [[-(2n ** 63n)], [2n ** 63n - 1n]])
    for (const size of SIZES) {
      const { spec, splits } = await splitsOf(path, size)
      checkPartition(path, spec, splits)
      expect(splits.length).to.be.at.most(2)
    }
  })

  it('are of the asked size when the key is dense', async () => {
    const path = fixture.create(`CREATE TABLE t (k INTEGER PRIMARY KEY);
      INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) SELECT i FROM n`)
    const { spec, splits } = await splitsOf(path, 10_000)
    expect(splits.map(({ upper }) => upper)).to.deep.equal([['10000'], ['20000'], ['25000']])
    checkPartition(path, spec, splits)
  })

  it('of a table that ANALYZE has not seen grow still hold every row', async () => {
    const path = table('k INTEGER PRIMARY KEY', [[1], [2]])
    const database = new Database(path)
    database.exec(`ANALYZE;
      INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n`)
    database.close()
    const { spec, splits } = await splitsOf(path, 7)
    checkPartition(path, spec, splits)
  })

  it('refuse a text key that is not UTF-8', async () => {
    const path = fixture.create(
      "CREATE TABLE t (k TEXT NOT NULL UNIQUE); INSERT INTO t VALUES (CAST(x'ff' AS TEXT))",
    )
    let code: unknown
    await splitsOf(path, 7).catch((thrown: { code: string }) => (code = thrown.code))
    expect(code).to.equal('DATA_REJECTED')
  })
})
