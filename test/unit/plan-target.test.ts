// Target tables that a run makes: what a plan says of them, and whether the real table is the one that was planned.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { checkCreated } from '../../src/plan/target.js'
import { wayOn } from '../../src/plan/target-warnings.js'
import type { Column } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { planned } from './planning.js'
import { failure, Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const path = fixture.create(
  `CREATE TABLE s (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT DEFAULT 3, g TEXT AS (a || 1)); CREATE INDEX by_a ON s (a);
   CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT); INSERT INTO t VALUES (1, 'x', 2)`,
)
const plan = (to: string, params: object) => planned(`${path}?table=s`, `${path}?table=${to}`, params)
const CREATE = { schema_save_mode: 'create_when_not_exist' }
const RECREATE = { schema_save_mode: 'recreate' }

describe('a plan of a table that is made', () => {
  it('has its statements, those of indexes before or after the rows', async () => {
    const made = await plan('fresh', CREATE)
    expect(made.write.create!.statements.map((sql) => sql.split(' ', 2).join(' '))).to.deep.equal([
      'CREATE TABLE',
      'CREATE INDEX',
    ])
    expect(made.policy.indexesLast).to.equal('none')
    const later = await plan('fresh', { ...CREATE, defer_indexes: true })
    expect(later.write.create).to.deep.equal(made.write.create)
    expect(later.policy.indexesLast).to.equal('empty')
    expect(later.reasons.join()).to.include('come after the last row')
    expect(made.write.table.table).to.equal('fresh')
    expect(made.warnings).to.deep.equal([])
  })

  it('makes none over one that is there, unless that may be dropped, which is said with its rows', async () => {
    expect((await plan('t', CREATE)).write.create).to.equal(null)
    expect((await plan('t', { ...CREATE, defer_indexes: true })).warnings.join()).to.include('defer_indexes')
    const {
      write: { create },
      warnings,
    } = await plan('t', { ...RECREATE, columns: ['id', 'a', 'b'] })
    expect(create!.statements[0]).to.match(/^DROP TABLE/)
    expect(warnings.join()).to.include('about 1 row')
  })

  it('drops nothing in a mode that copies some rows only', async () => {
    for (const mode of ['append', 'increment']) {
      const params = { ...RECREATE, mode, diff_column: { src: 'a', dest: 'a' } }
      expect((await failure(plan('t', params))).code, mode).to.equal('PARAMS_INVALID')
    }
  })

  it('says how to have it made where it is missing', async () => {
    const error = await failure(plan('fresh', {}))
    expect(error.code).to.equal('TABLE_NOT_FOUND')
    expect(error.message).to.include('create_when_not_exist')
  })
})

describe('a table that was made', () => {
  it('is the planned one, but for columns that the server adds and fills itself', async () => {
    const made = await plan('fresh', CREATE)
    const { write } = made
    const { table: target } = write
    const change = (name: string, changes: Partial<Column>) => ({
      ...target,
      columns: target.columns.map((column) => (column.name === name ? { ...column, ...changes } : column)),
    })
    const hidden: Column = { ...target.columns[0]!, name: 'my_row_id', hasDefault: true }
    checkCreated(write, target)
    checkCreated(write, { ...target, columns: [hidden, ...target.columns] })
    checkCreated(write, change('a', { type: 'another name of it' }))
    for (const [what, real] of [
      ['one column less', { ...target, columns: target.columns.slice(1) }],
      ['one more', { ...target, columns: [...target.columns, { ...hidden, hasDefault: false }] }],
      ['another name', change('a', { name: 'c' })],
      ['another type', change('a', { type: 'x', kind: 'bytes' })],
      ['NULL', change('a', { nullable: true })],
      ['a default', change('a', { hasDefault: true })],
    ] as const) {
      expect(() => checkCreated(write, real), what)
        .to.throw(RowshiftError)
        .with.property('code', 'CREATE_FAILED')
    }
  })
})

describe('a key that is there already', () => {
  it('has an advice that fits the mode and the target', async () => {
    const full = await plan('t', { columns: ['id', 'a', 'b'] })
    expect(wayOn(full, null).join()).to.include('held rows before')
    expect(wayOn(full, 'at')).to.have.length(2)
    expect(
      wayOn({ ...full, write: { ...full.write, preSql: ['DELETE FROM t'] } }, 'at'),
      'it was emptied',
    ).to.have.length(1)
    expect(wayOn({ ...full, write: { ...full.write, writeMode: 'upsert' } }, 'at')).to.deep.equal([])
  })
})
