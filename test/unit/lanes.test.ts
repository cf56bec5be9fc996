// The connections of the coordinator, which go from table to table, and those that add indexes.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { RowshiftError } from '../../src/contract/errors.js'
import type { OpenEndpoints } from '../../src/engine/open-endpoints.js'
import { Lanes } from '../../src/features/database/lanes.js'
import { IndexPlaces } from '../../src/features/indexes/places.js'

const { signal } = new AbortController()

/** Endpoints of a server that has so many connections to give. */
function server(limit: number) {
  let open = 0
  const full = () => new RowshiftError('CONNECTION_LIMIT', 'Too many connections.')
  return {
    get open() {
      return open
    },
    fault: null as RowshiftError | null,
    async connect() {
      if (this.fault) throw this.fault
      if (open >= limit) throw full()
      open++
      const connections = { close: async () => void open-- }
      return { readers: [], writers: [], connections } as unknown as OpenEndpoints
    },
  }
}

describe('the connections of a database copy', () => {
  it('leave one for what needs another for a moment, once there are no more', async () => {
    const few = server(3)
    const lanes = new Lanes(() => few.connect())
    const taken = [await lanes.take(), await lanes.take()]
    expect(await lanes.take()).to.equal(null)
    expect(lanes.hasRoom).to.equal(false)
    expect(few.open).to.equal(2)
    for (const lane of taken) lanes.give(lane!)
    await lanes.take()
    await lanes.take()
    expect(lanes.hasRoom).to.equal(false)
    await lanes.close()
    expect(few.open).to.equal(0)
  })

  it('become fewer where others have taken the one that was left', async () => {
    const few = server(3)
    const lanes = new Lanes(() => few.connect())
    const taken = [await lanes.take(), await lanes.take()]
    await few.connect()
    expect(await lanes.take()).to.equal(null)
    for (const lane of taken) lanes.give(lane!)
    expect(few.open).to.equal(2)
  })

  it('are those that begin a snapshot together, and no others come later', async () => {
    const few = server(3)
    const lanes = new Lanes(() => few.connect())
    lanes.give((await lanes.take())!)
    expect(await lanes.fill(8)).to.have.length(2)
    expect(few.open).to.equal(2)
    await lanes.take()
    await lanes.take()
    expect(lanes.hasRoom).to.equal(false)
    lanes.forsake()
    expect(lanes.none).to.equal(false)
    lanes.forsake()
    expect(lanes.none).to.equal(true)
  })

  it('do without another one that cannot be opened, but not without the first', async () => {
    const few = server(9)
    few.fault = new RowshiftError('CONNECTION_FAILED', 'Connection refused.')
    const lanes = new Lanes(() => few.connect())
    const error = await lanes.take().catch((thrown: unknown) => thrown)
    expect(error).to.include({ code: 'CONNECTION_FAILED' })
    few.fault = null
    const first = await lanes.take()
    few.fault = new RowshiftError('CONNECTION_FAILED', 'Connection refused.')
    expect(await lanes.take()).to.equal(null)
    expect(lanes.hasRoom, 'not at once').to.equal(false)
    lanes.give(first!)
    expect(await lanes.take()).to.equal(first)
  })
})

describe('the connections that add indexes', () => {
  it('are four of all tables together, which share the memory', async () => {
    const places = new IndexPlaces(8)
    let [now, most] = [0, 0]
    const shares: number[] = []
    const add = (atWork: number) =>
      new Promise<void>((resolve) => {
        most = Math.max(most, ++now)
        shares.push(atWork)
        setImmediate(() => {
          now--
          resolve()
        })
      })
    await Promise.all(Array.from({ length: 12 }, () => places.hold(add, signal)))
    expect(most).to.equal(4)
    expect(shares).to.have.length(12)
    expect(shares.slice(0, 4)).to.deep.equal([1, 2, 3, 4])
  })

  it('wait for each other where a server takes no more of them', async () => {
    const few = server(1)
    const places = new IndexPlaces(4)
    const add = async () => {
      const { connections } = await few.connect()
      await new Promise((resolve) => setImmediate(resolve))
      await connections.close()
    }
    await Promise.all(Array.from({ length: 6 }, () => places.hold(add, signal)))
    few.fault = new RowshiftError('CONNECTION_LIMIT', 'Too many connections.')
    const error = await places.hold(add, signal).catch((thrown: unknown) => thrown)
    expect(error, 'there is nobody to wait for').to.include({ code: 'CONNECTION_LIMIT' })
  })

  it('are not waited for when the run ends', async () => {
    const stop = new AbortController()
    const places = new IndexPlaces(1)
    const first = places.hold(() => new Promise<void>((resolve) => setImmediate(resolve)), stop.signal)
    const second = places.hold(async () => {}, stop.signal).catch((thrown: unknown) => thrown)
    stop.abort()
    expect(await second).to.include({ code: 'INTERRUPTED' })
    await first
  })
})
