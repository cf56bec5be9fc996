// What a person reads of plans and reports, and what the process ends with.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { exitCodeOf } from '../../src/cli/execution.js'
import { taskId } from '../../src/cli/options.js'
import {
  describePlan,
  describeSplits,
  formatBytes,
  formatCount,
  formatRows,
  formatSeconds,
  lastWords,
  otherRows,
  printable,
  summary,
  table,
} from '../../src/cli/output.js'
import { verifySummary } from '../../src/cli/verify-view.js'
import { noProgress } from '../../src/engine/progress.js'
import { makeReport } from '../../src/engine/report.js'
import { withSubject, withSubjects } from '../../src/engine/watermark-subject.js'
import { errorCodes, RowshiftError } from '../../src/contract/errors.js'
import { readParams } from '../../src/task/params.js'
import type { CopyRequest } from '../../src/engine/copy-request.js'
import type { RunReport, Task } from '../../src/contract/task-store.js'
import { noDifferences } from '../../src/features/verify/findings.js'
import type { VerifyReport } from '../../src/features/verify/report.js'
import { planned } from './planning.js'
import { Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const report = (more: Partial<RunReport> = {}, error: RowshiftError | null = null): RunReport => ({
  ...makeReport({
    runId: 'r1',
    taskId: null,
    params: readParams({}),
    plan: null,
    progress: noProgress,
    error,
    seconds: 2,
  }),
  ...more,
})
const copied = (rows: number, more: Partial<RunReport> = {}) =>
  report({
    rowsRead: rows,
    rowsWritten: rows,
    splits: 1,
    splitsDone: 1,
    bytes: rows * 100,
    workerNum: 2,
    ...more,
  })

describe('figures', () => {
  it('are short, and whole where they are counts', () => {
    expect([0, 999, 1_000, 1_234_567, 999_999.7].map(formatCount)).to.deep.equal([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '1,000,000',
    ])
    expect([12, 999_999, 1_500_000, 2e9].map(formatBytes)).to.deep.equal([
      '0.0 kB',
      '1000.0 kB',
      '1.5 MB',
      '2.00 GB',
    ])
    expect([0.04, 99.9, 100, 3_725].map(formatSeconds)).to.deep.equal([
      '0.0 s',
      '99.9 s',
      '1 min 40 s',
      '62 min 5 s',
    ])
    expect([formatRows(1), formatRows(2_000, 'source ')]).to.deep.equal(['1 row', '2,000 source rows'])
  })

  it('of tables stand in columns, and no control character reaches the terminal', () => {
    expect(table([])).to.equal('')
    expect(
      table([
        { id: 1, name: 'a' },
        { id: 22, name: null },
      ]),
    ).to.equal('id  name\n1   a\n22')
    expect(printable('a\u001b[31m\nb')).to.equal('a\\u001b[31m\\nb')
  })
})

describe('the last lines of a copy', () => {
  it('say how much was written, and what became of all other rows', () => {
    const [first, ...more] = summary(
      copied(1_500, {
        rowsUnchanged: 1,
        rowsSkipped: 2,
        rowsFiltered: 3,
        lookupMisses: 4,
        rowsAdded: 5,
        dirtyRows: 6,
        dirtyFile: 'd.tsv',
      }),
    ).split('\n')
    expect(first)
      .to.include('1,500 rows (150.0 kB) in 2.0 s: 750 rows/s')
      .and.to.include('1 of 1 split')
      .and.to.include('2 threads')
      .and.to.include('r1')
    expect(more.map((line) => /\d+/.exec(line)![0])).to.deep.equal(['1', '2', '3', '4', '5', '6'])
    expect(more.at(-1)).to.include('d.tsv')
  })

  it('of nothing new are other ones than those of an empty source', () => {
    const idle = { splits: 0, splitsDone: 0 }
    expect(summary(copied(0, { ...idle, mode: 'append' }))).to.match(/^Nothing new/)
    expect(summary(copied(0, idle))).to.match(/^The source is empty/)
    expect(summary(copied(0, { ...idle, mode: 'append', backfill: { since: '1', until: '2' } }))).to.match(
      /since 1 until 2/,
    )
  })

  it('end a failed run with the way on', () => {
    const failed = { status: 'failed', error: new RowshiftError('DATA_REJECTED', 'x').report() } as const
    expect(summary(copied(5, { ...failed, writeMode: 'insert' }))).to.include('"write_mode": "ignore"')
    expect(summary(copied(5, { ...failed, writeMode: 'upsert' }))).not.to.include('ignore')
    expect(summary(copied(0, failed)).split('\n')).to.have.length(1)
  })

  it('warn of rows that are not copied, or not for good', () => {
    expect(lastWords(copied(1, { sourceChanged: 'a', watermarkHeld: 'b', delays: ['c'] }))).to.deep.equal([
      'WARNING: a.',
      'WARNING: b.',
      'WARNING: c.',
    ])
    expect(lastWords(copied(1, { status: 'failed', watermarkHeld: 'b', delays: ['c'] }))).to.deep.equal([])
  })

  it('list shards, unless there are too many to read', () => {
    const shards = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        name: `t_${i}`,
        rowsWritten: i,
        rowsUnchanged: i,
        rowsSkipped: 0,
        dirtyRows: 0,
      }))
    const lines = summary(copied(3, { shards: shards(11) as unknown as RunReport['shards'] })).split('\n')
    expect(lines.slice(1, 3)).to.deep.equal(['  t_0   0 rows', '  t_1   1 row, 1 unchanged'])
    expect(lines).to.have.length(12)
    expect(summary(copied(3, { shards: shards(65) as unknown as RunReport['shards'] }))).to.include(
      '65 shards',
    )
    expect(otherRows({ rowsUnchanged: 1, rowsSkipped: 2, rowsDeleted: 3, dirtyRows: 4 })).to.have.length(4)
  })
})

