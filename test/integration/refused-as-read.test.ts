// Rows that a lookup refused, copied again from the file that has them as they were read.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { Place, runWithReport, scratchFile } from '../support/copying.js'

describe('the file of rows as they were read', () => {
  it('tells a column from what the source has made of it', async () => {
    for (const server of servers()) {
      const place = await Place.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, k VARCHAR(9) NOT NULL); INSERT INTO src VALUES (1, 'a'), (2, ' b ');
         CREATE TABLE m (k VARCHAR(9) PRIMARY KEY, v INT NOT NULL); INSERT INTO m VALUES ('a', 10);
         CREATE TABLE dst (id INT PRIMARY KEY, k VARCHAR(9), v INT)`,
      )
      const columns = (from: object) => [
        'id',
        { ...from, to: 'v', lookup: { in: 'target', table: 'm', key: 'k', value: 'v' } },
        'k',
      ]
      const file = scratchFile('tsv')
      const params = { columns: columns({ from: 'k', trim: true }), error_limit: 9, dirty_file: file }
      const { report } = await place.copy('src', 'dst', params)
      expect(report).to.include({ rowsWritten: 1, dirtyRows: 1, dirtyReadFile: `${file}.read` })
      const { columns: kept } = JSON.parse(readFileSync(`${file}.read.json`, 'utf8')) as {
        columns: { name: string }[]
      }
      expect(kept.map(({ name }) => name)).to.have.members(['id', 'k', 'k_2'])
      await place.query("INSERT INTO m VALUES ('b', 20), (' b ', 99)")
      const from = ['--from', `file:${file}.read`, '--to', place.url('dst')]
      const again = JSON.stringify({ columns: columns({ from: 'k_2' }) })
      const replay = await runWithReport(['copy', ...from, '--params', again])
      expect(replay.report, replay.stderr).to.include({ rowsWritten: 1, error: null })
      expect(await place.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
        ['1', 'a', '10'],
        ['2', ' b ', '20'],
      ])
    }
  })
})
