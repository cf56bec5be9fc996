// One value of each type that differs as little as a value of that type can is found, and equal rows are equal, between any two servers.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { expectEqual, verify } from '../support/verifying.js'

/** A column type, a value, and its neighbour; both as SQL expressions. */
type Neighbours = readonly [type: string, value: string, neighbour: string]

const EVERYWHERE: readonly Neighbours[] = [
  ['TINYINT', '1', '0'],
  ['BIGINT', '-9223372036854775808', '-9223372036854775807'],
  ['BIGINT UNSIGNED', '18446744073709551615', '18446744073709551614'],
  ['BIGINT(20) UNSIGNED ZEROFILL', '18446744073709551615', '18446744073709551614'],
  ['YEAR', '2024', '2025'],
  ['YEAR', '0', 'NULL'],
  [
    'DECIMAL(65,30)',
    '12345678901234567890123456789012345.123456789012345678901234567891',
    '12345678901234567890123456789012345.123456789012345678901234567890',
  ],
  ['DECIMAL(5,2)', '-0.01', '0.01'],
  ['FLOAT', '0.1', '0.10000001'],
  ['FLOAT', '16777216', '16777215'],
  ['DOUBLE', '-1.2345678901234567e-20', '-1.234567890123457e-20'],
  ['DOUBLE', '1.2345678901234568e-5', '1.2345678901234566e-5'],
  ['DOUBLE', '5e-324', '1e-323'],
  ['DOUBLE', '1.7976931348623157e308', '1.7976931348623155e308'],
  ['DOUBLE', '9007199254740993e0', '9007199254740990e0'],
  ['DOUBLE', '0', '-5e-324'],
  ['DOUBLE(30,20)', '123.45678901234568', '123.45678901234567'],
  ['CHAR(5)', "'a'", "'A'"],
  ['VARCHAR(20) COLLATE utf8mb4_unicode_ci', "'x'", "'X'"],
  ['VARCHAR(20) COLLATE utf8mb4_general_ci', "'y'", "'y '"],
  ['VARCHAR(20)', "''", 'NULL'],
  ['VARCHAR(20)', "'?'", "'\\\\u0000'"],
  ['VARCHAR(20) CHARACTER SET latin1', "_latin1 x'80'", "_latin1 x'81'"],
  ['VARCHAR(20) CHARACTER SET gbk', "_gbk x'B0A1'", "_gbk x'B0A2'"],
  ['VARCHAR(20) CHARACTER SET utf16', "_utf16 x'D83DDCE6'", "_utf16 x'D83DDCE7'"],
  ['VARCHAR(20) CHARACTER SET ucs2', "_ucs2 x'FFFD'", "_ucs2 x'FFFC'"],
  ['TEXT', "'é'", "'e\u0301'"],
  ['LONGTEXT COLLATE utf8mb4_bin', "'1'", "'1\\n'"],
  ['BLOB', "x'80FF'", "x'81FE'"],
  ['BLOB', "x'80'", "x'3F'"],
  ['BINARY(4)', "x'61000000'", "x'61000001'"],
  ['VARBINARY(9)', "x'6100'", "x'61'"],
  ['BIT(1)', "b'1'", "b'0'"],
  ['BIT(64)', '18446744073709551615', '18446744073709551614'],
  ["ENUM('a','A ','1')", "'a'", "'1'"],
  ["SET('x','y','z')", "'x,y'", "'y'"],
  ['GEOMETRY', 'POINT(1, 2)', 'POINT(1, 2.0000000000000004)'],
  ['POINT', 'POINT(0, 2)', 'POINT(1e-300, 2)'],
  ['DATE', "'0000-00-00'", "'0000-01-00'"],
  ['DATE', "'2024-02-29'", "'2024-02-28'"],
  ['TIME(6)', "'-838:59:58.999999'", "'-838:59:58.999998'"],
  ['TIME', "'00:00:01'", "'-00:00:01'"],
  ['DATETIME(6)', "'9999-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999998'"],
  ['DATETIME', "'2024-01-01 00:00:00'", "'2024-01-01 00:00:01'"],
  ['TIMESTAMP(6) NULL', "'2024-10-27 01:30:00.000001'", "'2024-10-27 01:30:00.000000'"],
]

/** Types of one server, values that only it keeps, and character sets whose codes can look the same in UTF-8. */
const OWN: Readonly<Record<string, readonly Neighbours[]>> = {
  mysql: [
    ['VECTOR(3)', "STRING_TO_VECTOR('[1,2,3]')", "STRING_TO_VECTOR('[1,2,3.0000002]')"],
    ['FLOAT', '0', '-0e0'],
    ['DOUBLE', '0', '-0e0'],
    ['JSON', '\'{"a": [1, "x"]}\'', '\'{"a": ["1", "x"]}\''],
    ['JSON', '\'{"a": 1}\'', '\'{"a": 1.0}\''],
    ['JSON', "JSON_OBJECT('d', CAST('2024-01-02' AS DATE))", "JSON_OBJECT('d', '2024-01-02')"],
    ['JSON', "JSON_ARRAY('x', CAST(1 AS UNSIGNED))", "JSON_ARRAY('x', 1)"],
    ['JSON', 'JSON_ARRAY(CAST(1.5 AS DECIMAL(5,1)))', 'JSON_ARRAY(1.5e0)'],
    ['JSON', "'null'", 'NULL'],
    ['VARCHAR(20) CHARACTER SET sjis', "_sjis x'5C'", "_sjis x'815F'"],
    ['VARCHAR(20) CHARACTER SET cp932', "_cp932 x'81CA'", "_cp932 x'EEF9'"],
  ],
  mariadb: [
    ['JSON', '\'{"a": 1}\'', '\'{"a":1}\''],
    ['INET6', "'::1'", "'::2'"],
    ['INET4', "'10.0.0.1'", "'10.0.0.0'"],
    ['UUID', "'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'"],
    ['VARCHAR(20) CHARACTER SET sjis', "_sjis x'5C'", "_sjis x'815F'"],
    ['VARCHAR(20) CHARACTER SET cp932', "_cp932 x'81CA'", "_cp932 x'EEF9'"],
  ],
}

