import { expect } from 'chai'
import { describe, it } from 'mocha'
import { SplitSizer } from '../../src/engine/split-sizer.js'

describe('rows of a split', () => {
  it('double up to the plan, whatever time they take, without a transform', () => {
    const size = new SplitSizer(50_000, null)
    const sizes = [1, 2, 3].map(() => {
      const rows = size.next()
      size.done(rows, rows * 10, 60_000)
      return size.next()
    })
    expect(sizes).to.deep.equal([40_000, 50_000, 50_000])
  })

  it('are never again as many as a transaction may not change', () => {
    const size = new SplitSizer(50_000, null)
    expect(size.halved(20_000)).to.equal(10_000)
    expect(size.next()).to.equal(10_000)
    size.done(10_000, 10, 1)
    expect(size.next(), 'light as they are').to.equal(10_000)
    expect(size.halved(20_000), 'one that was planned before').to.equal(10_000)
    expect(size.halved(1)).to.equal(1)
  })

  it('follow the time that a transform takes', () => {
    const size = new SplitSizer(50_000, { splitsAhead: () => 6, rows: null })
    expect(size.next()).to.equal(2_000)
    size.done(2_000, 20_000, 20)
    expect(size.next()).to.equal(4_000)
    size.done(4_000, 40_000, 1_000)
    expect(size.next(), 'twice as many would take 2 s').to.equal(4_000)
    size.done(4_000, 40_000, 3_000)
    expect(size.next()).to.equal(2_000)
    size.done(2_000, 20_000, 60_000)
    expect(size.next(), 'no fewer').to.equal(500)
    size.done(10, 100, 60_000)
    expect(size.next(), 'ten rows tell nothing').to.equal(500)
  })

  it('get smaller towards the end of what statistics expect, so that no thread waits long for another', () => {
    const size = new SplitSizer(50_000, { splitsAhead: () => 6, rows: 20_000 })
    expect([size.next(), size.next()]).to.deep.equal([2_000, 2_000])
    size.done(2_000, 20_000, 200)
    const rows = Array.from({ length: 8 }, () => size.next())
    expect(rows, 'a sixth of what is left, but what takes 100 ms').to.deep.equal([
      2_667, 2_223, 1_852, 1_543, 1_286, 1_072, 1_000, 1_000,
    ])
  })

  it('do not get small at the end where the function takes little', () => {
    const size = new SplitSizer(50_000, { splitsAhead: () => 6, rows: 2_000 })
    size.next()
    size.done(2_000, 20_000, 4)
    expect([size.next(), size.next()], 'more rows than statistics expect').to.deep.equal([4_000, 4_000])
  })
})
