// Which rows an incremental run reads, what it leaves to be remembered, and where it does not begin at all.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { columnsOf, planned } from './planning.js'
import { failure, Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const TABLE = '(id INTEGER PRIMARY KEY, name TEXT NOT NULL, at DATETIME)'
const ROWS =
  "(1, 'a', '2024-01-01 00:00:00'), (2, 'b', '2024-01-02 00:00:00'), (7, 'c', '2024-01-03 00:00:00')"
const path = fixture.create(
  `CREATE TABLE s ${TABLE}; INSERT INTO s VALUES ${ROWS}; CREATE TABLE empty ${TABLE};
   CREATE TABLE t ${TABLE}; INSERT INTO t VALUES (2, 'b', '2024-01-02 00:00:00');
   CREATE TABLE p_0 ${TABLE}; INSERT INTO p_0 VALUES ${ROWS}; CREATE TABLE p_1 ${TABLE};
   CREATE TABLE words (w TEXT NOT NULL PRIMARY KEY, v INT); CREATE TABLE pairs (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID`,
)
const at = (table: string) => `${path}?table=${table}`
const CHANGED = { mode: 'increment', diff_column: { src: 'at', dest: 'at' } }
const remembered = (watermarks: object, fromTarget = false) => ({
  savedWatermarks: { watermarks, fromTarget },
})

function plan(params: object, watermarks: object = {}, fromTarget = false, to = 't') {
  return planned(at('s'), at(to), params, remembered(watermarks, fromTarget))
}

describe('a plan of what is new', () => {
  it('reads keys above the last one, up to the highest one there is', async () => {
    const first = await plan({ mode: 'append' })
    expect(first.read.window).to.deep.include({ from: null, to: '7', rows: 3 })
    expect(first.policy.watermarks).to.deep.equal({ append: '7' })
    const next = await plan({ mode: 'append' }, { append: '2', increment: 'not looked at' })
    expect(next.read.window).to.deep.include({ from: '2', to: '7', rows: 1 })
    expect(next.policy.watermarks).to.deep.equal({ append: '7' })
    const idle = await plan({ mode: 'append' }, { append: '7' })
    expect(idle.read.window?.rows).to.equal(0)
    expect(idle.policy.watermarks).to.deep.equal({ append: '7' })
  })

  it('reads times from the last one on, which may come again, up to one that is safely over', async () => {
    const first = await plan(CHANGED)
    expect(first.read.window).to.deep.include({ from: null, rows: 3 })
    const { increment } = first.policy.watermarks
    expect(new Date(`${increment!.replace(' ', 'T')}Z`).getTime()).to.be.below(Date.now() - 59_000)
    const next = await plan(CHANGED, { increment: '2024-01-02 00:00:00' })
    expect(next.read.window).to.deep.include({ from: '2024-01-02 00:00:00', rows: 2 })
    expect(next.write.writeMode).to.equal('upsert')
    expect(next.write.identity).to.deep.equal(['id'])
  })

  it('begins above what the target has when told to, unless that cannot be seen', async () => {
    const begun = await plan({ mode: 'append' }, {}, true)
    expect(begun.read.window, 'above the highest key of the target').to.deep.include({ from: '2', rows: 1 })
    const known = await plan({ mode: 'append' }, { append: '1' }, true)
    expect(known.read.window, 'what is remembered comes first').to.deep.include({ from: '1', rows: 2 })
    const unseen = await failure(plan({ mode: 'append', columns: ['name', 'at'] }, {}, true))
    expect(unseen.code, 'the key does not go into the target').to.equal('PARAMS_INVALID')
    expect(unseen.details).to.include({ column: 'id' })
  })

  it('leaves a beginning for both modes after a full copy, for whoever remembers', async () => {
    const kept = await plan({ diff_column: { src: 'at', dest: 'at' } })
    expect(kept.read.window).to.equal(null)
    expect(kept.policy.watermarks).to.have.keys('append', 'increment')
    expect(kept.policy.watermarks.append).to.equal('7')
    expect((await planned(at('s'), at('t'), {})).policy.watermarks).to.deep.equal({})
    expect(
      (
        await planned(
          at('words'),
          at('words2'),
          { schema_save_mode: 'create_when_not_exist' },
          remembered({}),
        )
      ).policy.watermarks,
    ).to.deep.equal({})
  })

  it('forgets what is remembered where the target is made', async () => {
    const params = { mode: 'append', schema_save_mode: 'create_when_not_exist' }
    const made = await plan(params, { append: '2' }, false, 'fresh')
    expect(made.write.create?.statements).to.have.length(1)
    expect(made.read.window).to.deep.include({ from: null, rows: 3 })
  })

  it('reads a range again, and leaves nothing to be remembered', async () => {
    const backfill = (params: object, since: string, until: string | null) =>
      planned(at('s'), at('t'), params, { ...remembered({ append: '7' }), backfill: { since, until } })
    const keys = await backfill({ mode: 'append' }, '1', '2')
    expect([keys.read.window!.rows, keys.policy.watermarks]).to.deep.equal([1, {}])
    const days = await backfill(CHANGED, '2024-01-02', null)
    expect([days.read.window!.rows, days.policy.watermarks]).to.deep.equal([2, {}])
    for (const [params, since, until] of [
      [{ mode: 'append' }, 'one', null],
      [{ mode: 'append' }, '2', '2'],
      [CHANGED, '2024-02-30', null],
      [CHANGED, '2024-01-02', '2024-01-02 00:00:00'],
    ] as const)
      expect((await failure(backfill(params, since, until))).code, since).to.equal('USAGE')
  })

  it('refuses a column that does not say what is new', async () => {
    for (const [from, params] of [
      ['s', { mode: 'increment', diff_column: { src: 'name', dest: 'name' } }],
      ['s', { mode: 'increment', diff_column: { src: 'nope', dest: 'at' } }],
      ['pairs', { mode: 'append' }],
    ] as const) {
      const { code } = await failure(planned(at(from), at('t'), { ...params }, remembered({})))
      expect(code, JSON.stringify(params)).to.be.oneOf(['COLUMN_NOT_FOUND', 'PARAMS_INVALID'])
    }
  })

  it('lets no text of the task store become SQL', async () => {
    for (const [params, watermarks] of [
      [{ mode: 'append' }, { append: '1 OR 1 = 1' }],
      [{ mode: 'append' }, { append: 7 }],
      [CHANGED, { increment: "2024-01-01' OR '1" }],
      [CHANGED, { increment: '2024-13-01 00:00:00' }],
    ] as const) {
      const error = await failure(plan({ ...params }, watermarks))
      expect(error.code, JSON.stringify(watermarks)).to.equal('PARAMS_INVALID')
      expect(error.message).to.include('rowshift_watermark')
    }
  })
})

describe('a plan of what is new warns', () => {
  const about = (warnings: readonly string[], word: string) => warnings.filter((text) => text.includes(word))

  it('of an empty target that earlier runs have filled', async () => {
    const empty = async (params: object, watermarks: object, to = 'empty') => {
      const { warnings } = await plan({ mode: 'append', ...params }, watermarks, false, to)
      return about(warnings, 'is empty').length
    }
    expect(await empty({}, { append: '2' })).to.equal(1)
    expect(await empty({}, {}), 'nothing was copied yet').to.equal(0)
    expect(await empty({}, { append: '2' }, 't')).to.equal(0)
    expect(await empty({ pre_sql: ['SELECT 1'] }, { append: '2' }), 'nobody knows what it leaves').to.equal(0)
  })

  it('of keys that need not rise', async () => {
    const append = { mode: 'append', schema_save_mode: 'create_when_not_exist' }
    const words = await planned(at('words'), at('words2'), append, remembered({}))
    expect(about(words.warnings, 'need not rise')).to.have.length(1)
    expect(about((await plan({ mode: 'append' })).warnings, 'need not rise')).to.deep.equal([])
  })

  it('of rows that a lookup leaves out for good', async () => {
    const lookup = { in: 'target', table: 'words', key: 'w', value: 'v', missing: 'skip' }
    const columns = ['id', 'at', { from: 'name', to: 'name', lookup: { ...lookup, value: 'w' } }]
    const skipping = await plan({ mode: 'append', columns })
    expect(columnsOf(skipping)).to.have.length(3)
    expect(about(skipping.warnings, 'skip').join()).to.include('name')
  })

  it('of a diff_column that a full copy does not use', async () => {
    const { warnings } = await plan({ diff_column: { src: 'at', dest: 'at' } })
    expect(about(warnings, 'diff_column')).to.have.length(1)
  })
})

describe('a plan of several tables', () => {
  const many = (params: object, watermarks: object, fromTarget = false) =>
    planned(at('p_{0..1}'), at('t'), params, remembered(watermarks, fromTarget))

  it('remembers each of them by its name', async () => {
    const first = await many({ mode: 'append' }, {})
    expect(first.read.sources?.map(({ name, window }) => [name, window?.rows])).to.deep.equal([
      ['p_0', 3],
      ['p_1', 0],
    ])
    expect(JSON.parse(first.policy.watermarks.append!)).to.deep.equal({ p_0: '7' })
    const next = await many({ mode: 'append' }, { append: JSON.stringify({ p_0: '2', gone: '5' }) })
    expect(next.read.sources![0]!.window).to.deep.include({ from: '2', rows: 1 })
    expect(JSON.parse(next.policy.watermarks.append!), 'a table may come back').to.deep.equal({
      p_0: '7',
      gone: '5',
    })
  })

  it('goes on from nothing else', async () => {
    expect((await failure(many({ mode: 'append' }, { append: '7' }))).code).to.equal('PARAMS_INVALID')
    expect((await failure(many({ mode: 'append' }, {}, true))).code).to.equal('PARAMS_INVALID')
  })
})
