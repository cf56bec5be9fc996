import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Pace } from '../../src/engine/pace.js'
import { paceAt, secondsLeft } from '../../src/engine/pace.js'

type Look = readonly [at: number, rows: number]

/** Looks at the rows at these times; resolves to the seconds that are said to be left after each. */
function watch(expected: number | null, looks: readonly Look[]): (number | null)[] {
  let pace: Pace | null = null
  return looks.map(([at, rows]) => {
    pace = paceAt(pace, at, rows)
    return secondsLeft(pace, expected)
  })
}

const steady = Array.from({ length: 21 }, (_, i): Look => [i * 500, i * 500])

describe('pace', () => {
  it('says nothing before it knows, and then what is left', () => {
    const left = watch(20_000, steady)
    expect(left.slice(0, 6)).to.deep.equal([null, null, null, null, null, null])
    expect(left.at(-1)).to.be.closeTo(10, 0.01)
  })

  it('does not jump when rows come in bursts and the start was slow', () => {
    // 10,000 rows a second, in splits of 20,000, after five seconds of nothing.
    const bursts = Array.from({ length: 240 }, (_, i): Look => {
      const at = i * 250
      return [at, at < 5_000 ? 0 : Math.floor((at - 5_000) / 2_000 + 1) * 20_000]
    })
    const left = watch(1_000_000, bursts)
    const late = bursts.flatMap(([at], i) => (at > 15_000 ? [{ left: left[i], truth: 103 - at / 1000 }] : []))
    for (const { left: seconds, truth } of late) expect(seconds).to.be.within(truth * 0.6, truth * 1.5)
  })

  it('says nothing when statistics were too low, or nothing is expected', () => {
    expect(watch(1_000, steady).at(-1)).to.equal(null)
    expect(watch(null, steady).at(-1)).to.equal(null)
  })

  it('is not confused by rows of a split that is run again', () => {
    const rows = [100, 2000, 1000, 3000, 4000]
    const left = watch(
      100_000,
      rows.map((count, i): Look => [i * 1000, count]),
    )
    expect(left.at(-1)).to.be.within(50, 200)
  })
})
