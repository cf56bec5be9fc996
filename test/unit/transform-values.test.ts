// Values between cells and JavaScript, one by one: what goes there and back, and what the encoders vouch for.
import fc from 'fast-check'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { BatchBuilder } from '../../src/wire/builder.js'
import { cutRows } from '../../src/wire/cut-rows.js'
import { RawRows } from '../../src/wire/raw-rows.js'
import type { Column, ColumnKind, ValueRange } from '../../src/contract/plugin.js'
import { readParams, withMode } from '../../src/task/params.js'
import { decoderOf } from '../../workers/cell-decoders.js'
import { encoderOf } from '../../workers/cell-encoders.js'
import { Decoding } from '../../workers/decoding.js'
import { RowDecoder } from '../../workers/row-decoder.js'
import { batch } from './sqlite-fixture.js'

function column(kind: ColumnKind, valueRange: ValueRange = {}): Column {
  const flags = { nullable: true, hasDefault: false, generated: false, ordered: false }
  return { name: 'c', type: kind, kind, ...flags, valueRange }
}

/** The cell that is written for a value, or what is wrong with it. */
function encode(to: Column, value: unknown): { cell: string } | { fault: string } {
  const builder = new BatchBuilder({ bytes: 64, rows: 1 })
  const fault = encoderOf(to)(value, builder)
  return fault === null ? { cell: builder.buffer.toString('utf8', 0, builder.length - 1) } : { fault }
}

function decode(from: Column, cell: string | Buffer): unknown {
  const rows = new RawRows(1)
  rows.take({ bytes: Buffer.concat([Buffer.from(cell), Buffer.from('\n')]), rows: 1 })
  const batch = new Decoding(1, from.kind === 'bytes' ? [] : [0])
  batch.take(rows)
  batch.reach(0)
  return decoderOf(from)(batch, 0, rows.end(0, 0), rows.marks[0]!, 0)
}

const cells = (kind: ColumnKind, valueRange: ValueRange, ...values: unknown[]) =>
  values.map((value) => (encode(column(kind, valueRange), value) as { cell: string }).cell)
const faults = (kind: ColumnKind, valueRange: ValueRange, ...values: unknown[]) =>
  values.map((value) => 'fault' in encode(column(kind, valueRange), value))

