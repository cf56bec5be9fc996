// Limits of speed hold for the whole run, and change nothing about what is copied.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, runCli } from '../support/context.js'
import { Place } from '../support/copying.js'

const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(100)); CREATE TABLE dst LIKE src;
  INSERT INTO src WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, REPEAT('x', 100) FROM n;
  CREATE TABLE keyless (v INT); INSERT INTO keyless VALUES (1), (2); CREATE TABLE keyless_copy LIKE keyless`

describe('speed', () => {
  for (const speed of [{ record: 300 }, { byte: 30_000 }]) {
    it(`${JSON.stringify(speed)} holds for all threads together, in a copy and in a comparison`, async () => {
      for (const server of oneServer()) {
        const place = await Place.create(server, TABLES)
        const ends = ['--from', place.url('src'), '--to', place.url('dst'), '--json']
        const params = ['--params', JSON.stringify({ speed, worker_num: 3 })]
        const copied = await runCli(['copy', ...ends, ...params])
        expect(copied.code, copied.stderr).to.equal(0)
        const report = JSON.parse(copied.stdout) as RunReport
        // 900 rows of 300 per second; the last split is not waited for.
        expect(report.seconds).to.be.at.least(2)
        expect(report.splits).to.be.at.least(6)
        expect(await place.value('SELECT COUNT(*) FROM src NATURAL JOIN dst')).to.equal('900')
        const compared = await runCli(['verify', ...ends, ...params])
        expect(compared.code, compared.stderr).to.equal(0)
        expect((JSON.parse(compared.stdout) as RunReport).seconds).to.be.at.least(2)
      }
    })
  }

  it('says that a table without a key is not held back', async () => {
    for (const server of oneServer()) {
      const place = await Place.create(server, TABLES)
      const ends = ['--from', place.url('keyless'), '--to', place.url('keyless_copy')]
      const { code, stderr } = await runCli(['copy', ...ends, '--param', 'speed={"record":1}'])
      expect(code, stderr).to.equal(0)
      expect(stderr).to.include('speed holds back splits, and this table has no key')
    }
  })

  it('refuses a limit of nothing', async () => {
    const { code, stderr } = await runCli([
      'copy',
      '--from',
      'mysql://localhost/a.b',
      '--to',
      'mysql://localhost/a.c',
      '--params',
      '{"speed":{"record":0}}',
    ])
    expect(code).to.equal(2)
    expect(stderr).to.include('params.speed.record')
  })
})
