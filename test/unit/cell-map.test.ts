// The map that threads share: found is what was put in, byte for byte, however many entries there are.
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { CellMap, CellMapBuilder } from '../../src/wire/cell-map.js'

const BUDGET = 64 << 20

function find(map: CellMap, key: Buffer): string | null {
  return map.find(key, 0, key.length) ? map.heap.toString('latin1', map.start, map.end) : null
}

describe('cell map', () => {
  it('finds every key that is there and no other', () => {
    const builder = new CellMapBuilder(BUDGET)
    for (let i = 0; i < 50_000; i++)
      expect(builder.add(Buffer.from(`u${i}`), Buffer.from(`${i * 7}`))).to.equal(true)
    const map = new CellMap(builder.share())
    for (let i = 0; i < 50_000; i++) expect(find(map, Buffer.from(`u${i}`))).to.equal(`${i * 7}`)
    for (const key of ['', 'u', 'u50000', 'U1', 'u1 ', 'u01'])
      expect(find(map, Buffer.from(key))).to.equal(null)
  })

  it('agrees with a JavaScript map on any bytes', () => {
    const cell = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 300 }), fc.array(cell), (entries, others) => {
        const builder = new CellMapBuilder(BUDGET)
        const known = new Map<string, string>()
        for (const [key, value] of entries) {
          const name = key.toString('latin1')
          const there = known.get(name)
          const text = value.toString('latin1')
          expect(builder.add(key, value)).to.equal(there === undefined || there === text)
          if (there === undefined) known.set(name, text)
        }
        const map = new CellMap(builder.share())
        expect(builder.entries).to.equal(known.size)
        for (const key of [...entries.map(([key]) => key), ...others]) {
          expect(find(map, key)).to.equal(known.get(key.toString('latin1')) ?? null)
        }
      }),
    )
  })

  it('says when it has outgrown its budget', () => {
    const builder = new CellMapBuilder(16_000)
    let entries = 0
    while (!builder.overBudget) builder.add(Buffer.from(`${entries++}`), Buffer.from('value'))
    expect(entries).to.be.within(300, 1_000)
  })
})
