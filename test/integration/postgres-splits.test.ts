// Whatever the key of a table of PostgreSQL: its splits hold every row exactly once, counted by the server.
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { postgresDialect } from '../../plugins/postgres/dialect.js'
import postgres from '../../plugins/postgres/plugin.js'
import type { ReadSpec, Split } from '../../src/contract/plugin.js'
import { chooseKey } from '../../src/plan/split-key.js'
import { selectSql, splitQuery } from '../../src/sql/select.js'
import { type Client, connect } from '../support/client.js'
import { addressOf, server } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { until } from '../support/until.js'

const SEED = 19
const ROWS = 90
const SIZES = [1, 7, 10_000]
const NEVER = new AbortController().signal

const text = (value: string) => `'${value.replaceAll("'", "''")}'`
const letters = fc.constantFrom('a', 'A', 'b', 'B', 'é', 'É', 'ß', '中', '😀', "'", '\\', ' ', '_', 'z', '\t')
const words = fc.array(letters, { maxLength: 6 }).map((word) => text(word.join('')))
const bytes = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((raw) => `'\\x${Buffer.from(raw).toString('hex')}'`)
const whole = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String)
const orOdd = (of: fc.Arbitrary<string>, ...odd: string[]) =>
  fc.oneof({ weight: 8, arbitrary: of }, { weight: 1, arbitrary: fc.constantFrom(...odd.map(text)) })
const seconds = fc.integer({ min: 0, max: 86_399_999_999 }).map((micro) => `interval '${micro} microseconds'`)
const some = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 4, nil: 'NULL' })

const TYPES = `
  CREATE TYPE mood AS ENUM ('z', 'a', '10', '2', 'it''s');
  CREATE DOMAIN code AS varchar(9) COLLATE "C" CHECK (value <> 'never');
  CREATE COLLATION ignoring (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE EXTENSION citext;
  CREATE TABLE taken (row_no int, split int)`

/** Name, columns, and a literal for each column. Rows whose key is taken are left out by the server. */
const KEYS: readonly (readonly [string, string, ...fc.Arbitrary<string>[]])[] = [
  ['smallint', 'k smallint', whole(-(1n << 15n), (1n << 15n) - 1n)],
  ['bigint, all of it', 'k bigint', whole(-(1n << 63n), (1n << 63n) - 1n)],
  ['bigint, dense', 'k bigint', whole(-60n, 60n)],
  ['oid', 'k oid', whole(0n, (1n << 32n) - 1n)],
  [
    'numeric, with NaN and infinities',
    'k numeric',
    orOdd(
      whole(-(10n ** 25n), 10n ** 25n).map((n) => `${n}e-10`),
      'NaN',
      'Infinity',
      '-Infinity',
    ),
  ],
  [
    'double precision, with NaN and infinities',
    'k double precision',
    orOdd(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => text(String(n))),
      'NaN',
      'Infinity',
      '-Infinity',
      '-0',
    ),
  ],
  ['real', 'k real', fc.float({ noNaN: true }).map((n) => text(String(n)))],
  ['boolean', 'k boolean', fc.constantFrom('true', 'false')],
  [
    'date, with years before Christ',
    'k date',
    orOdd(
      fc.integer({ min: 0, max: 3_000_000 }).map((day) => `date '4713-01-01 BC' + ${day}`),
      'infinity',
      '-infinity',
    ),
  ],
  [
    'time',
    'k time',
    orOdd(
      seconds.map((s) => `time '00:00' + ${s}`),
      '24:00:00',
    ),
  ],
  [
    'timestamptz',
    'k timestamptz',
    orOdd(
      seconds.map((s) => `timestamptz '2024-10-26 22:00:00+00' + ${s}`),
      'infinity',
      '-infinity',
      '0044-03-15 12:00:00+00 BC',
      '12024-03-15 12:00:00+00',
    ),
  ],
  ['timestamp', 'k timestamp', seconds.map((s) => `timestamp '2024-10-26 22:00:00' + ${s}`)],
  ['text by Unicode rules', 'k text', words],
  ['text, binary', 'k text COLLATE "C"', words],
  ['text under a collation that takes different texts for equal', 'k text COLLATE ignoring', words],
  ['citext', 'k citext', words],
  ['char(n)', 'k char(9)', words],
  ['a domain', 'k code', words],
  ['uuid', 'k uuid', fc.uuid().map(text)],
  ['bytea', 'k bytea', fc.integer({ min: 0, max: 9 }).chain(bytes)],
  ['an enum', 'k mood', fc.constantFrom("'z'", "'a'", "'10'", "'2'", "'it''s'")],
  ['two columns', 'a int, b text COLLATE ignoring', whole(0n, 3n), words],
  ['a tenant and a number', 'a mood, b bigint', fc.constantFrom("'z'", "'a'", "'10'"), whole(0n, 99n)],
  [
    'four columns',
    'a boolean, b date, c bytea, d text',
    fc.constantFrom('true', 'false'),
    fc.constantFrom("'2024-01-01'", "'2024-02-29'"),
    bytes(1),
    words,
  ],
]

