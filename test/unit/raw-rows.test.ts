// Where the cells of a batch are, by the loop over blocks of bytes, held against a loop over single ones.
import fc from 'fast-check'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { BACKSLASH, LF, TAB } from '../../src/wire/batch.js'
import { BatchBuilder } from '../../src/wire/builder.js'
import { ESCAPED, HIGH, RawRows } from '../../src/wire/raw-rows.js'

const WIDTH = 3
const cell = fc.option(fc.uint8Array({ maxLength: 40 }))
const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 30 })

/** The separators of a batch, and what is in the cell before each. */
function cellsOf(bytes: Buffer): { ends: number[]; marks: number[] } {
  const ends = [-1]
  const marks = [0]
  for (const [at, byte] of bytes.entries()) {
    if (byte === TAB || byte === LF) {
      ends.push(at)
      marks.push(0)
    } else if (byte === BACKSLASH) marks.push(marks.pop()! | ESCAPED)
    else if (byte >= 0x80) marks.push(marks.pop()! | HIGH)
  }
  return { ends, marks: marks.slice(0, -1) }
}

describe('raw rows', () => {
  it('are found wherever cells begin and end, in one batch after another', () => {
    const rows = new RawRows(WIDTH)
    fc.assert(
      fc.property(table, (cells) => {
        const builder = new BatchBuilder({ bytes: 1 << 16, rows: cells.length })
        for (const row of cells) {
          for (const value of row) {
            if (value === null) builder.appendNull()
            else builder.appendBytes(value)
          }
          builder.endRow()
        }
        const batch = builder.take()!
        rows.take(batch)
        const { ends, marks } = cellsOf(batch.bytes)
        expect([...rows.ends]).to.deep.equal(ends)
        expect([...rows.marks]).to.deep.equal(marks)
        expect(rows.isNull(0, 1)).to.equal(cells[0]![1] === null)
      }),
      { numRuns: 500 },
    )
  })

  it('are refused when they have more cells or fewer than they should', () => {
    for (const text of ['1\t2\n', '1\t2\t3\t4\n'])
      expect(() => new RawRows(WIDTH).take({ bytes: Buffer.from(text), rows: 1 })).to.throw('has not 3 cells')
  })
})
