// What worker threads are to make: values of other tables, new ids, and what a transform is given and gives back.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { openTarget, transformedPairs } from '../../src/features/transform/plan.js'
import type { CellPlan } from '../../src/contract/pipeline.js'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { readParams } from '../../src/task/params.js'
import { columnsOf, planned } from './planning.js'
import { failure, Fixture, openReader } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const path = fixture.create(
  `CREATE TABLE s (id INTEGER PRIMARY KEY, no TEXT NOT NULL, f REAL, part TEXT);
   CREATE TABLE t (id INTEGER PRIMARY KEY, no TEXT, ref TEXT, g TEXT AS (no || 1));
   CREATE TABLE numbers (id INTEGER PRIMARY KEY, n INTEGER, b BLOB);
   CREATE TABLE names (no TEXT NOT NULL PRIMARY KEY, part TEXT NOT NULL, name TEXT NOT NULL, weight REAL);
   CREATE TABLE names2 (no TEXT NOT NULL PRIMARY KEY, part TEXT NOT NULL, name TEXT NOT NULL, weight REAL);
   CREATE TABLE loose (part TEXT, name TEXT)`,
)
const at = (table: string) => `${path}?table=${table}`
const plan = (columns: unknown[], params: object = {}, to = 't') =>
  planned(at('s'), at(to), { columns, ...params })
const lookup = (more: object = {}) => ({ in: 'target', table: 'names', key: 'no', value: 'name', ...more })
const looked = (more: object = {}, from: unknown = 'no') => ['id', { from, to: 'ref', lookup: lookup(more) }]
const cells = ({ pipeline }: RunPlan) => pipeline!.cells.map((cell) => `${cell.type} ${cell.name}`)
const faultsOf = async (work: Promise<unknown>) => {
  const { code, details, message } = await failure(work)
  expect(code, message).to.equal('PARAMS_INVALID')
  return details['faults'] as string[]
}

describe('a plan of lookups', () => {
  it('reads what they need, once, and judges values by the column that they come from', async () => {
    const made = await plan(['id', 'no', { from: 'no', to: 'ref', lookup: lookup() }])
    expect(cells(made)).to.deep.equal(['read id', 'read no', 'lookup ref'])
    expect(made.pipeline!.reads.map(({ name }) => name)).to.deep.equal(['id', 'no'])
    expect(columnsOf(made).at(-1)).to.equal('ref -> ref: exact')
    const missing = await plan(looked({ value: 'weight' }))
    expect(missing.write.columns.at(-1)!.source).to.include({ kind: 'float', nullable: true })
  })

  it('looks through several tables, and at what a value for missing keys may be', async () => {
    const made = await plan(looked({ table: ['names', 'names2'], missing: { value: 'nobody' } }))
    const cell = made.pipeline!.cells.find(({ type }) => type === 'lookup') as Extract<
      CellPlan,
      { type: 'lookup' }
    >
    expect(cell.lookup.tables.map(({ table }) => table.table)).to.deep.equal(['names', 'names2'])
    expect(cell.lookup.missing).to.deep.equal({ rule: 'value', value: 'nobody' })
    expect(made.write.columns.at(-1)!.source.valueRange.dynamic).to.equal(true)
  })

  it('names every fault of the keys and tables', async () => {
    expect((await faultsOf(plan(looked({ key: 'nope', value: 'neither' })))).join()).to.match(
      /"nope".*"neither"/,
    )
    expect((await faultsOf(plan(looked({}, 'f')))).join()).to.include('f is float')
    expect((await faultsOf(plan(looked({ table: 'numbers', key: 'b', value: 'n' })))).join()).to.include(
      'bytes',
    )
    expect((await faultsOf(plan(looked({ table: ['names', 'numbers'], value: 'no' })))).join()).to.include(
      'numbers',
    )
    const number = looked({ table: 'numbers', key: 'id', value: 'n', missing: { value: 'none' } }, 'id')
    expect((await faultsOf(plan(number))).join()).to.include('"none"')
    expect((await failure(plan(looked({ table: 'nowhere' })))).code).to.equal('TABLE_NOT_FOUND')
  })

  it('warns where a key may have two values', async () => {
    const { warnings } = await plan(looked({ table: 'loose', key: 'part' }, 'part'))
    expect(warnings.filter((text) => text.includes('loose'))).to.have.length(1)
    expect((await plan(looked())).warnings).to.deep.equal([])
  })
})

