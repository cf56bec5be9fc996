// Changes that a server makes without a word: refused, with the value and the row named.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { expectRefusal, Place } from '../support/copying.js'

/** Source type, value, target type. */
const CHANGED = [
  ['VARCHAR(20)', "'1.5'", 'INT'],
  ['DECIMAL(5,2)', '1.50', 'BIGINT'],
  ['DOUBLE', '0.5', 'INT'],
  ['DATETIME(6)', "'2024-01-01 00:00:00.9'", 'DATETIME'],
  ['DATETIME(6)', "'2024-01-01 00:00:00.999999'", 'TIMESTAMP(3) NULL'],
  ['TIME(3)', "'01:02:03.004'", 'TIME(2)'],
  ['VARCHAR(30)', "'2024-1-2'", 'DATE'],
  ['DATETIME', "'2024-01-02 03:04:05'", 'DATE'],
  ['DOUBLE', '0.1234567890123', 'FLOAT'],
  ['BIGINT', '9007199254740993', 'DOUBLE'],
  ['DECIMAL(40,20)', '0.12345678901234567890', 'DOUBLE'],
  ['VARCHAR(20)', "'ends in a space '", 'CHAR(20)'],
  ['VARBINARY(4)', "'ab'", 'BINARY(4)'],
  ['VARCHAR(5)', "'1'", "ENUM('a','b')"],
  ['VARCHAR(5)', "'A'", "ENUM('a','b')"],
  ['INT', '70', 'YEAR'],
  ['DATETIME NULL', 'NULL', "TIMESTAMP NOT NULL DEFAULT '2024-01-01'"],
] as const

const KEPT = [
  ['VARCHAR(20)', "'-15'", 'INT'],
  ['DECIMAL(5,2)', '7.00', 'INT'],
  ['DATETIME(6)', "'2024-01-01 00:00:00.500'", 'DATETIME(1)'],
  ['DATE', "'2024-02-29'", 'DATETIME(6)'],
  ['TIMESTAMP(3) NULL', "'2024-01-01 00:00:00.123'", 'DATETIME(3)'],
  ['INT', '2147483647', 'DOUBLE'],
  ['DOUBLE', '0.5', 'FLOAT'],
  ['VARCHAR(5)', "'b'", "ENUM('a','b')"],
  ['VARCHAR(9)', "'x,y'", "SET('x','y')"],
  ['INT', '1999', 'YEAR'],
  ['VARBINARY(4)', "'abcd'", 'BINARY(4)'],
  ['INT', '5', 'VARCHAR(20)'],
] as const

async function tables(place: Place, source: string, value: string, target: string): Promise<void> {
  await place.query(
    `SET sql_mode = '', time_zone = '+00:00'; DROP TABLE IF EXISTS src, dst; CREATE TABLE src (id INT PRIMARY KEY, v ${source});
     CREATE TABLE dst (id INT PRIMARY KEY, v ${target}); INSERT INTO src VALUES (7, ${value})`,
  )
}

describe('values that the target would change without saying so', () => {
  it('are refused, named, and nothing is written, by both write paths', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      await place.query('SET GLOBAL local_infile = ON')
      for (const [source, value, target] of CHANGED) {
        await tables(place, source, value, target)
        for (const path of ['insert', 'load-data']) {
          const outcome = await place.copy('src', 'dst', { write_path: path })
          expect(outcome.code, `${source} ${value} to ${target} by ${path} on ${server.kind}`).to.equal(1)
          expectRefusal(outcome, 1, 'DATA_REJECTED', 'src.v', 'dst.v', 'id = "7"')
          expect(await place.value('SELECT COUNT(*) FROM dst')).to.equal('0')
        }
      }
      if (server.kind === 'mysql') await place.query('SET GLOBAL local_infile = OFF')
    }
  }).timeout(300_000)

  it('and only those: what stays equal is copied', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      for (const [source, value, target] of KEPT) {
        await tables(place, source, value, target)
        const { code, stderr } = await place.copy('src', 'dst')
        expect(code, `${source} ${value} to ${target} on ${server.kind}: ${stderr}`).to.equal(0)
        const equal = await place.value(
          'SELECT a.v = b.v OR CAST(a.v AS CHAR) = CAST(b.v AS CHAR) FROM src a JOIN dst b USING (id)',
        )
        expect(equal, `${source} ${value} to ${target}`).to.equal('1')
      }
    }
  })
})
