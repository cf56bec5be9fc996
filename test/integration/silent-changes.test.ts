// Changes that a server makes without a word: refused by the plan; accepted, they are checked value by value.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { expectRefusal, Place } from '../support/copying.js'

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
  ['DOUBLE', '0.5', 'FLOAT'],
  ['VARCHAR(5)', "'b'", "ENUM('a','b')"],
  ['VARCHAR(9)', "'x,y'", "SET('x','y')"],
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

async function tables(place: Place, source: string, value: string, target: string): Promise<void> {
  await place.query(
    `SET sql_mode = '', time_zone = '+00:00'; DROP TABLE IF EXISTS src, dst; CREATE TABLE src (id INT PRIMARY KEY, v ${source});
     CREATE TABLE dst (id INT PRIMARY KEY, v ${target}); INSERT INTO src VALUES (7, ${value})`,
  )
}

const BOTH_PATHS = ['insert', 'load-data'] as const

describe('values that the target would change without saying so', () => {
  it('are refused by the plan; accepted and still without a counterpart, they fail the run', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      await place.query('SET GLOBAL local_infile = ON')
      for (const [source, value, target, lost] of CHANGED) {
        const what = `${source} ${value} to ${target} on ${server.kind}`
        await tables(place, source, value, target)
        expectRefusal(await place.copy('src', 'dst'), 3, 'LOSSY', 'v: ', lost, '"allow_lossy": ["v"]')
        for (const path of BOTH_PATHS) {
          const outcome = await place.copy('src', 'dst', { write_path: path, allow_lossy: ['v'] })
          expect(outcome.code, `${what} by ${path}: ${outcome.stderr}`).to.equal(1)
          expectRefusal(outcome, 1, 'DATA_REJECTED', 'src.v', 'dst.v', 'id = "7"')
          expect(await place.value('SELECT COUNT(*) FROM dst')).to.equal('0')
        }
      }
      if (server.kind === 'mysql') await place.query('SET GLOBAL local_infile = OFF')
    }
  }).timeout(300_000)

  it('are changed as announced, the same way everywhere, when that is accepted', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      await place.query('SET GLOBAL local_infile = ON')
      for (const [source, value, target, lost, stored] of CUT) {
        const what = `${source} ${value} to ${target} on ${server.kind}`
        await tables(place, source, value, target)
        const refused = await place.copy('src', 'dst')
        expect(refused.code, `${what}: ${refused.stderr}`).to.equal(3)
        expectRefusal(refused, 3, 'LOSSY', 'v: ', lost, '"allow_lossy": ["v"]')
        for (const path of BOTH_PATHS) {
          await place.query('TRUNCATE TABLE dst')
          const { code, stderr } = await place.copy('src', 'dst', { write_path: path, allow_lossy: ['v'] })
          expect(code, `${what} by ${path}: ${stderr}`).to.equal(0)
          const cell = target === 'FLOAT' ? 'v * 1e0' : 'v'
          expect(await place.value(`SELECT ${cell} FROM dst`), `${what} by ${path}`).to.equal(stored)
        }
      }
      if (server.kind === 'mysql') await place.query('SET GLOBAL local_infile = OFF')
    }
  }).timeout(300_000)

  it('and only those: what stays equal is copied', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      for (const [cases, params] of [
        [KEPT, { allow_lossy: ['v'] }],
        [WIDENED, {}],
      ] as const) {
        for (const [source, value, target] of cases) {
          await tables(place, source, value, target)
          const { code, stderr } = await place.copy('src', 'dst', params)
          expect(code, `${source} ${value} to ${target} on ${server.kind}: ${stderr}`).to.equal(0)
          const equal = await place.value(
            'SELECT a.v = b.v OR CAST(a.v AS CHAR) = CAST(b.v AS CHAR) FROM src a JOIN dst b USING (id)',
          )
          expect(equal, `${source} ${value} to ${target}`).to.equal('1')
        }
      }
    }
  })
})
