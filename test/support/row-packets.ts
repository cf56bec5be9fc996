// Results of MySQL as the server sends them, and what must become of them.
import { expect } from 'chai'
import type { Quoting } from '../../plugins/mysql/transcode.js'
import { RowDecoder } from '../../plugins/mysql/transcode.js'
import type { Batch } from '../../src/wire/batch.js'
import type { BatchLimits } from '../../src/wire/builder.js'
import { BatchBuilder } from '../../src/wire/builder.js'
import type { ColumnKind } from '../../src/contract/plugin.js'

export type Cell = Buffer | null
export type Row = readonly Cell[]

const VALUE = Buffer.from([0])
const NULL = Buffer.from([1])
const END_PACKET = Buffer.from([0xfe, 0, 0, 2, 0])
export const MAX_PAYLOAD = 0xffffff

/** A result as the server sends it: row packets, the first of them with number `sequence`, then the end packet. */
export function result(rows: readonly Row[], sequence = 0): Buffer {
  let next = sequence
  const payloads = rows.map((cells) => Buffer.concat(cells.flatMap(encoded)))
  return Buffer.concat([...payloads, END_PACKET].flatMap((payload) => packets(payload, () => next++ & 0xff)))
}

/** A payload that fills a packet is continued, if only by an empty one. */
function packets(payload: Buffer, sequence: () => number): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at <= payload.length; at += MAX_PAYLOAD) {
    const part = payload.subarray(at, at + MAX_PAYLOAD)
    const header = Buffer.alloc(4)
    header.writeUIntLE(part.length, 0, 3)
    header[3] = sequence()
    parts.push(header, part)
  }
  return parts
}

function encoded(cell: Cell): Buffer[] {
  if (cell === null) return [Buffer.from([0xfb])]
  const { length } = cell
  if (length < 0xfb) return [Buffer.from([length]), cell]
  const [first, width] = length < 0x10000 ? [0xfc, 2] : length < 0x1000000 ? [0xfd, 3] : [0xfe, 8]
  const prefix = Buffer.alloc(1 + width)
  prefix[0] = first
  prefix.writeUIntLE(length, 1, Math.min(width, 6))
  return [prefix, cell]
}

/** What executes the prepared statement 7 with these rows. */
export function parametersOf(rows: readonly Row[], how: readonly Quoting[]): Buffer {
  const types = how.flatMap((each) => [each === 'bytes' ? 252 : 254, 0])
  const cells = rows.flat().flatMap((cell) => (cell === null ? [NULL] : [VALUE, ...encoded(cell)]))
  return Buffer.concat([Buffer.from([0xfa, 7, 0, 0, 0, 128, 0, ...types]), ...cells])
}

/** The same, cell by cell through the plain builder: slow, obvious, and the measure of the fast loop. */
export function expectedBatch(rows: readonly Row[]): Buffer {
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

const decoder = new RowDecoder()

/** How the bytes of a result arrive: in buffers of their own, or read by a socket into the decoder's memory. */
export type Arrival = (bytes: Buffer) => Buffer
export const anywhere: Arrival = (bytes) => bytes
export const inSocket: Arrival = (bytes) => {
  bytes.copy(decoder.chunk)
  return decoder.chunk.subarray(0, bytes.length)
}

export class Rejected extends Error {
  readonly cells: readonly Cell[]

  constructor(cells: readonly Cell[]) {
    super('refused')
    this.cells = cells
  }
}

interface Decoding {
  readonly arrival?: Arrival
  readonly sequence?: number
  readonly limits?: BatchLimits
  /** Where the bytes are cut, ascending. */
  readonly cuts?: readonly number[]
  /** Of the columns; else they are of bytes. */
  readonly kinds?: readonly ColumnKind[]
}

/** The batches of a result whose bytes arrive in pieces. */
export function decode(bytes: Buffer, columns: number, options: Decoding = {}): Batch[] {
  const { arrival = anywhere, sequence = 0, limits = { bytes: 1 << 20, rows: 1e9 }, cuts = [] } = options
  const { kinds = Array<ColumnKind>(columns).fill('bytes') } = options
  const builder = new BatchBuilder(limits)
  const batches: Batch[] = []
  const sink = decoder.into({
    builder,
    columns: kinds.map((kind, i) => ({ name: `c${i}`, type: kind, kind, valueRange: { nonFinite: 'none' } })),
    onFull: () => batches.push(builder.take()!),
    rowError: (cells) => new Rejected(cells),
  })
  sink.start(sequence)
  const ends = [...cuts, bytes.length]
  for (const [i, end] of ends.entries()) {
    const rest = sink.feed(arrival(bytes.subarray(i === 0 ? 0 : ends[i - 1], end)))
    expect(rest === null, 'the end packet comes last').to.equal(i < ends.length - 1)
    if (rest) expect(rest.subarray(4).equals(END_PACKET)).to.equal(true)
    if (rest) expect(rest[3]).to.equal(sink.sequence)
  }
  const last = builder.take()
  return last ? [...batches, last] : batches
}

export function fastBatch(rows: readonly Row[]): Batch {
  return decode(result(rows), rows[0]!.length)[0]!
}

/** What the server makes of a quoted literal, by its documented rules. */
export function literal(cell: Cell, how: Quoting): string {
  if (cell === null) return 'NULL'
  if (how === 'integer' || how === 'decimal') return cell.toString('latin1')
  let text = how === 'bytes' ? "_binary'" : "'"
  for (const byte of cell) {
    const escaped = { 0: '\\0', 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\', 39: "''" }[byte]
    text += escaped ?? String.fromCharCode(byte)
  }
  return `${text}'`
}
