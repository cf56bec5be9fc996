// Rows that a run rejected, copied again with the same params from the file that has them: by `run --retry` and `copy --retry`.
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, runWithReport, scratchFile } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'

async function run(fixture: TaskFixture, ...args: string[]) {
  const file = scratchFile('json')
  const outcome = await fixture.cli('run', '1', ...args, '--report', file)
  return { ...outcome, report: JSON.parse(readFileSync(file, 'utf8')) as RunReport }
}

function rowsOf(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

/** Five rows: 1 is written; the key of 2 and 3 is missing in the lookup, 4 has no key for its id, and `where` leaves 5 out. */
const TABLES = `
  CREATE TABLE s (id INT PRIMARY KEY, k VARCHAR(9) NOT NULL, w VARCHAR(9) NOT NULL, u VARCHAR(40), e DOUBLE NOT NULL, gone INT);
  INSERT INTO s VALUES (1, ' a ', 'x', 'one', 0.1, 1), (2, ' b', 'y\\ty', 'two', 0.30000000000000004, 2), (3, 'c', '\\\\N', 'three', -0.0, 3),
    (4, 'a', 'z', NULL, 4, 4), (5, 'q', 'z', 'five', 5, 5);
  CREATE TABLE m (k VARCHAR(9) PRIMARY KEY, v INT NOT NULL); INSERT INTO m VALUES ('a', 10), (' b', 99);
  CREATE TABLE t (pk INT PRIMARY KEY, v INT, joined VARCHAR(30), u VARCHAR(40), uid BIGINT, e DOUBLE)`

const COLUMNS = [
  { from: 'id', to: 'pk' },
  { from: 'k', trim: true, to: 'v', lookup: { in: 'source', table: 'm', key: 'k', value: 'v' } },
  { template: '{K}/{w}', to: 'joined' },
  { from: 'u', to: 'u' },
  { from: 'u', to: 'uid', id: { type: 'sequence', map: { table: 'u_map' } } },
  '*',
  { from: 'w', to: null },
  { from: 'gone', to: null },
]

const WRITTEN = `SELECT COUNT(*) FROM t JOIN s ON s.id = t.pk JOIN m ON m.k = TRIM(s.k) LEFT JOIN u_map ON old_id = s.u
  WHERE t.v = m.v AND t.joined = CONCAT(s.k, '/', s.w) AND t.u <=> s.u AND t.uid <=> new_id AND t.e = s.e`

describe('rows that were rejected as they were read', () => {
  it('are copied again with the same params, by task and by file, and what is left is rejected once more', async () => {
    for (const server of servers()) {
      const fixture = await TaskFixture.create(server)
      const { database } = fixture
      await database.query(TABLES)
      const dirty_file = scratchFile('tsv')
      const params = {
        columns: COLUMNS,
        where: 'id < 5',
        error_limit: 9,
        dirty_file,
        pre_sql: 'DELETE FROM @table',
      }
      await fixture.addTask(1, 't', { from: 's', params: JSON.stringify(params) })
      const first = await run(fixture)
      const read = `${dirty_file}.read`
      expect(first.report, first.stderr).to.include({ rowsWritten: 1, dirtyRows: 3, dirtyReadFile: read })
      const marks = await fixture.json('watermark', '1')

      // Nothing has changed: all are rejected again, into another file.
      const again = await run(fixture, '--retry', read)
      expect(again.code, again.stderr).to.equal(0)
      expect(again.report).to.include({ rowsRead: 3, rowsWritten: 0, dirtyRows: 3 })

      await database.query("INSERT INTO m VALUES ('b', 20)")
      const second = await run(fixture, '--retry', read)
      expect(second.code, second.stderr).to.equal(0)
      expect(second.report).to.include({ rowsRead: 3, rowsWritten: 1, dirtyRows: 2 })
      expect(second.report.dirtyReadFile).to.equal(`${dirty_file}.${second.report.runId}.read`)
      expect(await database.value(WRITTEN)).to.equal('2')
      expect(await fixture.json('watermark', '1')).to.deep.equal(marks)
      expect(await fixture.status(1)).to.equal('success')

      await database.query("INSERT INTO m VALUES ('c', 30)")
      const from = ['copy', '--retry', second.report.dirtyReadFile!, '--from', database.url('s'), '--to']
      const strict = ['--params', JSON.stringify({ ...params, error_limit: 0 })]
      const failed = await runWithReport([...from, database.url('t'), ...strict])
      expectRefusal(failed, 1, 'DATA_REJECTED', 'NULL')
      const third = await runWithReport([...from, database.url('t'), '--params', JSON.stringify(params)])
      expect(third.code, third.stderr).to.equal(0)
      expect(third.report).to.include({ rowsWritten: 1, dirtyRows: 1 })
      expect(rowsOf(third.report.dirtyReadFile!)).to.have.length(1)
      expect(await database.value(WRITTEN)).to.equal('3')
      expect(await database.value('SELECT COUNT(*) FROM t')).to.equal('3')
    }
  })

  it('pass a transform that was corrected', async () => {
    for (const server of [oneServer()[0]!, null]) {
      const fixture = await TaskFixture.create(server)
      const transform = scratchFile('mjs')
      const module = (condition: string) =>
        writeFileSync(
          transform,
          `export default (row) => { if (${condition}) throw new Error('odd'); return { ...row, v: row.v + row.v } }`,
        )
      module('row.id > 1')
      const params = { transform, error_limit: 5, dirty_file: scratchFile('tsv') }
      await fixture.addTask(1, 'dst', { params: JSON.stringify(params) })
      const first = await run(fixture)
      expect(first.report, first.stderr).to.include({ rowsWritten: 1, dirtyRows: 2 })
      module('row.id > 2')
      const second = await run(fixture, '--retry', first.report.dirtyReadFile!)
      expect(second.report, second.stderr).to.include({ rowsWritten: 1, dirtyRows: 1, watermark: null })
      module('false')
      const third = await run(fixture, '--retry', second.report.dirtyReadFile!)
      expect(third.report, third.stderr).to.include({ rowsWritten: 1, dirtyRows: 0, dirtyFile: null })
      const equal = 'SELECT COUNT(*) FROM dst JOIN src ON src.id = dst.id AND dst.v = 2 * src.v'
      expect(Number(await fixture.data.value(equal))).to.equal(3)
    }
  })
})

describe('rows that the target rejected', () => {
  it('are copied again under the names and with the losses of the task', async () => {
    for (const server of servers()) {
      const fixture = await TaskFixture.create(server)
      await fixture.database.query(`
        CREATE TABLE a (id INT PRIMARY KEY, n VARCHAR(9), f DOUBLE); INSERT INTO a VALUES (1, 'x', 1.5), (2, 'y', 2.5), (3, 'x', 3.5);
        CREATE TABLE b (pk INT PRIMARY KEY, name VARCHAR(20), g FLOAT, CONSTRAINT c CHECK (name <> 'x!' OR pk < 3))`)
      const columns = [
        { from: 'id', to: 'pk' },
        { template: '{n}!', to: 'name' },
        { from: 'f', to: 'g' },
      ]
      const params = {
        columns,
        allow_lossy: ['f'],
        error_limit: 5,
        dirty_file: scratchFile('tsv'),
        worker_num: 1,
      }
      await fixture.addTask(1, 'b', { from: 'a', params: JSON.stringify(params) })
      const first = await run(fixture)
      expect(first.report, first.stderr).to.include({ rowsWritten: 2, dirtyRows: 1 })
      const file = first.report.dirtyFile!
      await fixture.database.query('ALTER TABLE b DROP CONSTRAINT c')
      const second = await run(fixture, '--retry', file)
      expect(second.report, second.stderr).to.include({ rowsWritten: 1, dirtyRows: 0, error: null })
      expect(await fixture.database.query('SELECT pk, name, g FROM b ORDER BY pk')).to.deep.equal([
        ['1', 'x!', '1.5'],
        ['2', 'y!', '2.5'],
        ['3', 'x!', '3.5'],
      ])
      // The row is there now, and the file is not taken for one of another table.
      expect((await run(fixture, '--retry', file)).report).to.include({ rowsWritten: 0, dirtyRows: 1 })
      await fixture.addTask(2, 'dst', { from: 'a' })
      expectRefusal(await fixture.cli('run', '2', '--retry', file), 2, 'USAGE', 'rejected for table b', 'dst')
      expectRefusal(
        await fixture.cli('run', '1', '--retry', `${file}.no`),
        2,
        'TABLE_NOT_FOUND',
        `${file}.no`,
      )
      expectRefusal(await fixture.cli('run', '1', '--retry', file, '--mode', 'sync'), 2, 'USAGE', '--mode')
    }
  })
})