async function fill(
  client: Client,
  columns: string,
  values: readonly fc.Arbitrary<string>[],
  unique: string,
): Promise<void> {
  const names = columns.split(/, (?=[a-d] )/).map((column) => column.split(' ')[0])
  const rows = fc.sample(fc.tuple(...values), { seed: SEED, numRuns: ROWS })
  const inserts = rows.map((row, i) => `(${[i, ...row].join(', ')})`)
  await client.query(
    `DROP TABLE IF EXISTS t; CREATE TABLE t (row_no int NOT NULL, ${columns}, ${unique} (${names.join(', ')}));
     ${inserts.map((row) => `INSERT INTO t (row_no, ${names.join(', ')}) VALUES ${row} ON CONFLICT DO NOTHING`).join(';')};
     ANALYZE t`,
  )
}

/** Every row of `t` in exactly one split, says the server. */
async function checkPartition(
  client: Client,
  { server: at, database }: TestDatabase,
  splitRows: number,
): Promise<void> {
  const url = `${at.url}/${database}`
  const connection = postgres.connectionFromUrl(new URL(url), url)
  const reader = postgres.createReader!({ plugin: '', connection, session: [] })
  await reader.connect()
  try {
    const table = await reader.describe('t')
    const { key } = chooseKey(table, null)
    expect(key, 'a key to split by').not.to.equal(null)
    const spec = { table, key, splitRows, where: null, columns: [table.columns[0]!] } as unknown as ReadSpec
    await client.query('TRUNCATE TABLE taken')
    for await (const split of reader.split(spec, () => splitRows, NEVER)) await take(client, spec, split)
    const [row] = await client.query(
      `SELECT count(*), count(DISTINCT row_no), (SELECT count(*) FROM t),
              (SELECT max(n) FROM (SELECT count(*) AS n FROM taken GROUP BY split) q) FROM taken`,
    )
    const [held, different, total, largest] = row!.map(Number)
    expect({ held, different }).to.deep.equal({ held: total, different: total })
    if (!key!.nullable) expect(largest, 'the largest split').to.be.at.most(splitRows * 2)
  } finally {
    await reader.close()
  }
}

async function take(client: Client, spec: ReadSpec, split: Split): Promise<void> {
  const rows = selectSql(splitQuery(postgresDialect, spec, split))
  await client.query(`INSERT INTO taken SELECT row_no, ${split.index} FROM (${rows}) q`)
}

describe('splits of PostgreSQL hold every row once', () => {
  for (const [name, columns, ...values] of KEYS) {
    it(`by ${name}`, async () => {
      const db = await TestDatabase.create(server('postgres'), TYPES)
      const client = await connect('postgres', { ...addressOf(db.server), database: db.database })
      try {
        for (const unique of ['PRIMARY KEY', 'UNIQUE']) {
          await fill(client, columns, unique === 'PRIMARY KEY' ? values : values.map(some), unique)
          for (const size of SIZES) await checkPartition(client, db, size)
        }
      } finally {
        await client.end()
      }
    })
  }

  it('by none, where the operators of its type are not found by their names', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE SCHEMA hidden; CREATE EXTENSION citext SCHEMA hidden; CREATE TABLE taken (row_no int, split int);
       CREATE TABLE t (row_no int, k hidden.citext PRIMARY KEY);
       INSERT INTO t SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'B' END || i FROM generate_series(1, 90) i; ANALYZE t; CREATE TABLE u (LIKE t)`,
    )
    const outcome = await db.copy('t', 'u', { read_batch: 10 })
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.splits).to.equal(1)
    expect(await db.value('SELECT count(*) FROM u')).to.equal('90')
  })

  it('by moments, in whatever zone the user has them', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE t (k timestamptz PRIMARY KEY); CREATE TABLE u (LIKE t);
       INSERT INTO t SELECT '2024-01-01 00:00:00-05'::timestamptz + i * interval '1 hour' FROM generate_series(0, 90) i; ANALYZE t`,
    )
    const outcome = await db.copy('t', 'u', { read_batch: 10, time_zone: '-05:00' })
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.splits).to.be.above(5)
    await db.expectEqual('t', 'u')
  })

  it('by an index, however little the server knows about the table', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE t (k text PRIMARY KEY, v text) WITH (autovacuum_enabled = false); CREATE TABLE u (LIKE t);
       INSERT INTO t SELECT 'key ' || i, repeat('x', 50) FROM generate_series(1, 9000) i`,
    )
    const outcome = await db.copy('t', 'u', { read_batch: 300 })
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.splits).to.equal(30)
    await db.expectEqual('t', 'u')
    // Each row twice, for the bounds and in its split; sorting what is left for each bound would take half of the table 30 times more.
    const sums = `SELECT idx_tup_read FROM pg_stat_user_indexes WHERE relname = 't'`
    await until('the statistics', async () => Number(await db.value(sums)) >= 9000)
    expect(Number(await db.value(sums))).to.be.below(40_000)
  })

  it('by money', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE t (k money PRIMARY KEY); CREATE TABLE u (LIKE t); INSERT INTO t SELECT (i * 1234.5)::numeric::money FROM generate_series(-45, 45) i; ANALYZE t`,
    )
    const outcome = await db.copy('t', 'u', { read_batch: 10 })
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.splits).to.be.above(5)
    await db.expectEqual('t', 'u')
  })
})
