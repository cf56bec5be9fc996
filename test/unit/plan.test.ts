// What a plan decides about columns, keys, splits and rows that are there, between tables of SQLite files.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { splitRows } from '../../src/plan/split-rows.js'
import type { TableSchema } from '../../src/contract/plugin.js'
import { readParams } from '../../src/task/params.js'
import { columnsOf, planned } from './planning.js'
import { failure, Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

/** Two tables of one file, `s` and `t`. */
function tables(source: string, target: string, more = ''): (params?: object) => ReturnType<typeof planned> {
  const path = fixture.create(`CREATE TABLE s ${source}; CREATE TABLE t ${target}; ${more}`)
  return (params = {}) => planned(`${path}?table=s`, `${path}?table=t`, params)
}

const faultsOf = async (work: Promise<unknown>) => {
  const { code, details } = await failure(work)
  expect(code).to.equal('PARAMS_INVALID')
  return details['faults'] as string[]
}

describe('a plan of columns', () => {
  it('pairs them by name, whatever their case and order, and leaves the rest of the target alone', async () => {
    const plan = tables('(b TEXT, A INTEGER PRIMARY KEY)', '(a INTEGER PRIMARY KEY, c TEXT, B TEXT)')
    expect(columnsOf(await plan())).to.deep.equal(['A -> a: exact', 'b -> B: exact'])
  })

  it('takes what is listed, renamed and computed, and "*" for the others', async () => {
    const plan = tables(
      '(id INTEGER PRIMARY KEY, name TEXT, old TEXT, z TEXT)',
      '(id INTEGER PRIMARY KEY, label TEXT, origin TEXT, z TEXT)',
    )
    const columns = [
      { from: 'NAME', to: 'label', trim: true },
      { to: 'origin', value: 'here' },
      { from: 'old', to: null },
      '*',
    ]
    const { pipeline, write } = await plan({ columns })
    const pairs = write.columns
    expect(pairs.map(({ source, target }) => [source.name, target.name])).to.deep.equal([
      ['id', 'id'],
      ['name', 'label'],
      ['origin', 'origin'],
      ['z', 'z'],
    ])
    expect(pairs.map(({ source }) => source.sql !== undefined)).to.deep.equal([false, true, true, false])
    expect(pipeline, 'nothing is left for the threads').to.equal(null)
  })

  it('names every fault of the list at once', async () => {
    const plan = tables(
      '(id INTEGER PRIMARY KEY, a TEXT, b TEXT)',
      '(id INTEGER PRIMARY KEY, a TEXT, g TEXT AS (a || 1))',
    )
    const columns = [
      'id',
      'nope',
      { from: 'a', to: 'nowhere' },
      { from: 'a', to: 'g' },
      { from: 'b', to: 'a' },
      { from: 'a', to: 'a' },
    ]
    const faults = await faultsOf(plan({ columns }))
    expect(faults.map((fault) => fault.slice(0, fault.indexOf(':')))).to.have.members([
      'params.columns[1]',
      'params.columns[1]',
      'params.columns[2]',
      'params.columns[3]',
      'params.columns[5]',
    ])
    expect(faults.find((fault) => fault.startsWith('params.columns[3]'))).to.include('generated')
    expect(faults.find((fault) => fault.startsWith('params.columns[5]'))).to.include('t.a')
  })

  it('loses no column that nobody has given up, and takes no acceptance for what is not lost', async () => {
    const plan = tables('(id INTEGER PRIMARY KEY, a TEXT, b TEXT)', '(id INTEGER PRIMARY KEY)')
    const error = await failure(plan())
    expect(error).to.include({ code: 'LOSSY' })
    expect(error.details).to.deep.equal({ columns: ['a', 'b'] })
    expect((await failure(plan({ allow_lossy: ['a'] }))).details).to.deep.equal({ columns: ['b'] })
    const { warnings } = await plan({ allow_lossy: ['a', 'B'] })
    expect(warnings.filter((warning) => /^accepted loss: [ab]\b/.test(warning))).to.have.length(2)
    expect(await faultsOf(plan({ allow_lossy: ['a', 'b', 'id', 'x'] })))
      .to.have.length(2)
      .and.satisfy(([id, x]: string[]) => id!.includes('exact') && x!.includes('no column "x"'))
    expect(columnsOf(await plan({ columns: ['id'] })), 'left out on purpose').to.deep.equal([
      'id -> id: exact',
    ])
  })

  it('are fed where they must have a value', async () => {
    const needs = tables(
      '(id INTEGER PRIMARY KEY)',
      '(id INTEGER PRIMARY KEY, n INT NOT NULL, d INT NOT NULL DEFAULT 1)',
    )
    const error = await failure(needs())
    expect(error).to.include({ code: 'COLUMN_REQUIRED' })
    expect(error.details).to.deep.equal({ table: 't', columns: ['n'] })
    const strangers = tables('(a INT)', '(b INT)')
    expect(await failure(strangers())).to.include({ code: 'COLUMN_NOT_FOUND' })
  })

  it('that both ends compute are left to the target, which is said', async () => {
    const generated = '(id INTEGER PRIMARY KEY, g TEXT AS (id || 1))'
    const plan = await tables(generated, generated)()
    expect(columnsOf(plan)).to.deep.equal(['id -> id: exact'])
    expect(plan.reasons.filter((reason) => reason.includes('generated'))).to.have.length(1)
  })
})

describe('a plan of keys and splits', () => {
  const plain = '(id INTEGER PRIMARY KEY, n INT)'

  it('splits by the primary key, else a unique key without NULL, else one with it, else not at all', async () => {
    for (const [source, key, nullable] of [
      ['(a INT NOT NULL UNIQUE, id INTEGER PRIMARY KEY)', ['id'], false],
      ['(x INT UNIQUE, a INT NOT NULL UNIQUE)', ['a'], false],
      ['(a INT, x INT, UNIQUE (x, a))', ['x', 'a'], true],
      ['(a INT, x INT)', null, null],
    ] as const) {
      const plan = await tables(source, source)()
      expect(plan.read.key?.columns.map(({ name }) => name) ?? null, source).to.deep.equal(key)
      expect(plan.read.key?.nullable ?? null, source).to.equal(nullable)
      expect(plan.policy.workerNum, source).to.equal(key === null ? 1 : 8)
    }
  })

  it('splits by the key that is asked for, and by no other one', async () => {
    const table = '(id INTEGER PRIMARY KEY, a INT NOT NULL UNIQUE, n INT)'
    const plan = tables(table, table)
    expect((await plan({ pk: { src: 'a', dest: 'a' } })).read.key?.columns[0]!.name).to.equal('a')
    for (const name of ['n', 'nope'])
      expect(await failure(plan({ pk: { src: name, dest: name } })), name).to.include({
        code: 'COLUMN_NOT_FOUND',
      })
    expect(await failure(plan({ pk: { src: 'a', dest: 'n' } })), 'mapped elsewhere').to.include({
      code: 'COLUMN_NOT_FOUND',
    })
  })

  it('cuts splits by bytes and by threads, within bounds', () => {
    const table = (estimatedRows: number | null, estimatedRowBytes: number | null) =>
      ({ estimatedRows, estimatedRowBytes }) as TableSchema
    const rows = (source: TableSchema, params: object = {}, shards?: number) =>
      splitRows(source, readParams(params), 4, shards).rows
    expect(rows(table(null, null)), 'nothing is known: 8 MiB of 256 bytes').to.equal(32_768)
    expect(rows(table(1_000_000_000, 1024)), 'bytes').to.equal(8_192)
    expect(rows(table(64_000, 100)), 'four for each thread').to.equal(4_000)
    expect(rows(table(10, 100)), 'not less than').to.equal(1_000)
    expect(rows(table(10, 1 << 20)), 'but rows are large').to.equal(8)
    expect(rows(table(10, 1 << 24)), 'one at least').to.equal(1)
    expect(rows(table(10, 100), {}, 5), 'a share for each shard').to.equal(5_000)
    expect(rows(table(10, 1 << 20), { read_batch: 77 }), 'asked for').to.equal(77)
  })

  it('warns of more threads than are of use', async () => {
    const plan = tables(plain, plain)
    expect((await plan({ worker_num: 21 })).warnings.join()).to.include('worker_num 21')
    expect((await plan({ worker_num: 20 })).warnings.join()).not.to.include('worker_num')
  })

  it('is plain JSON', async () => {
    const plan = await tables(plain, plain)({ where: 'n > 1', write_mode: 'upsert' })
    expect(JSON.parse(JSON.stringify(plan))).to.deep.equal(plan)
  })

  it('puts the condition to the source before anything else', async () => {
    const plan = tables(plain, plain)
    expect((await plan({ where: 'n IS NULL' })).read.where).to.equal('n IS NULL')
    for (const where of ['n >', 'm = 1', 'n = 1; DROP TABLE s'])
      expect((await failure(plan({ where }))).code, where).to.equal('PARAMS_INVALID')
  })
})

describe('a plan of rows that are there', () => {
  const keyed = '(id INTEGER PRIMARY KEY, u TEXT UNIQUE)'

  it('matches them by the counterpart of the key of the source, else by a key of the target', async () => {
    for (const [source, target, identity] of [
      [keyed, keyed, ['id']],
      [
        '(id INTEGER PRIMARY KEY, u TEXT NOT NULL)',
        '(k INTEGER PRIMARY KEY, id INT, u TEXT NOT NULL UNIQUE)',
        ['u'],
      ],
    ] as const) {
      const plan = tables(source, target)
      expect((await plan({ write_mode: 'upsert' })).write.identity, target).to.deep.equal(identity)
      expect((await plan({ write_mode: 'insert' })).write.identity, target).to.equal(null)
      expect((await plan({ write_mode: 'replace' })).write.identity, target).to.equal(null)
    }
    const keyless = tables(keyed, '(id INTEGER, u TEXT)')
    for (const write_mode of ['upsert', 'ignore', 'replace'])
      expect((await failure(keyless({ write_mode }))).code, write_mode).to.equal('KEY_REQUIRED')
    expect((await keyless()).warnings.join()).to.include('no unique key')
  })

  it('says that rows of the source may become one', async () => {
    const plan = tables('(id INTEGER PRIMARY KEY, u TEXT NOT NULL)', '(u TEXT NOT NULL PRIMARY KEY)')
    const merging = async (write_mode: string) => {
      const { warnings } = await plan({ write_mode, columns: ['u'] })
      return warnings.filter((warning) => warning.includes('same u'))
    }
    expect(await merging('ignore')).to.have.length(1)
    expect((await merging('upsert')).join()).to.include('last')
    expect(await merging('insert')).to.have.length(0)
    const same = await tables(keyed, keyed)({ write_mode: 'upsert' })
    expect(same.warnings, 'one key on both ends').to.deep.equal([])
  })

  it('warns before their keys come again, unless something empties the target', async () => {
    const plan = tables(keyed, keyed, "INSERT INTO t VALUES (1, 'x')")
    const about = async (params: object) =>
      (await plan(params)).warnings.filter((warning) => warning.includes('holds rows'))
    const [warning, ...more] = await about({})
    expect(more).to.deep.equal([])
    expect(warning).to.include('DELETE FROM')
    expect(await about({ write_mode: 'ignore' })).to.deep.equal([])
    expect(await about({ pre_sql: ['DELETE FROM t'] })).to.deep.equal([])
  })

  it('takes triggers of the target when told to', async () => {
    const trigger = 'CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET u = 1; END'
    const plan = tables(keyed, keyed, trigger)
    const error = await failure(plan())
    expect(error).to.include({ code: 'LOSSY' })
    expect(error.details['triggers']).to.deep.equal(['tr'])
    expect((await plan({ allow_triggers: true })).warnings.join()).to.include('tr')
  })

  it('never copies a table to itself', async () => {
    const path = fixture.create(`CREATE TABLE s ${keyed}`)
    for (const name of ['s', 'S'])
      expect((await failure(planned(`${path}?table=s`, `${path}?table=${name}`))).code).to.equal('SAME_TABLE')
  })
})

describe('a plan of a table that is missing', () => {
  it('says what a dot in its name is', async () => {
    const path = fixture.create('CREATE TABLE "a.b" (id INTEGER)')
    const { code, message } = await failure(planned(`${path}?table=a.b`, `${path}?table=main.t`))
    expect(code).to.equal('TABLE_NOT_FOUND')
    expect(message).to.include('no table "main.t"').and.include('A dot is part of a name here')
  })
})

describe('a plan of a write path', () => {
  it('is refused by what the plugin of the target says, before anything is opened', async () => {
    const plan = (write_path: string) =>
      planned('/nowhere/s.db?table=s', '/nowhere/t.db?table=t', { write_path })
    expect(await faultsOf(plan('load-data'))).to.deep.equal([
      'params.write_path: "load-data" is not a write path of SQLite, which has auto, insert',
    ])
    expect(await faultsOf(plan('insret'))).to.deep.equal([
      'params.write_path: "insret" is not a write path of SQLite, which has auto, insert; did you mean "insert"?',
    ])
    expect((await failure(plan('insert'))).code, 'it goes on').to.equal('CONFIG_INVALID')
  })
})