/** The modes for values that strict mode refuses, such as dates with a zero in them. */
const MODE = "SET sql_mode = '', time_zone = '+00:00'"

function tableOf(columns: readonly Neighbours[]): (name: string) => string {
  const names = columns.map((_, i) => `c${i}`)
  const rows = columns.map((_, row) => {
    const values = columns.map(([, value]) => value)
    return `(${[row + 1, ...values].join(', ')})`
  })
  return (name) =>
    `${MODE}; CREATE TABLE ${name} (id INT PRIMARY KEY, ${columns.map(([type], i) => `c${i} ${type}`).join(', ')}) DEFAULT CHARSET=utf8mb4;
     INSERT INTO ${name} (id, ${names.join(', ')}) VALUES ${rows.join(',\n')}`
}

/** The tables are equal, and stop being so where the one in `db` gets the neighbours. */
async function expectEachFound(
  from: string,
  to: string,
  columns: readonly Neighbours[],
  changed: { readonly db: TestDatabase; readonly table: string },
): Promise<void> {
  // One row to a range, so that each range's digest has to find its own difference.
  const split = ['--param', 'read_batch=1', '--param', 'worker_num=2']
  expectEqual(await verify(from, to, ...split), columns.length)
  // NULL in between: MySQL leaves JSON as it is when the new document is equal to the old one by its own rules.
  const update = (value: string, i: number) =>
    `UPDATE ${changed.table} SET c${i} = ${value} WHERE id = ${i + 1}`
  await changed.db.query(`${MODE}; ${columns.map((_, i) => update('NULL', i)).join('; ')}`)
  await changed.db.query(`${MODE}; ${columns.map(([, , neighbour], i) => update(neighbour, i)).join('; ')}`)
  const { report } = await verify(from, to, ...split)
  const found = report.found!.differentRows.map(({ key, columns }) => [key['id'], columns] as const)
  const missed = columns.filter(
    (_, i) => !found.some(([id, names]) => id === String(i + 1) && names.includes(`c${i}`)),
  )
  expect(missed, 'not found').to.deep.equal([])
  expect(report.found).to.include({ missing: 0, extra: 0, different: columns.length })
}

describe('verify, bit by bit', () => {
  for (const a of ['mariadb', 'mysql']) {
    for (const b of ['mariadb', 'mysql']) {
      it(`finds the smallest difference of every type between ${a} and ${b}`, async () => {
        const [from, to] = [a, b].map((kind) => servers().find((server) => server.kind === kind)!)
        const [source, target] = [await TestDatabase.create(from!), await TestDatabase.create(to!)]
        const columns = a === b ? [...EVERYWHERE, ...OWN[a]!] : EVERYWHERE
        await source.query(tableOf(columns)('s'))
        await target.query(tableOf(columns)('t'))
        await expectEachFound(source.url('s'), target.url('t'), columns, { db: target, table: 't' })
        // A repair would not bring the types inside JSON of MySQL back, and says so.
        const repaired = await verify(source.url('s'), target.url('t'), '--repair')
        expect(repaired.code, repaired.stderr).to.equal(a === 'mysql' && b === 'mysql' ? 3 : 0)
      })
    }
  }

  for (const kind of ['mariadb', 'mysql']) {
    it(`finds the smallest difference of every type between ${kind} and SQLite, either way`, async () => {
      const db = await TestDatabase.create(servers().find((server) => server.kind === kind)!)
      const columns = EVERYWHERE
      await db.query(`${tableOf(columns)('s')}; CREATE TABLE t LIKE s`)
      const sqlite = `sqlite:${scratchFile('db')}?table=s`
      const made = await runWithReport(['copy', '--from', db.url('s'), '--to', sqlite, '--create'])
      expect(made.code, made.stderr).to.equal(0)
      const back = await runWithReport(['copy', '--from', sqlite, '--to', db.url('t')])
      expect(back.code, back.stderr).to.equal(0)
      await expectEachFound(db.url('s'), sqlite, columns, { db, table: 's' })
      await expectEachFound(sqlite, db.url('t'), columns, { db, table: 't' })
    })
  }

  it('takes a number for equal to the float that holds it, and not to another', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, d DECIMAL(6,4), i MEDIUMINT, b BIGINT, f FLOAT);
         CREATE TABLE t (id INT PRIMARY KEY, d FLOAT, i FLOAT, b DOUBLE, f DOUBLE);
         INSERT INTO s VALUES (1, 0.1, 7, 9007199254740992, 0.1), (2, -12.3456, -8388608, -5, 3e38), (3, 0, 0, 0, 0);
         INSERT INTO t SELECT * FROM s`,
      )
      expectEqual(await verify(db.url('s'), db.url('t')), 3)
      await db.query(
        'UPDATE s SET d = 0.1001, b = 9007199254740993 WHERE id = 1; UPDATE t SET i = -8388607, f = 2.9999999e38 WHERE id = 2',
      )
      const { report } = await verify(db.url('s'), db.url('t'))
      expect(report.found!.differentRows).to.deep.equal([
        { key: { id: '1' }, columns: ['d', 'b'] },
        { key: { id: '2' }, columns: ['i', 'f'] },
      ])
    }
  })
})
