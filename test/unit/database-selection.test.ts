import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { SelectionRequest } from '../../src/features/database/selection.js'
import { selectTables, splitList } from '../../src/features/database/selection.js'

const NAMES = ['user', 'order_2025', 'order_2026', 'order_2026_bak', 'a*b', 'a,b']

function select(request: Partial<SelectionRequest>, names: readonly string[] = NAMES) {
  return selectTables(names, { tables: [], exclude: [], rename: [], ...request })
}

function names(request: Partial<SelectionRequest>): string[] {
  return select(request).tables.map(({ from, to }) => (from === to ? from : `${from}=${to}`))
}

describe('tables of a database', () => {
  it('are all of them, in the order of their names', () => {
    expect(names({})).to.deep.equal(['a*b', 'a,b', 'order_2025', 'order_2026', 'order_2026_bak', 'user'])
  })

  it('are chosen by name, by stars and by regular expressions', () => {
    expect(names({ tables: ['user', 'order_*'] })).to.deep.equal([
      'order_2025',
      'order_2026',
      'order_2026_bak',
      'user',
    ])
    expect(names({ tables: ['/^order_[0-9]+$/'] })).to.deep.equal(['order_2025', 'order_2026'])
    expect(names({ tables: ['a\\*b'] })).to.deep.equal(['a*b'])
    expect(names({ tables: ['*'], exclude: ['*_bak', 'a*'] })).to.deep.equal([
      'order_2025',
      'order_2026',
      'user',
    ])
  })

  it('are left out with the reason', () => {
    expect(select({ tables: ['order_*'], exclude: ['*_bak'] }).leftOut).to.deep.equal([
      { table: 'a*b', reason: 'not in --tables' },
      { table: 'a,b', reason: 'not in --tables' },
      { table: 'order_2026_bak', reason: '--exclude *_bak' },
      { table: 'user', reason: 'not in --tables' },
    ])
  })

  it('get other names by the first rule that they match', () => {
    expect(
      names({ tables: ['order_*', 'user'], rename: ['order_*_bak=old_$_*', 'order_*=o_*'] }),
    ).to.deep.equal(['order_2025=o_2025', 'order_2026=o_2026', 'order_2026_bak=old_$_2026', 'user'])
    expect(names({ tables: ['order_2025'], rename: ['/^(\\w+)_(\\d+)$/=$2_$1'] })).to.deep.equal([
      'order_2025=2025_order',
    ])
  })

  it('are refused where nothing is meant, or two tables would become one', () => {
    const refused: [Partial<SelectionRequest>, string][] = [
      [{ tables: ['ordr_*'] }, '--tables ordr_* matches none of 6 tables'],
      [{ tables: ['usr'] }, 'no such table; did you mean "user"? Nothing was written.'],
      [{ exclude: ['nothing'] }, 'no such table. Nothing was written.'],
      [{ exclude: ['x*'] }, '--exclude x* matches none'],
      [{ exclude: ['*'] }, 'All 6 tables of the source are left out'],
      [{ rename: ['ordr_*=o_*'] }, '--rename ordr_* matches none'],
      [{ rename: ['order_*=orders'] }, 'the same number of stars'],
      [{ rename: ['/^order_.*/=orders'] }, 'order_2025 and order_2026 would both be written to orders'],
      [{ rename: ['order'] }, 'write old=new'],
      [{ tables: ['/(/'] }, 'is not a regular expression'],
      [{ tables: [''] }, 'empty name'],
    ]
    for (const [request, words] of refused) expect(() => select(request), words).to.throw(words)
    expect(() => select({}, [])).to.throw('The source has no tables')
  })
})

describe('lists of tables', () => {
  it('end at commas, but not at those of names and of expressions', () => {
    expect(splitList('a,b_*')).to.deep.equal(['a', 'b_*'])
    expect(splitList('a\\,b,c')).to.deep.equal(['a\\,b', 'c'])
    expect(splitList('/^a{1,2}$/,b')).to.deep.equal(['/^a{1,2}$/', 'b'])
    expect(splitList('/^a{1,2}_(.*)$/=x_$1,b=c')).to.deep.equal(['/^a{1,2}_(.*)$/=x_$1', 'b=c'])
  })
})
