import { expect } from 'chai'
import { describe, it } from 'mocha'
import { orderBy, rangeConditions, whereClause } from '../../src/sql/range.js'

const key = (...names: string[]) => names.map((sql) => ({ sql, nullable: false }))

describe('rangeConditions', () => {
  it('has no condition for the whole table', () => {
    expect(rangeConditions(key('a'), { lower: null, upper: null }, null)).to.deep.equal([])
    expect(whereClause([])).to.equal('')
  })

  it('excludes the lower bound and includes the upper one', () => {
    const conditions = rangeConditions(key('a'), { lower: ['1'], upper: ['9'] }, null)
    expect(whereClause(conditions)).to.equal(' WHERE a > 1 AND a <= 9')
  })

  it('expands two columns, with a leading condition for the index', () => {
    expect(rangeConditions(key('a', 'b'), { lower: ['1', '2'], upper: ['3', '4'] }, null)).to.deep.equal([
      '(a >= 1 AND (a > 1 OR (a = 1 AND b > 2)))',
      '(a <= 3 AND (a < 3 OR (a = 3 AND b <= 4)))',
    ])
  })

  it('expands three columns', () => {
    expect(rangeConditions(key('a', 'b', 'c'), { lower: ['1', '2', '3'], upper: null }, null)).to.deep.equal([
      '(a >= 1 AND (a > 1 OR (a = 1 AND (b >= 2 AND (b > 2 OR (b = 2 AND c > 3))))))',
    ])
    expect(rangeConditions(key('a', 'b', 'c'), { lower: null, upper: ['1', '2', '3'] }, null)).to.deep.equal([
      '(a <= 1 AND (a < 1 OR (a = 1 AND (b <= 2 AND (b < 2 OR (b = 2 AND c <= 3))))))',
    ])
  })

  it('makes lists of a column whose literals are given in order', () => {
    const columns = [
      { sql: 'e', nullable: false, order: ['0', '1', '2', '3'] },
      { sql: 'n', nullable: false },
    ]
    expect(rangeConditions(columns, { lower: ['1', '5'], upper: ['3', '6'] }, null)).to.deep.equal([
      '(e IN (1, 2, 3) AND (e IN (2, 3) OR (e = 1 AND n > 5)))',
      '(e IN (0, 1, 2, 3) AND (e IN (0, 1, 2) OR (e = 3 AND n <= 6)))',
    ])
    expect(rangeConditions(columns.slice(0, 1), { lower: ['3'], upper: null }, null)).to.deep.equal(['1 = 0'])
  })

  it('keeps rows with a NULL key out of every range and in the NULL split', () => {
    const columns = [
      { sql: 'a', nullable: true },
      { sql: 'b', nullable: false },
      { sql: 'c', nullable: true },
    ]
    expect(rangeConditions(columns, { lower: null, upper: null }, null)).to.deep.equal([
      'a IS NOT NULL',
      'c IS NOT NULL',
    ])
    expect(rangeConditions(columns, { lower: null, upper: null, nullKey: true }, null)).to.deep.equal([
      '(a IS NULL OR c IS NULL)',
    ])
    const one = columns.slice(0, 1)
    expect(rangeConditions(one, { lower: ['1'], upper: ['2'] }, null)).to.deep.equal([
      'a IS NOT NULL',
      'a > 1',
      'a <= 2',
    ])
  })

  it("adds the user's condition, ended by a line break in case it ends with a comment", () => {
    const conditions = rangeConditions(key('a'), { lower: ['1'], upper: null }, 'x = 1 OR y = 2 -- note')
    expect(whereClause(conditions)).to.equal(' WHERE a > 1 AND (x = 1 OR y = 2 -- note\n)')
  })

  it('orders by every key column', () => {
    expect(orderBy(key('a', 'b'))).to.equal(' ORDER BY a ASC, b ASC')
    expect(orderBy(key('a', 'b'), 'DESC')).to.equal(' ORDER BY a DESC, b DESC')
  })
})
