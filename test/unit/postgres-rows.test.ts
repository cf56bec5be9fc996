// Rows of PostgreSQL's COPY become the same batches wherever the network cuts them.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { RowDecoder } from '../../plugins/postgres/transcode.js'
import { BatchBuilder } from '../../src/wire/builder.js'

const ROWS = ['1\tone\n', '2\t\\N\n', '3\tthree and more\n']
const END = Buffer.from([0x63, 0, 0, 0, 4])

function message(row: string): Buffer {
  const header = Buffer.from([0x64, 0, 0, 0, 0])
  header.writeUInt32BE(row.length + 4, 1)
  return Buffer.concat([header, Buffer.from(row)])
}

describe('rows of COPY', () => {
  it('are the same wherever the network cuts them, between two rows too', () => {
    const all = Buffer.concat([...ROWS.map(message), END])
    const decoder = new RowDecoder()
    const builder = new BatchBuilder({ bytes: 1 << 16, rows: 1000 })
    const columns = ['integer', 'text'].map((kind) => ({ name: kind, type: kind, kind, valueRange: {} }))
    const target = {
      builder,
      columns: columns as Parameters<RowDecoder['start']>[0]['columns'],
      onFull: () => {},
      rowError: () => new Error('a row is not in its form'),
    }
    for (let first = 1; first < all.length - END.length; first++) {
      for (let second = first; second <= all.length - END.length; second++) {
        decoder.start(target)
        const rests = [all.subarray(0, first), all.subarray(first, second), all.subarray(second)].map(
          (piece) => decoder.feed(piece),
        )
        expect(builder.take()?.bytes.toString(), `cut at ${first} and ${second}`).to.equal(ROWS.join(''))
        expect(rests.map((rest) => rest?.toString('hex') ?? null)).to.deep.equal([
          null,
          null,
          END.toString('hex'),
        ])
      }
    }
  })
})