describe('a plan of ids', () => {
  const withId = (to: string, id: unknown, from: string | null = 'no') => ({
    ...(from ? { from } : {}),
    to,
    id,
  })

  it('keeps them in a map that holds what the column holds', async () => {
    for (const [to, type, kind] of [
      ['n', 'sequence', 'integer'],
      ['n', 'snowflake', 'integer'],
      ['b', 'uuidv7', 'bytes'],
    ] as const) {
      const made = await plan(['id', withId(to, { type, map: { table: `map_${type}` } })], {}, 'numbers')
      const cell = made.pipeline!.cells.find((each) => each.type === 'id') as Extract<
        CellPlan,
        { type: 'id' }
      >
      expect(cell.ids.type).to.equal(type)
      expect(cell.map!.write.table.table).to.equal(`map_${type}`)
      const [key, value] = cell.map!.write.table.columns
      expect([key!.name, key!.kind, value!.name, value!.kind]).to.deep.equal([
        'old_id',
        'text',
        'new_id',
        kind,
      ])
      expect(made.reasons.join()).to.include(`map_${type}`)
    }
  })

  it('counts from above what is there, under one name for all who share a map', async () => {
    const ids = async (id: object) => {
      const made = await plan(['id', withId('n', id, 'map' in id ? 'no' : null)], {}, 'numbers')
      const cell = made.pipeline!.cells.find((each) => each.type === 'id') as Extract<
        CellPlan,
        { type: 'id' }
      >
      return cell.ids.type === 'sequence'
        ? [cell.ids.sequence.name, cell.ids.sequence.above.length, cell.ids.block]
        : []
    }
    expect(await ids({ type: 'sequence' })).to.deep.equal(['numbers.n', 1, 1000])
    expect(await ids({ type: 'sequence', map: { table: 'm', value: 'v' } })).to.deep.equal(['m.v', 2, 1000])
    expect(await ids({ type: 'sequence', sequence: 'mine', block: 5 })).to.deep.equal(['mine', 1, 5])
  })

  it('makes no ids that a column cannot take', async () => {
    const faults = await faultsOf(plan(['id', withId('ref', 'sequence', null)]))
    expect(faults.join()).to.include('ref is text')
  })

  it('refuses to match rows by what each run makes', async () => {
    const columns = ['no', withId('id', 'snowflake', null)]
    const error = await failure(plan(columns, { write_mode: 'upsert' }))
    expect(error.code).to.equal('PARAMS_INVALID')
    expect(error.details).to.deep.equal({ column: 'id' })
    expect((await plan(columns)).pipeline).not.to.equal(null)
    const kept = ['no', withId('id', { type: 'snowflake', map: { table: 'm' } })]
    expect((await plan(kept, { write_mode: 'upsert' })).write.identity).to.deep.equal(['id'])
  })
})

describe('a plan of a transform', () => {
  const described = async (table: string) => {
    const reader = openReader(path)
    await reader.connect()
    try {
      return await reader.describe(table)
    } finally {
      await reader.close()
    }
  }

  it('gives a function all that the source has, under the names of the target, and must fill nothing', async () => {
    const [source, target] = [await described('s'), await described('t')]
    const names = (columns: unknown[] | null) =>
      openTarget(source, target, readParams(columns === null ? {} : { columns }).columns).columns.map(
        ({ name }) => name,
      )
    expect(names(null)).to.deep.equal(['id', 'no', 'ref', 'g', 'f', 'part'])
    expect(names(['id', { from: 'no', to: 'extra' }])).to.deep.equal(['id', 'no', 'ref', 'g', 'extra'])
    expect(names([{ from: 'no', to: 'extra' }, '*'])).to.deep.equal([
      'id',
      'no',
      'ref',
      'g',
      'extra',
      'f',
      'part',
    ])
    const open = openTarget(source, target, null)
    expect(open.columns.every(({ nullable, generated }) => nullable && !generated)).to.equal(true)
  })

  it('writes what it was given and what it says it fills, and nothing that is computed', async () => {
    const target = await described('t')
    const read = (name: string) => ({ type: 'read', name, at: 0, column: target.columns[0]! }) as const
    const written = (columns: string[]) =>
      transformedPairs(target, [read('id'), read('no'), read('f')], {
        plan: { module: 'm', timeout: 1 },
        columns,
      }).map((pair) => pair.target.name)
    expect(written([])).to.deep.equal(['id', 'no'])
    expect(written(['ref'])).to.deep.equal(['id', 'no', 'ref'])
    for (const name of ['g', 'nope']) expect(() => written([name]), name).to.throw(JSON.stringify(name))
  })
})