describe('the last lines of a comparison', () => {
  const compared = (more: Partial<VerifyReport>): string =>
    verifySummary({
      ...copied(0),
      rowsDeleted: 0,
      sample: 100,
      splitsSkipped: 0,
      found: null,
      left: null,
      ...more,
    })
  const comparison = (more: object) => ({ ...noDifferences, sourceRows: 3, targetRows: 2, ...more })

  it('name the rows that differ, the first ones of each kind', () => {
    const missingRows = Array.from({ length: 30 }, (_, id) => ({ id: `${id}` }))
    const found = comparison({
      missing: 30,
      missingRows,
      different: 1,
      differentRows: [{ key: { id: '\t9' }, columns: ['v'] }],
    })
    const lines = compared({ found, status: 'failed' }).split('\n')
    expect(lines.filter((line) => line.startsWith('missing'))).to.have.length(20)
    expect(lines).to.include('different  id = \\t9 in v')
    expect(lines).to.include('30 missing, 0 extra, 1 different')
    expect(lines.at(-1)).to.match(/^Different: 3 source rows, 2 target rows/)
  })

  it('say that all is equal, now or after a repair, or that nobody knows', () => {
    expect(compared({ found: comparison({}) })).to.match(/^Equal: /)
    expect(
      compared({ found: comparison({ extra: 1 }), left: comparison({}), rowsDeleted: 1 })
        .split('\n')
        .slice(-2)
        .join(),
    ).to.match(/deleted 1.*Equal: /)
    expect(compared({ found: comparison({}), splitsSkipped: 5, sample: 10 })).to.include('10 %')
    expect(compared({})).to.include('did not come to its end')
  })
})

describe('a plan for people', () => {
  it('shows each column, each statement and each reason', async () => {
    const path = fixture.create(
      'CREATE TABLE s (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE m (k TEXT NOT NULL PRIMARY KEY, v TEXT)',
    )
    const lookup = { in: 'target', table: 'm', key: 'k', value: 'v' }
    const plan = await planned(`${path}?table=s`, `${path}?table=t`, {
      schema_save_mode: 'create_when_not_exist',
      columns: ['id', { from: 'a', to: 'a', lookup }],
      where: 'id > 1',
      pre_sql: ['SELECT 1'],
      post_sql: ['SELECT 2'],
    })
    const lines = describePlan(plan, 'here', 'there').split('\n')
    expect(lines[0]).to.equal('from     here table s, about 0 rows')
    expect(lines[1]).to.equal('to       there table t')
    for (const start of [
      'where    id > 1',
      'create   CREATE TABLE',
      'before   SELECT 1',
      'after    SELECT 2',
      'reason   ',
    ])
      expect(
        lines.some((line) => line.startsWith(start)),
        start,
      ).to.equal(true)
    expect(lines.find((line) => line.includes('looked up')))
      .to.include('m (k -> v)')
      .and.to.include('-> a (')
    const outline = { strategy: 'by range', query: 'SELECT\n1', explain: ['SCAN'] }
    expect(describeSplits(plan.read, outline)).to.deep.equal([
      'splits   about 0 of 1,000 rows',
      '         by range',
      'query    SELECT\n         1',
      'explain  SCAN',
    ])
  })
})

describe('the exit code', () => {
  it('is that of the error, unless the target was changed and the code promises that it was not', () => {
    expect(exitCodeOf(report())).to.equal(0)
    for (const [code, { exit }] of Object.entries(errorCodes)) {
      const failed = report({}, new RowshiftError(code as keyof typeof errorCodes, 'x'))
      expect(exitCodeOf({ ...failed, targetChanged: false }), code).to.equal(exit)
      expect(exitCodeOf({ ...failed, targetChanged: true }), code).to.equal(
        exit === 2 || exit === 3 ? 1 : exit,
      )
      expect(exitCodeOf({ ...failed, status: 'skipped' }), code).to.equal(0)
    }
  })
})

describe('a task', () => {
  it('has a whole number', () => {
    expect(taskId('5')).to.equal(5)
    for (const text of ['', ' ', 'x', '1.5', '1e3', '0x5', '99999999999999999999'])
      expect(() => taskId(text), text).to.throw(RowshiftError)
  })

  it('that was changed does not go on from its watermark', () => {
    const task = {
      id: 5,
      from_app: 'a',
      from_db_type: 'x',
      from_db: 'd',
      from_table: 's',
      to_app: 'b',
      to_db_type: 'x',
      to_db: 'd',
      to_table: 't',
    } as Task
    const params = (more: object = {}) => readParams({ mode: 'append', where: 'a = 1', ...more })
    const watermarks = withSubjects(report({ watermarks: { append: '7' } }), task, params())
    const check = (now: Task, more: object = {}, marks: Record<string, string> = watermarks) => {
      const request = { savedWatermarks: { watermarks: marks, fromTarget: false }, params: params(more) }
      withSubject(request as unknown as CopyRequest, now)
    }
    check(task)
    check(task, { worker_num: 9, write_mode: 'upsert' })
    check({ ...task, to_table: 'other' }, {}, { append: '7' })
    for (const [now, more] of [
      [{ ...task, to_table: 'other' }, {}],
      [task, { where: 'a = 2' }],
      [task, { columns: ['id'] }],
      [task, { pk: { src: 'k', dest: 'k' } }],
    ] as const)
      expect(() => check(now, more), JSON.stringify(more))
        .to.throw(RowshiftError)
        .with.property('code', 'PARAMS_INVALID')
  })
})
