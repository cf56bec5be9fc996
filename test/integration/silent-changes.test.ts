// Changes that a server makes without a word: refused by the plan; accepted, they are checked value by value.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn, pathsInto } from '../support/cases.js'
import { query, server, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import { sqliteFile } from '../support/sqlite.js'

/** Source type, value, target type, and what the refused plan says is lost. */
const CHANGED = [
  ['VARCHAR(20)', "'1.5'", 'INT', /not an integer \("1\.5" in the row with id = "7"\)/],
  ['DECIMAL(5,2)', '1.50', 'BIGINT', /fractions \("1\.50"/],
  ['DOUBLE', '0.5', 'INT', /fractions/],
  ['VARCHAR(30)', "'2024-1-2'", 'DATE', /not a date/],
  ['DATETIME', "'2024-01-02 03:04:05'", 'DATE', /the time of day \("2024-01-02 03:04:05"/],
  ['BIGINT', '9007199254740993', 'DOUBLE', /integers beyond 9007199254740992/],
  ['DECIMAL(40,20)', '0.12345678901234567890', 'DOUBLE', /digits beyond the first 15/],
  ['VARCHAR(5)', "'1'", "ENUM('a','b')", /not a member of the target \("1"/],
  ['VARCHAR(5)', "'A'", "ENUM('a','b')", /not a member of the target \("A"/],
  ['INT', '70', 'YEAR', /not a year/],
  ['DATETIME NULL', 'NULL', "TIMESTAMP NOT NULL DEFAULT '2024-01-01'", /loses NULL; .* \(NULL in the row/],
] as const

/** Source type, value, target type, what the refused plan says, and what is stored when the loss is accepted. */
const CUT = [
  ['DATETIME(6)', "'2024-01-01 00:00:00.9'", 'DATETIME', /fractions of a second/, '2024-01-01 00:00:00'],
  [
    'DATETIME(6)',
    "'2024-01-01 00:00:00.999999'",
    'TIMESTAMP(3) NULL',
    /digits of a second beyond 3; times before/,
    '2024-01-01 00:00:00.999',
  ],
  ['TIME(3)', "'01:02:03.004'", 'TIME(2)', /digits of a second beyond 2 \("01:02:03\.004"/, '01:02:03.00'],
  ['DOUBLE', '0.1234567890123', 'FLOAT', /digits beyond the first 6/, '0.12345679104328156'],
  ['VARCHAR(20)', "'ends in a space '", 'CHAR(20)', /spaces at the end/, 'ends in a space'],
  ['VARBINARY(4)', "'ab'", 'BINARY(4)', /shorter than 4 bytes is padded/, 'ab\0\0'],
  ['DECIMAL(9,4)', '-1.2999', 'DECIMAL(9,2)', /digits beyond 2 decimal places \("-1.2999"/, '-1.29'],
  ['INT', '-5', 'INT UNSIGNED', /numbers below 0 \("-5"/, '0'],
  ['BIGINT', '300', 'TINYINT', /numbers above 127 \("300"/, '127'],
  ['VARCHAR(20)', "'数据📦 é'", 'VARCHAR(4) CHARACTER SET latin1', /longer than 4 .*outside latin1/, '??? '],
  ['VARCHAR(20)', "'数据📦é'", 'VARCHAR(20) CHARACTER SET gbk', /outside gbk/, '数据?é'],
  ['VARCHAR(20)', "'数📦'", 'VARCHAR(20) CHARACTER SET utf8mb3', /emoji/, '数?'],
  ['VARBINARY(9)', "'abcdef'", 'VARBINARY(3)', /more than 3 bytes/, 'abc'],
  ['TEXT', "'ééééé'", 'VARCHAR(3)', /text longer than 3 characters/, 'ééé'],
] as const

/** What fits is stored, if the loss that others would suffer is accepted. */
const KEPT = [
  ['VARCHAR(20)', "'-15'", 'INT'],
  ['DECIMAL(5,2)', '7.00', 'INT'],
  ['DATETIME(6)', "'2024-01-01 00:00:00.500'", 'DATETIME(1)'],
  ['DATETIME', "'2024-01-01'", 'DATE'],
  ['DOUBLE', '0.5', 'FLOAT'],
  ['VARCHAR(5)', "'b'", "ENUM('a','b')"],
  ['VARCHAR(9)', "'x,y'", "SET('x','y')"],
  ["SET('a','','b')", '6', "SET('a','','b') NOT NULL"],
  ['INT', '1999', 'YEAR'],
  ['VARBINARY(4)', "'abcd'", 'BINARY(4)'],
] as const

/** What every value of the source survives needs no acceptance. */
const WIDENED = [
  ['DATE', "'2024-02-29'", 'DATETIME(6)'],
  ['DATE', "'2024-00-00'", 'DATETIME'],
  ['TIMESTAMP(3) NULL', "'2024-01-01 00:00:00.123'", 'DATETIME(3)'],
  ['INT', '2147483647', 'DOUBLE'],
  ['INT', '5', 'VARCHAR(20)'],
  ["ENUM('b','1')", "'1'", "ENUM('1','2','b')"],
  ['YEAR', '1999', 'SMALLINT'],
  ['BIT(5)', "b'10101'", 'BIT(9)'],
  ['TEXT CHARACTER SET utf8mb3', "'é'", 'TEXT'],
] as const

type Case = readonly [source: string, value: string, target: string, ...rest: unknown[]]

/** One row with a column per case: `v0`, `v1`, … */
async function tables(db: TestDatabase, cases: readonly Case[]): Promise<void> {
  const columns = (side: 0 | 2) => cases.map((one, i) => `v${i} ${one[side]}`).join(', ')
  await db.query(
    `SET sql_mode = '', time_zone = '+00:00'; DROP TABLE IF EXISTS src, dst; CREATE TABLE src (id INT PRIMARY KEY, ${columns(0)});
     CREATE TABLE dst (id INT PRIMARY KEY, ${columns(2)}); INSERT INTO src VALUES (7, ${cases.map(([, value]) => value).join(', ')})`,
  )
}

function names(cases: readonly Case[]): string[] {
  return cases.map((_, i) => `v${i}`)
}

const BOTH_PATHS = ['insert', 'load-data'] as const

describe('values that the target would change without saying so', () => {
  before(() => setLocalInfile('ON'))
  after(() => setLocalInfile('OFF'))

  it('are refused by the plan, every column at once, with the value and its row', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      const cases = [...CHANGED, ...CUT]
      await tables(db, cases)
      const outcome = await db.copy('src', 'dst')
      expectRefusal(outcome, 3, 'LOSSY', JSON.stringify(names(cases)))
      for (const [i, [source, value, target, lost]] of cases.entries()) {
        const line = outcome.stderr.split('\n').find((one) => one.trim().startsWith(`v${i}: `))
        expect(line, `${source} ${value} to ${target} on ${server.kind}`).to.match(lost)
      }
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('fail the run when their loss is accepted and they have no counterpart in the other kind', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      for (const [i, one] of CHANGED.entries()) {
        await tables(db, [one])
        const params = { write_path: pathOn(server.kind, BOTH_PATHS[i % 2]!), allow_lossy: ['v0'] }
        const outcome = await db.copy('src', 'dst', params)
        expect(outcome.code, `${one.join(' ')} on ${server.kind}: ${outcome.stderr}`).to.equal(1)
        expectRefusal(outcome, 1, 'DATA_REJECTED', 'src.v0', 'dst.v0', 'id = "7"')
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      }
    }
  }).timeout(300_000)

  it('fail the run where the source declares nothing: white space that CHAR cuts off, sets that are written anew', async () => {
    const computed: Case[] = [
      ['VARCHAR(20)', String.raw`'abcdefghij\n'`, 'CHAR(10)'],
      ['VARCHAR(20)', String.raw`'abcdéfghij\t'`, 'CHAR(10)'],
      ['VARCHAR(9)', "'x,x'", "SET('x','y')"],
      ['VARCHAR(9)', "'y,x'", "SET('x','y')"],
    ]
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      for (const [i, one] of computed.entries()) {
        for (const write_path of pathsInto(server.kind)) {
          await tables(db, [one])
          const columns = ['id', { to: 'v0', sql: "CONCAT(v0, '')" }]
          const outcome = await db.copy('src', 'dst', { write_path, columns })
          expect(
            outcome.code,
            `${one.join(' ')} on ${server.kind} by ${write_path}: ${outcome.stderr}`,
          ).to.equal(1)
          expectRefusal(outcome, 1, 'DATA_REJECTED', 'dst.v0', 'id = "7"')
        }
        await db.query(i < 2 ? "UPDATE src SET v0 = 'abcdéfghij'" : "UPDATE src SET v0 = 'x,y'")
        const fits = await db.copy('src', 'dst', { columns: ['id', { to: 'v0', sql: "CONCAT(v0, '')" }] })
        expect(fits.code, fits.stderr).to.equal(0)
        expect(
          await db.value('SELECT COUNT(*) FROM src JOIN dst USING (id) WHERE src.v0 = BINARY dst.v0'),
        ).to.equal('1')
      }
    }
  })

  it('are announced where text becomes JSON that the server writes anew', async () => {
    const db = await TestDatabase.create(server('mysql'), 'CREATE TABLE dst (id INT PRIMARY KEY, j JSON)')
    const file = sqliteFile(
      `CREATE TABLE src (id INTEGER PRIMARY KEY, j TEXT); INSERT INTO src VALUES (7, '{"n": 12345678901234567890123, "n": 1}')`,
    )
    const copy = (params: object) =>
      runWithReport([
        'copy',
        '--from',
        `sqlite:${file}?table=src`,
        '--to',
        db.url('dst'),
        '--params',
        JSON.stringify(params),
      ])
    expectRefusal(await copy({}), 3, 'LOSSY', 'the spelling of JSON')
    const accepted = await copy({ allow_lossy: ['j'] })
    expect(accepted.code, accepted.stderr).to.equal(0)
  })

  it('are changed as announced, the same way everywhere, when that is accepted', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      for (const path of pathsInto(server.kind)) {
        await tables(db, CUT)
        const { code, stderr } = await db.copy('src', 'dst', { write_path: path, allow_lossy: names(CUT) })
        expect(code, `${server.kind} by ${path}: ${stderr}`).to.equal(0)
        expect(stderr).to.match(/warning +accepted loss: v0: /)
        for (const [i, [source, value, target, , stored]] of CUT.entries()) {
          const cell = await db.value(`SELECT v${i}${target === 'FLOAT' ? ' * 1e0' : ''} FROM dst`)
          expect(cell, `${source} ${value} to ${target} on ${server.kind} by ${path}`).to.equal(stored)
        }
      }
    }
  })

  it('are refused by their form: addresses and UUIDs of MariaDB, SRIDs of MySQL', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      if (server.kind === 'mariadb') {
        const values = [
          "'::ffff:192.0.2.1'",
          "'2001:db8::1:1:1:1:1'",
          "'1:0:0:2::3'",
          "'2001:db8:0:1:1:1:1:1'",
        ]
        for (const [i, value] of values.entries()) {
          await tables(db, [
            ['VARCHAR(50)', value, 'INET6'],
            ['CHAR(36)', 'UUID()', 'UUID'],
          ])
          expectRefusal(await db.copy('src', 'dst'), 3, 'LOSSY', 'not an IPv6 address', 'not a UUID')
          const { code, stderr } = await db.copy('src', 'dst', { allow_lossy: ['v0', 'v1'] })
          expect(code, `${value}: ${stderr}`).to.equal(i === 3 ? 1 : 0)
          const same =
            'SELECT COUNT(*) FROM src JOIN dst ON src.v0 = CAST(dst.v0 AS CHAR) AND src.v1 = CAST(dst.v1 AS CHAR)'
          expect(await db.value(same), value).to.equal(i === 3 ? '0' : '1')
        }
      } else {
        await tables(db, [
          ['POINT', "ST_GeomFromText('POINT(1 2)', 4326)", 'POINT SRID 4326'],
          ['POINT', 'NULL', 'GEOMETRY'],
        ])
        expectRefusal(
          await db.copy('src', 'dst'),
          3,
          'LOSSY',
          'v0: point to point loses values that are not a point of SRID 4326',
        )
        const accepted = await db.copy('src', 'dst', { allow_lossy: ['v0'] })
        expect(accepted.code, accepted.stderr).to.equal(0)
        expect(await db.value('SELECT COUNT(*) FROM src JOIN dst ON HEX(src.v0) = HEX(dst.v0)')).to.equal('1')
      }
    }
  })

  it('and only those: what stays equal is copied', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      for (const [cases, params] of [
        [KEPT, { allow_lossy: names(KEPT) }],
        [WIDENED, {}],
      ] as const) {
        await tables(db, cases)
        const { code, stderr } = await db.copy('src', 'dst', params)
        expect(code, `${server.kind}: ${stderr}`).to.equal(0)
        for (const [i, [source, value, target]] of cases.entries()) {
          const equal = await db.value(
            `SET sql_mode = ''; SELECT a.v${i} = b.v${i} OR CAST(a.v${i} AS CHAR) = CAST(b.v${i} AS CHAR) FROM src a JOIN dst b USING (id)`,
          )
          expect(equal, `${source} ${value} to ${target} on ${server.kind}`).to.equal('1')
        }
      }
    }
  })
})

async function setLocalInfile(value: 'ON' | 'OFF'): Promise<void> {
  for (const server of servers()) {
    if (server.kind === 'mysql') await query(server, `SET GLOBAL local_infile = ${value}`)
  }
}