describe('values of transforms', () => {
  it('go there and back: texts of any characters, and bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const written = encode(column('text'), text)
        expect(written).to.have.property('cell')
        expect(decode(column('text'), (written as { cell: string }).cell)).to.equal(text)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const builder = new BatchBuilder({ bytes: 64, rows: 1 })
        expect(encoderOf(column('bytes'))(bytes, builder)).to.equal(null)
        expect(decode(column('bytes'), builder.buffer.subarray(0, builder.length - 1))).to.deep.equal(bytes)
      }),
    )
  })

  it('come from rows in any order, of any length, and from bytes that are not text', () => {
    const long = fc.uint8Array({ minLength: 30_000, maxLength: 70_000 })
    const bytes = fc.uint8Array({ maxLength: 60 })
    const invalid = fc
      .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), fc.nat(), fc.nat(255))
      .map(([value, at, byte]) => {
        const encoded = new Uint8Array(Buffer.from(value))
        encoded[at % encoded.length] = byte
        return encoded
      })
    const text = fc
      .string({ unit: 'binary', maxLength: 60 })
      .map((value) => new Uint8Array(Buffer.from(value)))
    const cell = fc.oneof(
      { arbitrary: text, weight: 6 },
      { arbitrary: bytes, weight: 1 },
      { arbitrary: invalid, weight: 6 },
      { arbitrary: long, weight: 1 },
    )
    const table = fc.array(fc.tuple(fc.option(cell), fc.option(text)), { minLength: 1, maxLength: 40 })
    const names = ['a', 'b'].map((name, at) => ({ name, at, column: { ...column('text'), name } }))
    fc.assert(
      fc.property(table, fc.infiniteStream(fc.nat()), (values, picks) => {
        const builder = new BatchBuilder({ bytes: 1 << 20, rows: values.length })
        for (const row of values) {
          for (const value of row) {
            if (value === null) builder.appendNull()
            else builder.appendBytes(value)
          }
          builder.endRow()
        }
        const rows = new RawRows(2)
        rows.take(builder.take()!)
        const decoder = new RowDecoder(names, 2)
        decoder.take(rows)
        const said = (value: Uint8Array | null) => value && Buffer.from(value).toString()
        const picked = picks.take(values.length).map((pick) => pick % values.length)
        for (const row of [...values.keys(), ...picked]) {
          const [a, b] = values[row]!
          expect(decoder.row(row)).to.deep.equal({ a: said(a), b: said(b) })
        }
      }),
    )
  })

  it('go there and back: numbers', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const [cell] = cells('float', { bits: 53 }, number)
        expect(Object.is(decode(column('float'), cell!), number)).to.equal(true)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.nat(1e7), fc.nat(9), (whole, part, zeros) => {
        for (const text of [
          `${whole}.${'0'.repeat(zeros)}${part}`,
          `-${whole}.${part}`,
          `${part}`,
          `-${part}e${zeros}`,
        ])
          expect(Object.is(decode(column('float'), text), Number(text)), text).to.equal(true)
      }),
    )
    for (const text of ['', '-0', '-', '.', '5.', '.5', '+5', '1.2.3', '1-2'])
      expect(Object.is(decode(column('float'), text), Number(text)), text).to.equal(true)
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (number) => {
        expect(decode(column('integer'), String(number))).to.equal(number)
        expect(cells('integer', {}, number)).to.deep.equal([String(number)])
      }),
    )
    const small = column('integer', { min: '-2147483648', max: '4294967295' })
    for (const text of ['0', '-2147483648', '4294967295', '007'])
      expect(decode(small, text)).to.equal(Number(text))
    expect(decode(small, '\\N')).to.equal(null)
    expect(decode(column('integer', { dynamic: true }), 'no number')).to.equal('no number')
  })

  it('are numbers as the column writes them', () => {
    const tiny = { min: '-128', max: '127' }
    expect(cells('integer', tiny, 5, -0, 5n, '-7', true)).to.deep.equal(['5', '0', '5', '-7', '1'])
    expect(faults('integer', tiny, 128, -129n, '1.0', 1.5, NaN, Infinity, '', {}, undefined)).not.to.include(
      false,
    )
    const year = { min: '0', max: '2155', maxChars: 4, subtypes: ['a year'] }
    expect(cells('integer', year, 0, 2026)).to.deep.equal(['0000', '2026'])
    expect(faults('integer', year, 70, 1900)).to.deep.equal([true, true])
    const money = { precision: 6, scale: 2 }
    expect(cells('decimal', money, 12.5, '1234.50', 9999n, 1e-2, '-.5', '00001')).to.deep.equal([
      '12.5',
      '1234.50',
      '9999',
      '0.01',
      '-.5',
      '00001',
    ])
    expect(faults('decimal', money, 1e-3, 12345, '1e2', NaN, '1,5', 0.1 + 0.2)).not.to.include(false)
    expect(cells('decimal', {}, 1e21, 1.5e-7, -1e-7)).to.deep.equal([
      '1000000000000000000000',
      '0.00000015',
      '-0.0000001',
    ])
    expect(cells('float', { bits: 24 }, 0.1, '2')).to.deep.equal([String(Math.fround(0.1)), '2'])
    const finite = { bits: 24, nonFinite: 'none' } as const
    expect(faults('float', finite, 1e39, NaN, Infinity, 'x', ' ')).not.to.include(false)
    expect(cells('float', { nonFinite: 'infinities' }, Infinity, -Infinity)).to.deep.equal([
      'Infinity',
      '-Infinity',
    ])
    expect(faults('float', { nonFinite: 'infinities' }, NaN, '1e999', 'Infinity')).not.to.include(false)
    expect(cells('float', {}, NaN)).to.deep.equal(['NaN'])
    expect(cells('boolean', {}, true, 0, 1n)).to.deep.equal(['1', '0', '1'])
    expect(faults('boolean', {}, 2, 'true')).to.deep.equal([true, true])
  })

  it('are dates and times of the calendar, as exact as the column', () => {
    const datetime = {
      fractionDigits: 3,
      dates: 'zero',
      earliest: '1970-01-01 00:00:01',
      latest: '2038-01-19 03:14:07',
    } as const
    expect(
      faults(
        'instant',
        datetime,
        '2024-02-29 23:59:59.123',
        '2038-01-19 03:14:07.999',
        '0000-00-00 00:00:00',
      ),
    ).not.to.include(true)
    expect(
      faults(
        'instant',
        datetime,
        '2023-02-29 00:00:00',
        '2038-01-19 03:14:08',
        '1969-12-31 00:00:00',
        '2024-01-01',
        '2024-01-01 24:00:00',
        '2024-01-01 00:00:00.1234',
      ),
    ).not.to.include(false)
    expect(faults('date', { dates: 'partial' }, '2024-00-00', '9999-12-31', '2000-02-29')).not.to.include(
      true,
    )
    expect(
      faults('date', { dates: 'calendar' }, '2024-01-00', '0000-00-00', '1900-02-29', '2024-1-1'),
    ).not.to.include(false)
    expect(faults('time', { fractionDigits: 0 }, '-838:59:59', '12:00:00.000')).not.to.include(true)
    expect(faults('time', { fractionDigits: 0 }, '12:60:00', '12:00', '12:00:00.5')).not.to.include(false)
  })

  it('are bytes that nothing fills up', () => {
    const bytes = (...values: number[]) => Uint8Array.from(values)
    expect(
      faults('bytes', { maxBytes: 2, padded: true }, bytes(1), bytes(1, 2, 3), Buffer.from('ab')),
    ).to.deep.equal([true, true, false])
    expect(
      faults('bytes', { maxBits: 12 }, bytes(0x0f, 0xff), bytes(0, 0x0f, 0xff), bytes(0x10, 0), bytes()),
    ).to.deep.equal([false, false, true, false])
  })

  it('fill batches that are cut where they are too large', () => {
    const rows = Array.from({ length: 100 }, (_, i) => `row ${i}`)
    const pieces = [...cutRows(batch(...rows), { bytes: 64, rows: 7 })]
    expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).toString()).to.equal(
      batch(...rows).bytes.toString(),
    )
    expect(Math.max(...pieces.map((piece) => piece.rows))).to.equal(7)
    const whole = batch('a', 'b')
    expect([...cutRows(whole, { bytes: 3, rows: 2 })], 'the row that crosses the limit').to.deep.equal([
      whole,
    ])
  })

  it('come from a module beside the params', () => {
    const params = JSON.stringify({ transform: './a b.mjs', transform_timeout: 2 })
    expect(withMode(params, 'init', '/etc/tasks').transform).to.deep.equal({
      module: 'file:///etc/tasks/a%20b.mjs',
      timeout: 2,
    })
    expect(() => readParams({ transform_timeout: 2 })).to.throw('goes with "transform"')
    expect(() => readParams({ transform: 'a.js', mode: 'sync' })).to.throw('cannot be repeated')
  })
})
