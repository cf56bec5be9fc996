import { expect } from 'chai'
import { describe, it } from 'mocha'
import { RowshiftError } from '../../src/contract/errors.js'
import { Throttle, type ThrottleOptions } from '../../src/engine/throttle.js'

const none = { record: null, byte: null, maxThreadsRunning: null, maxLag: null }
const { signal } = new AbortController()
const ignore = () => {}

function throttle(options: Partial<ThrottleOptions>): Throttle {
  const nothing = { limits: none, expected: { rows: 50, bytes: 100 } }
  return new Throttle({ ...nothing, overload: () => Promise.resolve(null), ...options })
}

/** 200 by the limits; each timer may fire a little early. */
const HELD_MS = 190

/** Milliseconds until splits of so many rows have begun, one after another. */
async function taken(limited: Throttle, splits: readonly number[]): Promise<number> {
  const started = performance.now()
  for (const rows of splits) limited.settle(await limited.begin(signal, ignore), { rows, bytes: rows * 2 })
  return performance.now() - started
}

describe('throttle', () => {
  it('lets the first split begin at once, and others when those before it may have passed', async () => {
    const limited = throttle({ limits: { ...none, record: 1000 } })
    expect(await taken(limited, [50, 50, 50, 50, 50])).to.be.at.least(HELD_MS)
  })

  it('charges what splits turn out to hold', async () => {
    expect(await taken(throttle({ limits: { ...none, record: 1000 } }), [200, 1])).to.be.at.least(HELD_MS)
    // Without a refund, each of these would wait for a second.
    const empty = throttle({ limits: { ...none, record: 50 } })
    expect(await taken(empty, Array<number>(20).fill(0))).to.be.lessThan(10_000)
  })

  it('holds to the slower one of rows and bytes', async () => {
    const limits = { ...none, record: 1_000_000, byte: 1000 }
    expect(await taken(throttle({ limits }), [50, 50, 50])).to.be.at.least(HELD_MS)
  })

  it('waits while a server has too much to do, says why, and how long it was', async () => {
    const answers = ['source: 9 threads run', 'source: 8 threads run', null]
    const reasons: (string | null)[] = []
    const limited = throttle({
      overload: () => Promise.resolve(answers.shift() ?? null),
    })
    await limited.begin(signal, (reason) => reasons.push(reason))
    expect(reasons).to.deep.equal(['source: 9 threads run', 'source: 8 threads run', null])
    expect(limited.pausedSeconds).to.be.at.least(1.9)
  })

  it('lets the second split wait for what the first one holds', async () => {
    const limited = throttle({ limits: { ...none, record: 1000 } })
    const started = performance.now()
    const charged = await limited.begin(signal, ignore)
    const second = limited.begin(signal, ignore)
    setTimeout(() => limited.settle(charged, { rows: 300, bytes: 0 }), 20)
    await second
    expect(performance.now() - started).to.be.at.least(290)
  })

  it('lets others begin when the first split fails, which is charged with nothing', async () => {
    const limited = throttle({ limits: { ...none, record: 1 } })
    const failed = limited.limited(
      signal,
      ignore,
      () => Promise.reject(new Error('failed')),
      () => ({ rows: 1, bytes: 1 }),
    )
    const second = limited.begin(signal, ignore)
    expect(await failed.catch((thrown: unknown) => thrown)).to.be.instanceOf(Error)
    expect(await second).to.deep.equal({ rows: 50, bytes: 100 })
  })

  it('obeys other limits at once, also for a split that waits', async () => {
    const limited = throttle({ limits: { ...none, record: 1 } })
    limited.settle(await limited.begin(signal, ignore), { rows: 1_000_000, bytes: 0 })
    const waiting = limited.begin(signal, ignore)
    limited.change({ record: null, byte: null })
    await waiting
    await taken(limited, [1_000_000, 1_000_000])
    expect(limited.splitRows).to.equal(Infinity)
    limited.change({ record: 1000, byte: 500 })
    expect(limited.splitRows, 'of two bytes each, for half a second').to.equal(125)
    expect(await taken(limited, [100, 1]), 'what has passed before is not owed').to.be.at.least(HELD_MS)
  })

  it('does not wait for a server that does not answer when the run ends', async () => {
    const limited = throttle({ overload: () => new Promise(() => {}) })
    const stop = new AbortController()
    const waiting = limited.begin(stop.signal, ignore)
    stop.abort()
    const error = await waiting.catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(RowshiftError).and.include({ code: 'INTERRUPTED' })
  })

  it('does not hold up an interruption', async () => {
    const limited = throttle({ limits: { ...none, record: 1 } })
    const stop = new AbortController()
    limited.settle(await limited.begin(stop.signal, ignore), { rows: 50, bytes: 100 })
    const waiting = limited.begin(stop.signal, ignore)
    stop.abort()
    const error = await waiting.catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(RowshiftError).and.include({ code: 'INTERRUPTED' })
  })
})
