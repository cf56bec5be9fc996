import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import {
  collect,
  copy,
  failure,
  Fixture,
  makePlan,
  NEVER,
  openReader,
  openWriter,
  WHOLE,
} from './sqlite-fixture.js'

describe('sqlite reader refuses', function () {
  this.timeout(60_000)
  const fixture = new Fixture()
  after(() => fixture.remove())

  const unreadable: readonly (readonly [string, string])[] = [
    ['INTEGER', "'abc'"],
    ['INTEGER', '1.5'],
    ['INTEGER', "x'00'"],
    ['DECIMAL', '9e999'],
    ['DATE', '9e999'],
    ['STRING', '-9e999'],
    ['DECIMAL', "'abc'"],
    ['TEXT', "x'61'"],
    ['TEXT', "x''"],
    ['TEXT', "CAST(x'61ff' AS TEXT)"],
    ['TEXT', "CAST(x'efbfbdff' AS TEXT)"],
    ['TEXT', "CAST(x'eda080' AS TEXT)"],
    ['BLOB', "'a'"],
    ['BLOB', '1'],
    ['DATE', '1700000000'],
    ['DATE', "'10:11:12'"],
    ['DATETIME', "'yesterday'"],
    ['STRING', "x'61'"],
    ['', '1, 2'],
  ]
  for (const [type, value] of unreadable) {
    it(`to read ${value} from a column of type ${type || 'none'}`, async () => {
      // The last case needs a first value of another class, for the guess at the column's kind.
      const values = type === '' ? "(6, 'a'), (7, 1)" : `(7, ${value})`
      const ddl = `CREATE TABLE t (id INTEGER PRIMARY KEY, v ${type})`
      const from = fixture.create(`${ddl}; INSERT INTO t VALUES ${values}`)
      const error = await failure(copy(from, fixture.create(ddl), 't'))
      expect(error.code).to.equal('DATA_REJECTED')
      expect(error.message).to.include('Column v').and.include('"t"').and.include('id = 7')
    })
  }

  it('to read on after an abort, and closes the statement when the consumer stops', async () => {
    const rows =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n'
    const path = fixture.create(`CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t ${rows}`)
    const reader = openReader(path)
    const writer = openWriter(path)
    await reader.connect()
    await writer.connect()
    const plan = await makePlan(reader, writer, 't', 't', { batchBytes: 100 })
    const abort = new AbortController()
    const aborted = (async () => {
      for await (const _ of reader.read(plan.read, WHOLE, abort.signal)) abort.abort()
    })()
    expect((await failure(aborted)).code).to.equal('INTERRUPTED')
    for await (const _ of reader.read(plan.read, WHOLE, NEVER)) break
    expect(
      (await collect(reader.read(plan.read, WHOLE, NEVER))).reduce((sum, { rows }) => sum + rows, 0),
    ).to.equal(1000)
    await reader.close()
    await writer.close()
  })
})
