import { expect } from 'chai'
import { describe, it } from 'mocha'
import { SplitRows } from '../../src/engine/split-size.js'

describe('rows of a split', () => {
  it('double up to the plan, whatever time they take, without a transform', () => {
    const size = new SplitRows(50_000, false)
    const sizes = [1, 2, 3].map(() => {
      size.done(size.rows, size.rows * 10, 60_000)
      return size.rows
    })
    expect(sizes).to.deep.equal([40_000, 50_000, 50_000])
  })

  it('follow the time that a transform takes', () => {
    const size = new SplitRows(50_000, true)
    expect(size.rows).to.equal(2_000)
    size.done(2_000, 20_000, 20)
    expect(size.rows).to.equal(4_000)
    size.done(4_000, 40_000, 400)
    expect(size.rows, 'twice as many would take 800 ms').to.equal(4_000)
    size.done(4_000, 40_000, 1_000)
    expect(size.rows).to.equal(2_000)
    size.done(2_000, 20_000, 60_000)
    expect(size.rows, 'no fewer').to.equal(500)
    size.done(10, 100, 60_000)
    expect(size.rows, 'ten rows tell nothing').to.equal(500)
  })
})
