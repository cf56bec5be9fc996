import { expect } from 'chai'
import { describe, it } from 'mocha'
import { storedWatermarks, watermarksByTable } from '../../src/features/database/table-watermarks.js'
import { tablesOfTask } from '../../src/features/database/task-tables.js'
import { readParams } from '../../src/task/params.js'

function tables(from: string, to: string, params: object = {}) {
  return tablesOfTask({ id: 7, from, to }, readParams(params).database, false)
}

describe('the tables of a task', () => {
  it('are copied one by one where both ends are patterns or lists', () => {
    const all = { tables: [], exclude: [], rename: [] }
    expect(tables('*', '*')).to.deep.equal({ selection: all, onTableError: 'stop' })
    expect(tables('order_*,user', '*')!.selection).to.deep.equal({ ...all, tables: ['order_*', 'user'] })
    expect(tables('order_*, user', 'order_*, user')!.selection.rename).to.deep.equal([])
    expect(tables('a,b', 'a,b')!.selection.tables).to.deep.equal(['a', 'b'])
    // The target may have schemas, where the source has a name with a dot.
    expect(tables('a.b,c', 'a.b,c')!.selection.rename).to.deep.equal(['a.b=a.b'])
    expect(tables('a.*,a.b', 'a.*,x')!.selection.rename).to.deep.equal(['a.b=x', 'a.*=a.*'])
    expect(tables('/^a.b$/,c.d=', '/^a.b$/,c.d=')!.selection.rename).to.deep.equal([])
    expect(tables('t_*,u', 'old_t_*,u')!.selection).to.deep.equal({
      ...all,
      tables: ['t_*', 'u'],
      rename: ['t_*=old_t_*'],
    })
    expect(tables('/^t_\\d+$/', '*')!.selection.tables).to.deep.equal(['/^t_\\d+$/'])
    const params = { tables: 'a,b_*', exclude: ['c,d'], rename: 'a=x', on_table_error: 'continue' }
    expect(tables('*', '*', params)).to.deep.equal({
      selection: { tables: ['a', 'b_*'], exclude: ['c,d'], rename: ['a=x'] },
      onTableError: 'continue',
    })
  })

  it('are one copy elsewhere', () => {
    for (const [from, to] of [
      ['a', 'a'],
      ['t_*', 't'],
      ['a,b', 'c'],
      ['a', 'a,b'],
      ['a\\*', 'a\\*'],
      ['t_{0..3}', 't'],
      ['t_{a,b}', 't_{a,b}'],
    ] as const)
      expect(tables(from, to), `${from} ${to}`).to.equal(null)
  })

  it('are refused where a star means nothing', () => {
    for (const [from, to, words] of [
      ['a', '*', 'to_table is one, too'],
      ['a', 'b_*', 'to_table is one, too'],
      ['a,b', 'a_*', 'from_table lists 2 and to_table 1'],
      ['a,b', 'a_*,b', 'both need the same number of stars'],
      ['a_*', 'b_*_*', 'both need the same number of stars'],
    ] as const)
      expect(() => tables(from, to), `${from} ${to}`).to.throw(words)
    expect(() => tables('a', 'b', { exclude: 'c' })).to.throw('are copied one by one')
    expect(() => tables('a,b', '*', { tables: 'a' })).to.throw('params.tables')
  })

  it('keep watermarks of their own, under names that a task store has room for', () => {
    const stored = {
      ...storedWatermarks('a', { append: '5', 'append:about': '{"source":"a"}', increment: '2024-01-01' }),
      ...storedWatermarks('b', { append: '9' }),
      ...storedWatermarks('c', {}),
    }
    expect(Object.keys(stored).every((name) => name.length <= 20)).to.equal(true)
    expect([...watermarksByTable({ ...stored, append: '1', 'append:about': '{}' })]).to.deep.equal([
      ['a', { append: '5', 'append:about': '{"source":"a"}', increment: '2024-01-01' }],
      ['b', { append: '9' }],
    ])
  })
})
