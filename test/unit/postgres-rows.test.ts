// Rows of PostgreSQL's COPY become the same batches wherever the network cuts them.
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { RowDecoder } from '../../plugins/postgres/transcode.js'
import type { RowshiftError } from '../../src/contract/plugin.js'
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

  it('makes rows of the wire format of whatever a server sends, or an error', () => {
    const kinds = ['integer', 'text', 'bytes', 'float', 'date', 'decimal'] as const
    const columns = kinds.map((kind) => ({ name: kind, type: kind, kind, valueRange: {} }))
    const sent = Buffer.concat(
      [
        '1\ta\\tb\t\\\\x00ff5c\t1.5\t2020-01-01\t1.50\n',
        '\\N\t\\N\t\\N\tNaN\t\\N\t\\N\n',
        `7\tabcdefghijklmnopqrstuvwxyz\\b\\f\\v\t\\\\x${'00'.repeat(40)}\t-Infinity\t2020-01-01\t0\n`,
      ].map(message),
    )
    const decoder = new RowDecoder()
    const refused = new Error('a row is not in its form')
    const changes = fc.array(fc.tuple(fc.nat(sent.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
    let errors = 0
    const decode = (bytes: Buffer, builder: BatchBuilder) => {
      decoder.start({ builder, columns, onFull: () => {}, rowError: () => refused })
      try {
        decoder.feed(bytes)
      } catch (thrown) {
        expect(thrown === refused || (thrown as RowshiftError).code === 'INTERNAL', String(thrown)).to.equal(
          true,
        )
        errors++
      }
    }
    fc.assert(
      fc.property(changes, (places) => {
        const bytes = Buffer.from(sent)
        for (const [at, byte] of places) bytes[at] = byte
        const builder = new BatchBuilder({ bytes: 1 << 16, rows: 1000 })
        decode(bytes, builder)
        const batch = builder.take()
        if (batch === null) return
        const rows = batch.bytes.toString('latin1').split('\n')
        expect(rows.pop()).to.equal('')
        expect(rows).to.have.length(batch.rows)
        for (const row of rows) {
          const cells = row.split('\t')
          expect(cells).to.have.length(columns.length)
          expect(cells[0]).to.match(/^(-?\d+|\\N)$/)
          for (const cell of cells) expect(cell).to.match(/^(\\N|([^\\]|\\[\\tnr0])*)$/)
        }
      }),
      { numRuns: 5_000, seed: 19 },
    )
    expect(errors, 'errors').to.be.above(1_000)
  })
})
