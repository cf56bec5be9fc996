import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { InsertBuilder, RowTranscoder, type Quoting } from '../../plugins/mysql/transcode.js'
import { BatchBuilder } from '../../src/batch/builder.js'

type Cell = Buffer | null

/** A text-protocol row packet, with its four-byte header. */
function packet(cells: readonly Cell[]) {
  const parts = cells.flatMap((cell) => (cell === null ? [Buffer.from([0xfb])] : [lengthOf(cell), cell]))
  const buffer = Buffer.concat([Buffer.alloc(4), ...parts])
  return { buffer, offset: 4, end: buffer.length, isEOF: () => false }
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 0xfb) return Buffer.from([length])
  const prefix = Buffer.alloc(length < 0x10000 ? 3 : 4)
  prefix[0] = length < 0x10000 ? 0xfc : 0xfd
  prefix.writeUIntLE(length, 1, prefix.length - 1)
  return prefix
}

/** The same, cell by cell through the plain builder: slow, obvious, and the measure of the fast loop. */
function expectedBatch(rows: readonly (readonly Cell[])[]): Buffer {
  const builder = new BatchBuilder({ bytes: 1 << 20, rows: 1e9 })
  for (const cells of rows) {
    for (const cell of cells) {
      if (cell === null) builder.appendNull()
      else builder.appendBytes(cell)
    }
    builder.endRow()
  }
  return Buffer.from(builder.take()!.bytes)
}

function fastBatch(rows: readonly (readonly Cell[])[]) {
  const builder = new BatchBuilder({ bytes: 1 << 20, rows: 1e9 })
  const transcoder = new RowTranscoder()
  for (const cells of rows) transcoder.append(builder, packet(cells), cells.length)
  return builder.take()!
}

/** What the server makes of a quoted literal, by its documented rules. */
function literal(cell: Cell, how: Quoting): string {
  if (cell === null) return 'NULL'
  if (how === 'number') return cell.toString('latin1')
  let text = how === 'bytes' ? "_binary'" : "'"
  for (const byte of cell) {
    const escaped = { 0: '\\0', 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\', 39: "''" }[byte]
    text += escaped ?? String.fromCharCode(byte)
  }
  return `${text}'`
}

const nasty = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.array(fc.constantFrom(0, 9, 10, 13, 0x0d, 0x0e, 39, 92, 0x28, 0x7f, 0x80, 0xff, 0x4e, 97), {
    maxLength: 30,
  }),
)
const cell = fc.option(nasty.map((bytes) => Buffer.from(bytes)))
const digits = fc.option(fc.bigInt().map((value) => Buffer.from(String(value))))

describe('the MySQL transcoder', () => {
  it('writes any row packet as the plain builder would', () => {
    const rows = fc
      .integer({ min: 1, max: 6 })
      .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1 }))
    fc.assert(
      fc.property(rows, (cells) => fastBatch(cells).bytes.equals(expectedBatch(cells))),
      { seed: 20261120, numRuns: 2000 },
    )
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
          const insert = new InsertBuilder('', ['text']).build(batch).toString('latin1')
          expect(insert).to.equal(`(${literal(bytes, 'text')})`)
        }
      }
    }
  })

  it('makes INSERT statements of any batch', () => {
    const row = fc.tuple(digits, cell, cell)
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), (rows) => {
        const how: Quoting[] = ['number', 'text', 'bytes']
        const insert = new InsertBuilder('INSERT INTO t VALUES ', how).build(fastBatch(rows))
        const values = rows.map((cells) => `(${cells.map((value, i) => literal(value, how[i]!)).join(',')})`)
        return insert.equals(Buffer.from(`INSERT INTO t VALUES ${values.join(',')}`, 'latin1'))
      }),
      { seed: 20261120, numRuns: 2000 },
    )
  })
})
