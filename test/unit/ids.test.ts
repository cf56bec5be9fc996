// Generated ids rise, whatever the clock does, and have the bits that they should.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Snowflakes } from '../../src/features/ids/snowflake.js'
import { uuidText, UuidsV7 } from '../../src/features/ids/uuidv7.js'

const START = Date.UTC(2026, 0, 1)
/** A clock that stands, runs and is set back. */
const TIMES = [0, 0, 1, 5, 4, -3_600_000, -3_599_999, 6, 6, 7].map((time) => START + time)

function clock(): () => number {
  let at = 0
  return () => TIMES[at++ % TIMES.length]!
}

describe('snowflake ids', () => {
  it('are time, worker and sequence', () => {
    const ids = new Snowflakes(START - 5, 1023, () => START)
    const [first, second] = [BigInt(ids.next()), BigInt(ids.next())]
    expect(first).to.equal((5n << 22n) | (1023n << 12n))
    expect(second - first).to.equal(1n)
  })

  it('rise when the clock stands or is set back, and when a millisecond is used up', () => {
    for (const now of [clock(), () => START]) {
      const ids = new Snowflakes(START - 1000, 3, now)
      let before = -1n
      for (let i = 0; i < 20_000; i++) {
        const id = BigInt(ids.next())
        expect(id > before).to.equal(true)
        expect((id >> 12n) & 1023n).to.equal(3n)
        before = id
      }
    }
  })

  it('of two workers are never the same', () => {
    const all = new Set<string>()
    for (const worker of [0, 1]) {
      const ids = new Snowflakes(0, worker, () => START)
      for (let i = 0; i < 10_000; i++) all.add(ids.next())
    }
    expect(all.size).to.equal(20_000)
  })
})

describe('UUIDs of version 7', () => {
  it('have version, variant and time where RFC 9562 puts them', () => {
    const text = uuidText(new UuidsV7(() => 0x017f22e279b0).next())
    expect(text).to.match(/^017f22e2-79b0-7[0-7][0-9a-f]{2}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('rise when the clock stands or is set back, and when a millisecond is used up', () => {
    for (const now of [clock(), () => START]) {
      const ids = new UuidsV7(now)
      let before = ''
      for (let i = 0; i < 20_000; i++) {
        const id = uuidText(ids.next())
        expect(id > before, `${id} after ${before}`).to.equal(true)
        before = id
      }
    }
  })
})
