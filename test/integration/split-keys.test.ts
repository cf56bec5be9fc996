// Whatever the key: the splits of a table hold every row exactly once, counted by the server.
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { createConnection, type Connection } from 'mysql2/promise'
import mysql from '../../plugins/mysql/plugin.js'
import { mysqlDialect } from '../../plugins/mysql/dialect.js'
import { selectSql, splitQuery } from '../../src/sql/select.js'
import type { ReadSpec, Reader, RowshiftError, Split } from '../../src/contract/plugin.js'
import { chooseKey } from '../../src/plan/split-key.js'
import { servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'

const SEED = 11
const ROWS = 90
const SIZES = [1, 7, 10_000]
const NEVER = new AbortController().signal

const letters = fc.constantFrom('a', 'A', 'b', 'B', 'é', 'É', 'ß', '中', '😀', "'", '\\', ' ', '_', 'z', '\t')
const words = fc
  .array(letters, { maxLength: 6 })
  .map((word) => `'${word.join('').replaceAll(/['\\]/g, '\\$&')}'`)
const latin = fc
  .array(fc.constantFrom('a', 'A', 'é', 'z', ' '), { maxLength: 5 })
  .map((word) => `'${word.join('')}'`)
const bytes = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((raw) => `x'${Buffer.from(raw).toString('hex')}'`)
const whole = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String)
const moment = fc
  .tuple(fc.integer({ min: 0, max: 86_399 }), fc.integer({ min: 0, max: 999_999 }))
  .map(
    ([second, micro]) =>
      `ADDTIME('2024-10-27 00:00:00', SEC_TO_TIME(${second}) + 0.${String(micro).padStart(6, '0')})`,
  )
const some = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 4, nil: 'NULL' })

/** Name, columns, and a literal for each column. Rows whose key is taken are left out by the server. */
const KEYS: readonly (readonly [string, string, ...fc.Arbitrary<string>[]])[] = [
  ['TINYINT', 'k TINYINT', whole(-128n, 127n)],
  ['BIGINT', 'k BIGINT', whole(-(1n << 63n), (1n << 63n) - 1n)],
  ['BIGINT UNSIGNED above 2^63', 'k BIGINT UNSIGNED', whole((1n << 64n) - 5_000n, (1n << 64n) - 1n)],
  ['DECIMAL', 'k DECIMAL(30,10)', whole(-(10n ** 25n), 10n ** 25n).map((n) => `${n}e-10`)],
  ['DOUBLE', 'k DOUBLE', fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n.toExponential())],
  ['DATETIME(6)', 'k DATETIME(6)', moment],
  ['TIMESTAMP(6) in an hour that comes twice', 'k TIMESTAMP(6)', moment],
  [
    'TIME(3)',
    'k TIME(3)',
    fc.integer({ min: -3_000_000, max: 3_000_000 }).map((n) => `SEC_TO_TIME(${n}e-1)`),
  ],
  ['YEAR', 'k YEAR', fc.integer({ min: 1901, max: 2155 }).map(String)],
  ['text, accents and case ignored', 'k VARCHAR(20) COLLATE utf8mb4_general_ci', words],
  ['text by Unicode rules', 'k VARCHAR(20) COLLATE utf8mb4_unicode_ci', words],
  ['text, binary', 'k VARCHAR(20) COLLATE utf8mb4_bin', words],
  ['CHAR in latin1, Swedish', 'k CHAR(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci', latin],
  ['text in gbk', 'k VARCHAR(9) CHARACTER SET gbk', latin],
  ['BINARY(16)', 'k BINARY(16)', bytes(16)],
  ['VARBINARY', 'k VARBINARY(9)', fc.integer({ min: 0, max: 9 }).chain(bytes)],
  ['BIT(40)', 'k BIT(40)', whole(0n, (1n << 40n) - 1n)],
  ['ENUM', "k ENUM('z','a','10','2')", fc.integer({ min: 0, max: 4 }).map(String)],
  ['two columns', 'a INT, b VARCHAR(20) COLLATE utf8mb4_general_ci', whole(0n, 3n), words],
  [
    'a tenant and a number',
    "a ENUM('z','a','10'), b BIGINT",
    fc.integer({ min: 1, max: 3 }).map(String),
    whole(0n, 99n),
  ],
  [
    'three columns',
    'a TINYINT, b DATE, c BINARY(2)',
    whole(0n, 2n),
    fc.constantFrom("'2024-01-01'", "'2024-02-29'"),
    bytes(2),
  ],
  [
    'five columns',
    'a BIT(2), b INT, c CHAR(1), d INT, e INT',
    whole(0n, 1n),
    whole(0n, 1n),
    fc.constantFrom("'a'", "'B'", "'é'"),
    whole(0n, 2n),
    whole(0n, 3n),
  ],
]

