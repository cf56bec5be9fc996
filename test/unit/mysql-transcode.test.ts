import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { Quoting } from '../../plugins/mysql/transcode.js'
import { BulkBuilder, InsertBuilder } from '../../plugins/mysql/transcode.js'
import {
  anywhere,
  decode,
  expectedBatch,
  fastBatch,
  inSocket,
  literal,
  MAX_PAYLOAD,
  parametersOf,
  result,
} from '../support/row-packets.js'

const nasty = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.array(fc.constantFrom(0, 9, 10, 13, 0x0d, 0x0e, 39, 92, 0x28, 0x7f, 0x80, 0xff, 0x4e, 97), {
    maxLength: 30,
  }),
)
const cell = fc.option(nasty.map((bytes) => Buffer.from(bytes)))
const table = fc
  .integer({ min: 1, max: 6 })
  .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1 }))
const digits = fc.option(fc.bigInt().map((value) => Buffer.from(String(value))))

describe('the MySQL transcoder', () => {
  it('writes any rows as the plain builder would', () => {
    fc.assert(
      fc.property(table, fc.nat(255), (rows, sequence) => {
        const batches = decode(result(rows, sequence), rows[0]!.length, { sequence })
        return batches[0]!.bytes.equals(expectedBatch(rows)) && batches[0]!.rows === rows.length
      }),
      { seed: 20261120, numRuns: 2000 },
    )
  })

  it('does not care where the bytes of a result are cut', () => {
    const rows = [
      [Buffer.from('a\tb'), null],
      [Buffer.alloc(0), Buffer.alloc(300, 'x\n')],
      [null, Buffer.from('\\')],
    ]
    const bytes = result(rows, 250)
    const lastCut = bytes.length - 9
    for (const arrival of [anywhere, inSocket]) {
      for (let first = 1; first < lastCut; first++) {
        for (const second of [first + 1, first + 4, lastCut].filter((cut) => cut > first && cut <= lastCut)) {
          const [batch] = decode(bytes, 2, { arrival, sequence: 250, cuts: [first, second] })
          expect(batch!.bytes.equals(expectedBatch(rows)), `cut at ${first} and ${second}`).to.equal(true)
        }
      }
    }
    fc.assert(
      fc.property(table, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), (rows, places, own) => {
        const bytes = result(rows)
        const cuts = [...new Set(places.map((place) => 1 + (place % (bytes.length - 9))))].toSorted(
          (a, b) => a - b,
        )
        const [batch] = decode(bytes, rows[0]!.length, { cuts, arrival: own ? anywhere : inSocket })
        return batch!.bytes.equals(expectedBatch(rows))
      }),
      { seed: 20261121, numRuns: 500 },
    )
  })

  it('closes batches at their limits, rows whole', () => {
    const rows = Array.from({ length: 5000 }, (_, i) => [Buffer.from(`${i}`), Buffer.alloc(i % 300, 'q\r')])
    for (const limits of [
      { bytes: 1000, rows: 1e9 },
      { bytes: 1 << 20, rows: 7 },
    ]) {
      const batches = decode(result(rows), 2, { limits })
      expect(Buffer.concat(batches.map(({ bytes }) => bytes)).equals(expectedBatch(rows))).to.equal(true)
      for (const { bytes, rows: count } of batches.slice(0, -1)) {
        expect(bytes.at(-1)).to.equal(0x0a)
        const lastRow = bytes.length - 1 - bytes.lastIndexOf(0x0a, bytes.length - 2)
        if (limits.rows === 7) expect(count).to.equal(7)
        else expect(bytes.length - lastRow < 1000 && bytes.length >= 1000).to.equal(true)
      }
    }
  })

  it('reads rows larger than its memory, and the small ones around them', () => {
    const small = [Buffer.from('1'), Buffer.from('a\0b')]
    for (const length of [
      262_000,
      262_130,
      262_136,
      262_144,
      262_150,
      1 << 20,
      MAX_PAYLOAD - 6,
      17 << 20,
      33 << 20,
    ]) {
      const rows = [small, [null, Buffer.alloc(length, 'x\t\xff')], small]
      const bytes = result(rows, 254)
      const cuts = Array.from({ length: 6 }, (_, i) => 12 + i + Math.floor((i * (bytes.length - 40)) / 6))
      const batches = decode(bytes, 2, { sequence: 254, cuts })
      const found = Buffer.concat(batches.map((batch) => batch.bytes))
      expect(found.equals(expectedBatch(rows)), `${length} bytes`).to.equal(true)
      expect(batches.reduce((sum, batch) => sum + batch.rows, 0)).to.equal(3)
    }
  })

  it('refuses packets that are out of order or do not hold the cells of a row', () => {
    const row = [Buffer.from('abc'), Buffer.from('de')]
    const outOfOrder = result([row, row])
    outOfOrder[3 + 4 + 7] = 9
    const tooLong = result([row])
    tooLong[4] = 200
    for (const [bytes, columns] of [
      [outOfOrder, 2],
      [tooLong, 2],
      [result([row]), 1],
      [result([row, row]), 3],
      [result([[null], [null]]), 2],
      [result([[Buffer.alloc(1 << 20)]]), 2],
    ] as const) {
      expect(() => decode(bytes, columns)).to.throw(/server sent|out of range/)
    }
  })

  it('reads cells of every length encoding', () => {
    for (const length of [0, 1, 250, 251, 255, 256, 65_535, 65_536, 300_000]) {
      const cells = [Buffer.alloc(length, 'abc\t'), null, Buffer.from('end')]
      expect(fastBatch([cells]).bytes.equals(expectedBatch([cells])), `length ${length}`).to.equal(true)
    }
  })

  it('puts the four special bytes at every place of a word', () => {
    for (let length = 1; length <= 9; length++) {
      for (let at = 0; at < length; at++) {
        for (const special of [0, 9, 10, 13, 39, 92]) {
          const bytes = Buffer.alloc(length, 'x')
          bytes[at] = special
          const batch = fastBatch([[bytes]])
          expect(batch.bytes.equals(expectedBatch([[bytes]]))).to.equal(true)
          const insert = new InsertBuilder('', ['text']).build(batch)!.toString('latin1')
          expect(insert).to.equal(`(${literal(bytes, 'text')})`)
          const bulk = new BulkBuilder('', ['text']).build(batch, 7)!
          expect(bulk.equals(parametersOf([[bytes]], ['text'])), `${length}, ${at}: ${special}`).to.equal(
            true,
          )
        }
      }
    }
  })

  it('makes INSERT statements of any batch', () => {
    const row = fc.tuple(digits, cell, cell)
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), (rows) => {
        const how: Quoting[] = ['integer', 'text', 'bytes']
        const insert = new InsertBuilder('INSERT INTO t VALUES ', how).build(fastBatch(rows))!
        const values = rows.map((cells) => `(${cells.map((value, i) => literal(value, how[i]!)).join(',')})`)
        return insert.equals(Buffer.from(`INSERT INTO t VALUES ${values.join(',')}`, 'latin1'))
      }),
      { seed: 20261120, numRuns: 2000 },
    )
  })

  it('makes parameters of any batch', () => {
    const row = fc.tuple(digits, cell, cell)
    const how: Quoting[] = ['integer', 'text', 'bytes']
    const builder = new BulkBuilder('INSERT INTO t VALUES (?,?,?)', how)
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), (rows) =>
        builder.build(fastBatch(rows), 7)!.equals(parametersOf(rows, how)),
      ),
      { seed: 20261128, numRuns: 2000 },
    )
  })

  it('makes parameters of every length encoding', () => {
    const builder = new BulkBuilder('', ['text', 'decimal', 'bytes'])
    for (const length of [0, 1, 250, 251, 255, 256, 65_535, 65_536, (1 << 24) - 1, 1 << 24]) {
      const rows = [1, 0].map((extra) => [
        Buffer.alloc(length + extra, 'ab\\\t\0'),
        Buffer.alloc(300, '1'),
        null,
      ])
      const batch = { bytes: expectedBatch(rows), rows: 2 }
      const expected = parametersOf(rows, ['text', 'decimal', 'bytes'])
      expect(builder.build(batch, 7)!.equals(expected), `length ${length}`).to.equal(true)
    }
  })
})
