import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { Batch } from '../../src/wire/batch.js'
import { ESCAPE_LETTER, UNESCAPED } from '../../src/wire/batch.js'
import { BatchBuilder, recycle } from '../../src/wire/builder.js'
import { forEachRow } from '../../src/wire/each-row.js'

const LIMITS = { bytes: 64, rows: 1000 }
const SEED = 20_240_708

function build(rows: readonly (readonly (Uint8Array | null)[])[]): Batch[] {
  const builder = new BatchBuilder(LIMITS)
  const batches: Batch[] = []
  for (const row of rows) {
    for (const cell of row) {
      if (cell === null) builder.appendNull()
      else builder.appendBytes(cell)
    }
    builder.endRow()
    if (builder.full) batches.push(builder.take()!)
  }
  const last = builder.take()
  if (last !== null) batches.push(last)
  return batches
}

function cellsOf(batches: readonly Batch[]): (string | null)[][] {
  const rows: (string | null)[][] = []
  for (const batch of batches) {
    const before = rows.length
    forEachRow(batch, (cells) => rows.push(cells.map((cell) => cell?.toString('hex') ?? null)))
    expect(rows.length - before).to.equal(batch.rows)
  }
  return rows
}

describe('wire format', () => {
  it('uses memory again that a builder lent, once, and no other', () => {
    // Node's small buffers lie side by side in one piece of memory, and a reader may hand out such a one as a batch.
    const neighbours = Array.from({ length: 2000 }, () => Buffer.from('a neighbour'))
    for (const bytes of neighbours) recycle({ bytes, rows: 1 })
    const lent = build([[Buffer.from('first')]])[0]!
    expect(lent.bytes.buffer).not.to.equal(neighbours[0]!.buffer)
    for (const bytes of neighbours) expect(bytes.toString()).to.equal('a neighbour')
    recycle(lent)
    recycle(lent)
    const [second, third] = [build([[Buffer.from('second')]])[0]!, build([[Buffer.from('third')]])[0]!]
    expect(second.bytes.buffer).to.equal(lent.bytes.buffer)
    expect(third.bytes.buffer).not.to.equal(second.bytes.buffer)
  })

  it('escapes exactly the five bytes of the dialect', () => {
    const escaped = [...ESCAPE_LETTER].flatMap((letter, byte) =>
      letter ? [[byte, String.fromCharCode(letter)]] : [],
    )
    expect(escaped).to.deep.equal([
      [0x00, '0'],
      [0x09, 't'],
      [0x0a, 'n'],
      [0x0d, 'r'],
      [0x5c, '\\'],
    ])
  })

  it('reads every escape back, and any other letter as itself', () => {
    for (let byte = 0; byte < 256; byte++) {
      const letter = ESCAPE_LETTER[byte]!
      if (letter !== 0) expect(UNESCAPED[letter]).to.equal(byte)
    }
    expect(UNESCAPED[0x78]).to.equal(0x78)
  })

  it('separates cells by TAB, ends rows by LF and writes NULL as \\N', () => {
    const bytes = Buffer.from('a\t\n\r\0\\N\u00e9')
    expect(
      build([
        [bytes, null, Buffer.alloc(0)],
        [null, null, null],
      ]).map((batch) => batch.bytes.toString()),
    ).to.deep.equal(['a\\t\\n\\r\\0\\\\N\u00e9\t\\N\t\n\\N\t\\N\t\\N\n'])
  })

  it('tells the text \\N, the text N and the empty text from NULL', () => {
    const row = [Buffer.from('\\N'), Buffer.from('N'), Buffer.alloc(0), null]
    expect(cellsOf(build([row]))).to.deep.equal([['5c4e', '4e', '', null]])
  })

  it('closes a batch at either limit and hands out whole rows only', () => {
    const byRows = new BatchBuilder({ bytes: 1000, rows: 2 })
    for (let row = 0; row < 2; row++) {
      expect(byRows.full).to.equal(false)
      byRows.appendPlain('1')
      byRows.endRow()
    }
    expect(byRows.full).to.equal(true)
    expect(byRows.take()).to.deep.include({ rows: 2 })
    expect(byRows.take()).to.equal(null)
  })

  it('takes a row larger than a batch', () => {
    const large = Buffer.alloc(100_000, 0x0a)
    expect(cellsOf(build([[large], [null]]))).to.deep.equal([[large.toString('hex')], [null]])
  })

  it('gives back any bytes and NULLs (property)', () => {
    // Half of the bytes are those that the dialect treats in a special way.
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 9, 10, 13, 0x5c, 0x4e, 0x74, 0x30))
    const cell = fc.option(fc.array(byte, { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)))
    const table = fc.integer({ min: 1, max: 5 }).chain((width) => {
      return fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 20 })
    })
    fc.assert(
      fc.property(table, (rows) => {
        const expected = rows.map((row) =>
          row.map((one) => (one === null ? null : Buffer.from(one).toString('hex'))),
        )
        expect(cellsOf(build(rows))).to.deep.equal(expected)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})
