// Targets and sources that are several tables: what is found, what is made, and what does not go together.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { checkShardParams, shardWarnings } from '../../src/features/shard/rule-plan.js'
import { planTables } from '../../src/features/shard/write-plans.js'
import type { Sharding } from '../../src/contract/sharding.js'
import type { WritePlan, Writer, WriteSpec } from '../../src/contract/plugin.js'
import { readParams } from '../../src/task/params.js'
import { planned } from './planning.js'
import { failure, Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const TABLE = '(id INTEGER PRIMARY KEY, no TEXT NOT NULL, at DATETIME, f BLOB)'
const path = fixture.create(
  `CREATE TABLE s ${TABLE};
   CREATE TABLE t_0 ${TABLE}; CREATE TABLE t_1 ${TABLE}; CREATE TABLE t_3 ${TABLE};
   CREATE TABLE odd_0 ${TABLE}; CREATE TABLE odd_1 (id INTEGER PRIMARY KEY, no TEXT, at DATETIME, f BLOB, extra INT);
   CREATE TABLE log_202401 ${TABLE}; CREATE TABLE log_202402 ${TABLE}; CREATE TABLE logs ${TABLE};
   CREATE TABLE "star_*" ${TABLE};
   CREATE TABLE parent (id INTEGER PRIMARY KEY);
   CREATE TABLE a (id INTEGER PRIMARY KEY REFERENCES parent, no TEXT, at DATETIME, f BLOB);
   CREATE TABLE target (id INTEGER PRIMARY KEY REFERENCES parent, no TEXT, at DATETIME, f BLOB);
   CREATE TRIGGER audit AFTER INSERT ON a BEGIN SELECT 1; END`,
)
const at = (table: string) => `${path}?table=${encodeURIComponent(table)}`
const MODULO = { by: 'id', hash: 'modulo' }
const CREATE = { schema_save_mode: 'create_when_not_exist' }
const plan = (to: string, shard: object, params: object = {}) =>
  planned(at('s'), at(to), { shard, ...params })

describe('a plan of shards', () => {
  it('finds them in the order of their labels, and takes the names of columns as the target spells them', async () => {
    const {
      read,
      write: { sharding, table },
    } = await plan('t_{0..1}', { by: 'ID', hash: 'modulo' })
    expect(sharding!.shards.map(({ name, create }) => [name, create])).to.deep.equal([
      ['t_0', null],
      ['t_1', null],
    ])
    expect(sharding!.rule).to.deep.include({ by: ['id'], hash: 'modulo' })
    expect(table.table).to.equal('t_{0..1}')
    expect(read.splitRows, 'each has a share of a split').to.equal(2_000)
    const listed = await plan('{t_3,t_0}', MODULO)
    expect(listed.write.sharding!.shards.map(({ table }) => table)).to.deep.equal(['t_3', 't_0'])
  })

  it('names all that are missing, and makes them like those that are there', async () => {
    const error = await failure(plan('t_{0..4}', MODULO))
    expect(error.code).to.equal('TABLE_NOT_FOUND')
    expect(error.details['missing']).to.deep.equal(['t_2', 't_4'])
    const {
      write: { sharding },
      reasons,
    } = await plan('t_{0..4}', MODULO, CREATE)
    expect(sharding!.shards.filter(({ create }) => create !== null).map(({ name }) => name)).to.deep.equal([
      't_2',
      't_4',
    ])
    expect(reasons.join('\n')).to.include('2 of them are created')
  })

  it('finds dates, and leaves others to the first row of theirs', async () => {
    const date = { by: 'at', date: 'yyyyMM' }
    const there = await plan('log_{yyyyMM}', date)
    expect(there.write.sharding!.shards.map(({ name }) => name)).to.deep.equal(['log_202401', 'log_202402'])
    expect(there.write.sharding!.onDemand).to.equal(null)
    const growing = await plan('log_{yyyyMM}', date, CREATE)
    expect(growing.write.sharding!.onDemand!.like!.table).to.match(/^log_2024/)
    expect((await failure(plan('none_{yyyyMM}', date))).code).to.equal('TABLE_NOT_FOUND')
    const first = await plan('none_{yyyyMM}', date, CREATE)
    expect(first.write.sharding!.shards).to.deep.equal([])
    expect(first.write.table.columns.map(({ name }) => name)).to.deep.equal(['id', 'no', 'at', 'f'])
  })

  it('are alike, or one plan cannot write them', async () => {
    const error = await failure(plan('odd_{0..1}', MODULO))
    expect(error.code).to.equal('PARAMS_INVALID')
    expect((error.details['faults'] as string[]).join()).to.match(/^odd_1: /)
  })

  it('go by columns whose values can say where a row goes', async () => {
    for (const shard of [
      { by: 'f', hash: 'modulo' },
      { by: 'nope', hash: 'crc32' },
      { by: 'at', hash: 'crc32' },
      { by: 'f', range: [1] },
      { by: 'id', range: ['one'] },
    ]) {
      const { code, details } = await failure(plan('t_{0..1}', shard))
      expect(code, JSON.stringify(shard)).to.equal('PARAMS_INVALID')
      expect(details['faults'], JSON.stringify(shard)).to.have.length(1)
    }
    expect((await failure(plan('{t_0,t_1,t_3}', { by: 'id', range: [5, 5] }))).code, 'bounds rise').to.equal(
      'PARAMS_INVALID',
    )
    const computed = await plan('t_{0..1}', { sql: 'id % 2' })
    expect(computed.write.sharding!.reads.map(({ sql }) => sql)).to.have.length(1)
  })

  it('says once what holds for all of them, and garbles no word that a name of theirs occurs in', async () => {
    const { warnings } = await plan('{a,target}', MODULO, { allow_triggers: true })
    const about = warnings.filter((text) => text.includes('parent'))
    expect(about).to.deep.equal([
      'target {a,target} refers to parent: a row whose parent is not there yet fails the run',
    ])
    expect(warnings.join('\n')).to.include('triggers of target {a,target} run for every row: audit')
  })

  it('says when a row may be in two of them', async () => {
    const warnings = async (write_mode: string, shard: object = { by: 'no', hash: 'crc32' }) => {
      const {
        write: { sharding, identity, writeMode },
        pipeline,
      } = await plan('t_{0..1}', shard, { write_mode })
      return shardWarnings(sharding!, identity, writeMode, pipeline)
    }
    expect((await warnings('upsert')).join()).to.include('no, which is not in the key (id)')
    expect(await warnings('insert')).to.deep.equal([])
    expect(await warnings('upsert', MODULO)).to.deep.equal([])
    expect(await warnings('upsert', { sql: 'length(no)' })).to.have.length(1)
  })
})

describe('what the writers of shards say', () => {
  it('holds for the whole target if it holds for one', async () => {
    const said: Partial<WritePlan>[] = [
      { maxRowBytes: 9 },
      { unmarked: 'no transactions', maxRowBytes: 5 },
      {},
    ]
    const writer = {
      plan: async () => ({ path: 'p', reasons: [], warnings: [], facts: {}, ...said.shift() }),
    }
    const shard = { endpoint: 0, create: null, table: 't', identity: null }
    const sharding = { shards: [shard, shard, shard] }
    const all = await planTables(
      [writer as unknown as Writer],
      { table: {} } as WriteSpec,
      sharding as unknown as Sharding,
      null,
    )
    expect(all).to.include({ unmarked: 'no transactions', maxRowBytes: 5 })
    expect(all).not.to.have.property('emptiedBy')
  })
})

describe('shard and the name of the target', () => {
  const faults = (shard: object | null, table: string, databases: string[] | null = null): string[] => {
    try {
      checkShardParams(shard && readParams({ shard }).shard, table, databases)
      return []
    } catch (thrown) {
      return (thrown as { details: { faults: string[] } }).details.faults
    }
  }
  const DATE = { by: 'at', date: 'yyyyMM' }

  it('go together', () => {
    expect(faults(null, 't')).to.deep.equal([])
    expect(faults(MODULO, 't_{0..1}')).to.deep.equal([])
    expect(faults(MODULO, 't', ['a', 'b'])).to.deep.equal([])
    expect(faults(DATE, 't_{yyyyMM}')).to.deep.equal([])
    expect(faults({ by: 'id', range: [10] }, 't_{0..1}'), 'open at the end').to.deep.equal([])
    expect(faults({ by: 'id', range: [10, 20] }, 't_{0..1}'), 'closed').to.deep.equal([])
    const both = { database: MODULO, table: { by: 'no', hash: 'crc32' } }
    expect(faults(both, 't_{0..1}', ['a', 'b'])).to.deep.equal([])
  })

  it('or are refused before anything is opened, with all faults', () => {
    expect(faults(null, 't_{0..1}')).to.have.length(1)
    expect(faults(null, 't_*')).to.have.length(1)
    expect(faults(null, 't_{0..1}', ['a', 'b'])).to.have.length(2)
    expect(faults(MODULO, 't')).to.have.length(1)
    expect(faults(MODULO, 't_{0..0}')).to.have.length(1)
    expect(faults(MODULO, 't_*')).not.to.deep.equal([])
    expect(faults(MODULO, 't_{yyyyMM}')).to.have.length(1)
    expect(faults(DATE, 't_{0..1}')).to.have.length(1)
    expect(faults(DATE, 't_{yyyy}')).to.have.length(1)
    expect(faults(DATE, 't_{yyyyMM}', ['a', 'b'])).to.have.length(1)
    expect(faults({ by: 'id', range: [1, 2, 3] }, 't_{0..1}').join()).to.include('2 shards')
    expect(faults({ ...MODULO, numbering: 'through' }, 't_{0..2}', ['a', 'b'])).to.have.length(1)
    const both = { database: { by: 'id', range: [1, 2, 3] }, table: MODULO }
    expect(faults(both, 't')).to.have.length(3)
  })
})

describe('a source of several tables', () => {
  const from = (name: string) => planned(at(name), at('s'), {})

  it('is all tables of the pattern, read as one', async () => {
    const {
      read: { sources, table },
      reasons,
      policy,
    } = await from('t_*')
    expect(sources!.map(({ name, key }) => [name, key?.columns[0]!.name])).to.deep.equal([
      ['t_0', 'id'],
      ['t_1', 'id'],
      ['t_3', 'id'],
    ])
    expect(table.table).to.equal('t_*')
    expect(reasons[0]).to.include('3 tables')
    expect(policy.workerNum).to.equal(8)
  })

  it('is alike, is there, and is not the target', async () => {
    expect((await failure(from('odd_{0..1}'))).code).to.equal('PARAMS_INVALID')
    expect((await failure(from('none_*'))).code).to.equal('TABLE_NOT_FOUND')
    expect((await failure(planned(at('t_*'), at('t_1'), {}))).code).to.equal('SAME_TABLE')
    expect((await failure(planned(at('t_*'), at('s'), { consistency: 'snapshot' }))).code).to.equal(
      'PARAMS_INVALID',
    )
  })

  it('is not mixed up with a table whose name looks like a pattern', async () => {
    expect((await failure(from('star_*'))).message).to.include('star_')
    expect((await from('star_\\*')).read.sources).to.equal(null)
  })
})
