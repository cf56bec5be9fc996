// How two tables are compared: which columns, along which ranges, and what is not looked at.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { closeAll, openAll } from '../../src/contract/opening.js'
import { OpenConnections } from '../../src/engine/open-connections.js'
import { endpointsOf, readersOf } from '../../src/engine/endpoints.js'
import { comparisonSetup } from '../../src/features/verify/comparison-setup.js'
import type { VerifyPlan } from '../../src/features/verify/plan.js'
import { makeVerifyPlan } from '../../src/features/verify/plan.js'
import { requested } from './planning.js'
import { failure, Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const TABLE = '(id INTEGER PRIMARY KEY, a TEXT, b INT)'
const path = fixture.create(
  `CREATE TABLE s ${TABLE}; CREATE TABLE t ${TABLE}; CREATE TABLE keyless (id INT, a TEXT, b INT); CREATE TABLE named (a TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, b INT);
   CREATE TABLE named2 (a TEXT NOT NULL PRIMARY KEY, b INT); CREATE TABLE part (id INTEGER PRIMARY KEY, g TEXT AS (id || 1), own TEXT);
   CREATE TABLE t_0 ${TABLE}; CREATE TABLE t_1 ${TABLE}; CREATE TABLE map (old_id TEXT NOT NULL PRIMARY KEY, new_id INTEGER NOT NULL)`,
)

async function plan(from: string, to: string, params: object = {}): Promise<VerifyPlan> {
  const request = await requested(`${path}?table=${from}`, `${path}?table=${to}`, params)
  const { session } = request.params
  const readersAt = (end: typeof request.from) => readersOf(end.loaded.plugin, endpointsOf(end, session))
  const [readers, targetReaders] = [readersAt(request.from), readersAt(request.to)]
  const connections = new OpenConnections({
    source: request.from,
    target: request.to,
    others: {},
    session,
    signal: undefined,
  })
  try {
    await openAll([...readers, ...targetReaders])
    return await makeVerifyPlan({ ...request, readers, targetReaders, connections }, request.params, null)
  } finally {
    await closeAll([...readers, ...targetReaders, connections])
  }
}

const pairs = ({ columns }: VerifyPlan) =>
  columns.map(({ source, target }) => `${source.name}-${target.name}`)

describe('a plan of a comparison', () => {
  it('compares what a copy writes, range by range of the key', async () => {
    const made = await plan('s', 't')
    expect(pairs(made)).to.deep.equal(['id-id', 'a-a', 'b-b'])
    expect(made).to.deep.include({
      identity: [0],
      written: 3,
      pipeline: null,
      sharding: null,
      workerNum: 4,
      warnings: [],
    })
    expect([made.source.key!.columns[0]!.name, made.target.key!.columns[0]!.name]).to.deep.equal(['id', 'id'])
    expect(made.digest, 'these databases hash nothing').to.equal(null)
    expect(JSON.parse(JSON.stringify(made))).to.deep.equal(made)
  })

  it('compares the whole as one range where both ends need not agree on what lies between two keys', async () => {
    for (const [from, to, why] of [
      ['s', 'keyless', 'no unique key on id'],
      ['named', 'named2', 'sort'],
      ['keyless', 't', 'no unique key'],
    ] as const) {
      const made = await plan(from, to)
      expect([made.source.key, made.target.key, made.workerNum], from).to.deep.equal([null, null, 1])
      expect(made.reasons.join(), from).to.include(why)
    }
    expect((await plan('keyless', 't')).identity, 'rows are counted').to.equal(null)
    expect((await plan('s', 'keyless')).identity).to.deep.equal([0])
    const without = await plan('s', 't', { columns: ['a', 'b'] })
    expect([without.source.key, without.identity], 'the key is not copied').to.deep.equal([null, null])
  })

  it('says which columns nobody compares', async () => {
    const { warnings, columns } = await plan('s', 'part')
    expect(columns).to.have.length(1)
    for (const name of ['a', 'b', 'g'])
      expect(warnings.filter((text) => text.includes(`column ${name} `))).to.have.length(1)
    expect((await plan('s', 'part', { columns: ['id'] })).warnings.join()).not.to.include('column a')
  })

  it('looks ids of a map up, and leaves those of each run out', async () => {
    const id = (map: object) => ({
      columns: [{ from: 'a', to: 'id', id: { type: 'sequence', ...map } }, 'a', 'b'],
    })
    const kept = await plan('s', 't', id({ map: { table: 'map' } }))
    expect(kept.pipeline!.cells.map(({ type }) => type)).to.deep.equal(['lookup', 'read', 'read'])
    expect(kept.digest).to.equal(null)
    const setup = comparisonSetup(kept, { pipeline: kept.pipeline, repair: null }, 3)
    expect(setup.names).to.deep.equal(['id', 'a', 'b'])
    expect(setup.reads!.names).to.include.members(['a', 'b', 'id'])
    const fresh = { columns: [{ to: 'id', id: 'sequence' }, 'a', 'b'] }
    const left = await plan('s', 't', fresh)
    expect(pairs(left)).to.deep.equal(['a-a', 'b-b'])
    expect(left.warnings.join()).to.include('column id is not compared')
  })

  it('compares shards as one table, and where each row is', async () => {
    const shard = { by: 'id', hash: 'modulo' }
    const made = await plan('s', 't_{0..1}', { shard })
    expect(made.sharding!.shards.map(({ name }) => name)).to.deep.equal(['t_0', 't_1'])
    expect(made.digest).to.equal(null)
    expect(comparisonSetup(made, { pipeline: null, repair: null }, 3)).to.deep.include({
      names: ['id', 'a', 'b', 'shard'],
      identity: [0, 3],
    })
    const fresh = await plan('s', 't_{0..1}', { shard, columns: [{ to: 'id', id: 'sequence' }, 'a', 'b'] })
    expect(fresh.sharding, 'nobody knows where they belong').to.equal(null)
  })

  it('is refused where nothing could be told', async () => {
    const code = async (from: string, to: string, params?: object) =>
      (await failure(plan(from, to, params))).code
    expect(await code('s', 's')).to.equal('SAME_TABLE')
    expect(await code('t_{0..1}', 't_0')).to.equal('SAME_TABLE')
    expect(await code('s', 't', { where: 'nope = 1' })).to.equal('PARAMS_INVALID')
    expect(await code('s', 't', { transform: './nowhere.mjs' })).to.equal('PARAMS_INVALID')
    expect(await code('s', 'nope')).to.equal('TABLE_NOT_FOUND')
    expect((await plan('s', 't', { where: 'b > 1' })).target.where).to.equal('b > 1')
  })
})
