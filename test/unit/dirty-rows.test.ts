import { mkdirSync, readFileSync, statSync, writeFileSync, existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { forEachRow } from '../../src/wire/each-row.js'
import type { RowFileSchema } from '../../src/wire/row-file.js'
import { checkPercentage, DirtyFile, noDirtyFiles } from '../../src/engine/dirty-file.js'
import type { DirtySetup } from '../../src/engine/messages.js'
import { noCounts } from '../../src/engine/messages.js'
import { noProgress } from '../../src/engine/progress.js'
import type { TableSchema } from '../../src/contract/plugin.js'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { DirtyRows } from '../../workers/dirty-rows.js'
import { batch, draftPlan, Fixture } from './sqlite-fixture.js'

const column = {
  type: 'int',
  kind: 'integer',
  nullable: false,
  hasDefault: false,
  generated: false,
  ordered: true,
  valueRange: {},
} as const
const table = (name: string, ...columns: string[]): TableSchema => ({
  table: name,
  identity: name,
  columns: columns.map((column_) => ({ ...column, name: column_ })),
  keys: [],
  estimatedRows: null,
  estimatedRowBytes: null,
})

function planFor(record: number, percentage: number | null = null): RunPlan {
  const plan = draftPlan(table('s', 'a', 'b'), table('t', 'x', 'y'))
  return { ...plan, write: { ...plan.write, errorLimit: { record, percentage } } }
}

describe('the file for refused rows', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())
  const path = (name: string) => join(fixture.directory, name)
  const fault = (work: () => unknown): RowshiftError => {
    try {
      work()
    } catch (error) {
      return error as RowshiftError
    }
    return expect.fail('no error')
  }

  it('is not made when no row is tolerated', () => {
    expect(DirtyFile.create('run', planFor(0), path('none.tsv'))).to.equal(null)
    expect(existsSync(path('none.tsv'))).to.equal(false)
  })

  it('describes the columns of the source by the names of the target, and only its owner may read it', () => {
    DirtyFile.create('run', planFor(1), path('a.tsv'))
    const schema = JSON.parse(readFileSync(path('a.tsv.json'), 'utf8')) as RowFileSchema
    expect(schema).to.include({ format: 'rowshift-rows-1', runId: 'run', source: 's', target: 't' })
    expect(schema.columns).to.deep.equal([
      { ...column, name: 'x', cells: 'utf8' },
      { ...column, name: 'y', cells: 'utf8' },
    ])
    for (const file of ['a.tsv', 'a.tsv.json']) expect(statSync(path(file)).mode & 0o077, file).to.equal(0)
  })

  it('goes away when no row came, and stays when one did', () => {
    expect(DirtyFile.create('run', planFor(1), path('b.tsv'))!.close()).to.deep.equal(noDirtyFiles)
    expect(existsSync(path('b.tsv')) || existsSync(path('b.tsv.json'))).to.equal(false)
    const file = DirtyFile.create('run', planFor(1), path('b.tsv'))!
    writeFileSync(path('b.tsv'), '1\n')
    expect(file.close()).to.deep.equal({ dirtyFile: path('b.tsv'), dirtyReadFile: null })
  })

  it('has another one beside it for rows as they were read, where the plan has a pipeline', () => {
    const plan = planFor(1)
    const reads = [{ ...column, name: 'b' }]
    const staged = { ...plan, pipeline: { reads, values: [], cells: [], transform: null } }
    const file = DirtyFile.create('run', staged, path('r.tsv'))!
    const rows = new DirtyRows(file.setup)
    rows.addRead(batch('7'), new RowshiftError('DATA_REJECTED', 'bad', { column: 'b' }))
    expect(() => rows.add(batch('1\t2'), new RowshiftError('DATA_REJECTED', 'one more'))).to.throw('one more')
    rows.save()
    expect(file.close()).to.deep.equal({ dirtyFile: null, dirtyReadFile: path('r.tsv.read') })
    expect(readFileSync(path('r.tsv.read'), 'utf8')).to.equal('7\tDATA_REJECTED\tb\tbad\n')
    const schema = JSON.parse(readFileSync(path('r.tsv.read.json'), 'utf8')) as RowFileSchema
    expect(schema.columns).to.deep.equal([{ ...reads[0], cells: 'utf8' }])
    writeFileSync(path('s.tsv.read'), "another run's\n")
    expect(fault(() => DirtyFile.create('run', staged, path('s.tsv')))).to.include({ code: 'USAGE' })
    expect(existsSync(path('s.tsv')) || existsSync(path('s.tsv.json'))).to.equal(false)
  })

  it('is refused where it would take the place of something', () => {
    writeFileSync(path('rows.tsv'), "another run's\n")
    writeFileSync(path('package.json'), '{}')
    mkdirSync(path('folder'))
    for (const name of ['rows.tsv', 'package', 'folder', 'missing/x.tsv']) {
      const error = fault(() => DirtyFile.create('run', planFor(1), path(name)))
      expect(error.code, name).to.equal('USAGE')
      expect(error.message).to.include(path(name)).and.to.include('dirty_file')
    }
    expect(fault(() => DirtyFile.create('run', planFor(1), '/dev/null')).message).to.include('regular file')
    expect(readFileSync(path('rows.tsv'), 'utf8')).to.equal("another run's\n")
    expect(readFileSync(path('package.json'), 'utf8')).to.equal('{}')
    expect(existsSync(path('package')), 'nothing is left').to.equal(false)
  })

  it('of a run that was killed does not block the next, and its rows are kept', () => {
    const killed = (name: string, text: string, writer: object) => {
      writeFileSync(path(name), text)
      const schema = { format: 'rowshift-rows-1', runId: 'r1', source: 's', target: 't', columns: [], writer }
      writeFileSync(path(`${name}.json`), JSON.stringify(schema))
    }
    // No process has so high a number.
    const dead = { host: hostname(), pid: 2 ** 30 }
    killed('k.tsv', '1\n', dead)
    const file = DirtyFile.create('r2', planFor(1), path('k.tsv'))!
    expect(file.warnings.join()).to.include('run r1 did not end').and.to.include(path('k.tsv.r1'))
    expect(readFileSync(path('k.tsv.r1'), 'utf8')).to.equal('1\n')
    expect(JSON.parse(readFileSync(path('k.tsv.r1.json'), 'utf8'))).to.include({ runId: 'r1' })
    writeFileSync(path('k.tsv'), '2\n')
    expect(file.close().dirtyFile).to.equal(path('k.tsv'))
    expect(JSON.parse(readFileSync(path('k.tsv.json'), 'utf8'))).not.to.have.property('writer')

    killed('e.tsv', '', dead)
    expect(DirtyFile.create('r2', planFor(1), path('e.tsv'))!.warnings).to.deep.equal([])
    // A process that lives, this very one, and one that cannot be asked for.
    expect(fault(() => DirtyFile.create('r3', planFor(1), path('e.tsv'))).message).to.include(
      'another "dirty_file"',
    )
    for (const writer of [
      { host: hostname(), pid: process.ppid },
      { host: 'elsewhere', pid: 1 },
    ]) {
      killed('l.tsv', '1\n', writer)
      const error = fault(() => DirtyFile.create('r2', planFor(1), path('l.tsv')))
      expect(error.message).to.include(`process ${writer.pid} on ${writer.host}`)
      expect(readFileSync(path('l.tsv'), 'utf8')).to.equal('1\n')
    }
  })

  it('is for its owner only, also where it was there with another mode', () => {
    for (const name of ['m.tsv', 'm.tsv.json']) writeFileSync(path(name), '', { mode: 0o644 })
    DirtyFile.create('run', planFor(1), path('m.tsv'))
    for (const name of ['m.tsv', 'm.tsv.json'])
      expect(statSync(path(name)).mode & 0o777, name).to.equal(0o600)
  })

  it('gets the row and three more cells, at the commit', () => {
    const setup = dirtySetup('c.tsv', 5)
    const rows = new DirtyRows(setup)
    rows.add(batch('1\t\\N'), new RowshiftError('DUPLICATE_KEY', 'said\tthe\nserver \\', { column: 'y' }))
    rows.add(batch('a\\tb\t'), new RowshiftError('DATA_REJECTED', '中'))
    expect(readFileSync(setup.file, 'utf8')).to.equal('')
    rows.save()
    const cells: (string | undefined)[][] = []
    forEachRow({ bytes: readFileSync(setup.file), rows: 2 }, (row) =>
      cells.push(row.map((cell) => cell?.toString())),
    )
    expect(cells).to.deep.equal([
      ['1', undefined, 'DUPLICATE_KEY', 'y', 'said\tthe\nserver \\'],
      ['a\tb', '', 'DATA_REJECTED', undefined, '中'],
    ])
    rows.save()
    expect(readFileSync(setup.file, 'utf8').match(/\n/g), 'nothing twice').to.have.length(2)
  })

  it('gets nothing of a split that is rolled back, whose rows do not count', () => {
    const setup = dirtySetup('d.tsv', 2)
    const error = new RowshiftError('DATA_REJECTED', 'bad', { table: 't' })
    const first = new DirtyRows(setup)
    const second = new DirtyRows(setup)
    first.add(batch('1'), error)
    second.add(batch('2'), error)
    expect(fault(() => new DirtyRows(setup).add(batch('3'), error)))
      .to.include({ code: 'DATA_REJECTED' })
      .with.property('message', 'bad That is one more than the 2 rejected rows that error_limit tolerates.')
    const late = dirtySetup('e.tsv', 1)
    const gone = new DirtyRows(late)
    gone.add(batch('1'), error)
    gone.discard()
    const again = new DirtyRows(late)
    again.add(batch('1'), error)
    again.save()
    expect(readFileSync(late.file, 'utf8')).to.equal('1\tDATA_REJECTED\t\\N\tbad\n')
  })

  it('is written early when a split has very many, and that split is not run again', () => {
    const setup = dirtySetup('f.tsv', 100)
    const rows = new DirtyRows(setup)
    const large = batch('x'.repeat(1 << 20))
    for (let i = 0; i < 9; i++) rows.add(large, new RowshiftError('DATA_REJECTED', 'bad'))
    expect(rows.saved).to.equal(true)
    rows.save()
    expect(readFileSync(setup.file).length).to.be.greaterThan(9 << 20)
  })

  it('that vanished or is full stops the split', () => {
    const rows = new DirtyRows({ ...dirtySetup('g.tsv', 1), file: '/dev/full' })
    rows.add(batch('1'), new RowshiftError('DATA_REJECTED', 'bad'))
    expect(fault(() => rows.save())).to.include({ code: 'DIRTY_FILE_FAILED' })
  })

  it('percentage is of the rows read', () => {
    const progress = (dirtyRows: number) => ({
      ...noProgress,
      done: { ...noCounts, rowsRead: 200, dirtyRows },
    })
    checkPercentage(planFor(9, 2.5), progress(5))
    checkPercentage(planFor(9), progress(5))
    checkPercentage(planFor(9, 0), noProgress)
    const error = fault(() => checkPercentage(planFor(9, 2.5), progress(6)))
    expect(error.code).to.equal('DATA_REJECTED')
    expect(error.message).to.include('6 of 200 rows (3.00 %)').and.to.include('2.5 %')
  })

  function dirtySetup(name: string, limit: number): DirtySetup {
    writeFileSync(path(name), '')
    return { file: path(name), readFile: null, limit, rows: new BigUint64Array(new SharedArrayBuffer(8)) }
  }
})