async function fill(
  connection: Connection,
  columns: string,
  values: readonly fc.Arbitrary<string>[],
  unique: string,
): Promise<void> {
  const names = columns.split(/, (?=[a-e] )/).map((column) => column.split(' ')[0])
  const key =
    unique === 'PRIMARY KEY' ? columns.replaceAll(/, (?=[a-e] )/g, ' NOT NULL, ') + ' NOT NULL' : columns
  await connection.query('DROP TABLE IF EXISTS t, taken')
  await connection.query(
    `CREATE TABLE t (row_no INT NOT NULL, ${key}, ${unique} (${names.join(', ')})) CHARACTER SET utf8mb4`,
  )
  await connection.query('CREATE TABLE taken (row_no INT, split INT)')
  const rows = fc.sample(fc.tuple(...values), { seed: SEED, numRuns: ROWS })
  const inserts = rows.map((row, i) => `(${[i, ...row].join(', ')})`)
  await connection.query(`INSERT IGNORE INTO t (row_no, ${names.join(', ')}) VALUES ${inserts.join(', ')}`)
}

/** Every row of `t` in exactly one split, says the server. */
async function checkPartition(connection: Connection, db: TestDatabase, splitRows: number): Promise<void> {
  const url = `${db.server.url}/${db.database}`
  const endpoint = {
    plugin: '',
    connection: mysql.connectionFromUrl(new URL(url), url),
    session: [],
  }
  const reader = mysql.createReader!(endpoint)
  await reader.connect()
  try {
    const source = await reader.describe('t')
    const { key } = chooseKey(source, null)
    expect(key, 'a key to split by').not.to.equal(null)
    const rowNo = source.columns[0]!
    const spec = {
      table: source,
      key,
      splitRows,
      where: null,
      columns: [rowNo],
    } as unknown as ReadSpec
    await connection.query('TRUNCATE TABLE taken')
    const splits: Split[] = []
    for await (const split of reader.split(spec, () => splitRows, NEVER)) {
      splits.push(split)
      await connection.query(
        `INSERT INTO taken SELECT row_no, ${split.index} FROM (${selectSql(splitQuery(mysqlDialect, spec, split))}) q`,
      )
    }
    const [[result]] = (await connection.query(
      `SELECT COUNT(*) AS held, COUNT(DISTINCT row_no) AS different, (SELECT COUNT(*) FROM t) AS total,
              (SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM taken GROUP BY split) q) AS largest FROM taken`,
    )) as unknown as [[{ held: number; different: number; total: number; largest: number }]]
    const { held, different, total, largest } = result
    expect({ held, different }).to.deep.equal({ held: total, different: total })
    if (!key!.nullable) expect(largest, 'the largest split').to.be.at.most(splitRows * 2)
    if (splitRows === 1 && total > 1 && !key!.nullable)
      await checkEnd(reader, { ...spec, where: '1 = 1) OR (1 = 1' })
  } finally {
    await reader.close()
  }
}

/** A condition that reaches beyond its brackets takes the bounds out of force. */
async function checkEnd(reader: Reader, spec: ReadSpec): Promise<void> {
  let count = 0
  try {
    for await (const _ of reader.split(spec, () => 1, NEVER)) expect(++count).to.be.at.most(ROWS)
  } catch (thrown) {
    expect((thrown as RowshiftError).code, String(thrown)).to.equal('INTERNAL')
    expect((thrown as Error).message).to.include('the splits would never end')
    return
  }
  expect.fail('the splits ended as if nothing were wrong')
}

describe('splits hold every row once', () => {
  for (const [name, columns, ...values] of KEYS) {
    it(`by ${name}`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(server)
        const { host, port, user, password } = server
        const connection = await createConnection({
          host,
          port,
          user,
          password,
          database: db.database,
          charset: 'utf8mb4',
        })
        try {
          await connection.query("SET sql_mode = '', time_zone = '+00:00'")
          for (const unique of ['PRIMARY KEY', 'UNIQUE KEY']) {
            const literals = unique === 'PRIMARY KEY' ? values : values.map(some)
            await fill(connection, columns, literals, unique)
            for (const size of SIZES) await checkPartition(connection, db, size)
          }
        } finally {
          await connection.end()
        }
      }
    })
  }
})
