import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { bisect } from '../../src/wire/bisect.js'
import type { Batch } from '../../src/contract/plugin.js'
import { batch } from './sqlite-fixture.js'

const BAD = new Error('bad row')
const LOST = new Error('connection lost')

/** Stores parts without a bad row, in memory. */
class Store {
  readonly bad: ReadonlySet<string>
  readonly stored: string[] = []
  readonly rejected: string[] = []
  attempts = 0

  constructor(bad: readonly string[]) {
    this.bad = new Set(bad)
  }

  run(rows: readonly string[], most = Infinity): Promise<void> {
    return bisect(batch(...rows), {
      store: async (part) => {
        this.attempts++
        const held = rowsOf(part)
        if (held.some((row) => this.bad.has(row))) throw BAD
        this.stored.push(...held)
      },
      blamesRow: (error) => error === BAD,
      onBad: (row) => {
        if (this.rejected.length === most) throw BAD
        this.rejected.push(...rowsOf(row))
      },
    })
  }
}

function rowsOf({ bytes, rows }: Batch): string[] {
  const all = bytes.toString().split('\n').slice(0, -1)
  expect(all).to.have.length(rows)
  return all
}

describe('bisect', () => {
  it('stores all rows but the bad ones, in order, whichever they are (property)', async () => {
    const rows = fc.uniqueArray(fc.stringMatching(/^[a-z\\N\t]{0,4}$/), { minLength: 1, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(rows, fc.infiniteStream(fc.boolean()), async (all, choice) => {
        const bad = all.filter(() => choice.next().value === true)
        const store = new Store(bad)
        await store.run(all)
        expect(store.stored).to.deep.equal(all.filter((row) => !bad.includes(row)))
        expect(store.rejected).to.deep.equal(bad)
      }),
      { seed: 7, numRuns: 200 },
    )
  })

  it('finds one bad row among 4,096 in few attempts', async () => {
    const all = Array.from({ length: 4096 }, (_, i) => `row ${i}`)
    const store = new Store(['row 1234'])
    await store.run(all)
    expect(store.rejected).to.deep.equal(['row 1234'])
    expect(store.attempts).to.be.at.most(25)
  })

  it('ends when a bad row is one too many', async () => {
    const store = new Store(['b', 'd'])
    const outcome = await store.run(['a', 'b', 'c', 'd', 'e'], 1).catch((error: unknown) => error)
    expect(outcome).to.equal(BAD)
    expect(store.rejected).to.deep.equal(['b'])
    expect(store.stored).not.to.include('e')
  })

  it('throws what is not a row’s fault on at once', async () => {
    let attempts = 0
    const work = bisect(batch('a', 'b', 'c'), {
      store: () => {
        attempts++
        return Promise.reject(LOST)
      },
      blamesRow: (error) => error === BAD,
      onBad: () => expect.fail('no row is bad'),
    })
    expect(await work.catch((error: unknown) => error)).to.equal(LOST)
    expect(attempts).to.equal(1)
  })
})
