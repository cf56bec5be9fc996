import { BulkBuilder, InsertBuilder, RowDecoder } from '../../plugins/mysql/transcode.js'
import type { Batch } from '../../src/wire/batch.js'
import { BatchBuilder, recycle } from '../../src/wire/builder.js'
import type { Line, Question } from '../question.js'
import type { ColumnKind } from '../../src/contract/plugin.js'

const ROWS = 20_000
const PASSES = 50
const LIMITS = { bytes: 512 << 10, rows: 1e9 }
const END_PACKET = Buffer.from([5, 0, 0, ROWS & 0xff, 0xfe, 0, 0, 2, 0])

const kinds: readonly ColumnKind[] = [
  ...(['integer', 'text', 'integer', 'decimal', 'float'] as const),
  ...(['text', 'text', 'integer', 'datetime', 'instant'] as const),
]
const columns = kinds.map((kind) => ({ name: kind, type: kind, kind, valueRange: {} }))

/** Over prepared packets like those of the ten-column table. */
export const question: Question = {
  asks: 'What the copy loops of MySQL and MariaDB take by themselves: nanoseconds of CPU time per row, the first pass and the others',
  options: {},
  quick: {},
  answer: () => {
    const decoder = new RowDecoder()
    const quoting = [
      ...(['integer', 'text', 'integer', 'decimal', 'text'] as const),
      ...(['text', 'text', 'integer', 'text', 'text'] as const),
    ]
    const insert = new InsertBuilder('INSERT INTO target VALUES ', quoting)
    const bulk = new BulkBuilder('INSERT INTO target VALUES (?,?,?,?,?,?,?,?,?,?)', quoting)
    const packets = Buffer.concat([...Array.from({ length: ROWS }, (_, id) => rowPacket(id)), END_PACKET])
    const batches = decode(decoder, packets)
    const lines = [
      measure('packets → batches', () => decode(decoder, packets).forEach(recycle)),
      measure('batches → INSERT', () => batches.forEach((batch) => insert.build(batch))),
      measure('batches → bulk', () => batches.forEach((batch) => bulk.build(batch, 1))),
    ]
    return Promise.resolve({ settings: [`${ROWS} rows, ${PASSES} passes`], lines })
  },
}

function rowPacket(id: number): Buffer {
  const cells = [
    `${id}`,
    `U${String((id * 2_654_435_761) % 1e12).padStart(12, '0')}`,
    `${id % 5}`,
    `${(id * 7919) % 100_000}.1250`,
    `${id / (1 + (id % 9973))}`,
    `订单标题 ${id} 数据同步${'字'.repeat(id % 7)}`,
    `C:\\path\\${id}\tline one\nline two ${'x'.repeat(id % 40)}`,
    `${(id * 13) % 100_000}`,
    `2020-01-01 00:${String(id % 60).padStart(2, '0')}:00.${String(id).padStart(6, '0')}`,
    id % 10 === 0 ? null : '2020-01-01 00:00:00',
  ]
  const parts = cells.flatMap((text) => {
    const cell = Buffer.from(text ?? '')
    return text === null ? [Buffer.from([0xfb])] : [Buffer.from([cell.length]), cell]
  })
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([length & 0xff, length >> 8, 0, id & 0xff]), ...parts])
}

function decode(decoder: RowDecoder, packets: Buffer): Batch[] {
  const builder = new BatchBuilder(LIMITS)
  const batches: Batch[] = []
  const sink = decoder.into({ builder, columns, onFull: () => batches.push(builder.take()!), rowError })
  sink.start(0)
  // As a socket would deliver them.
  for (let at = 0; at < packets.length; at += decoder.chunk.length) {
    const length = packets.copy(decoder.chunk, 0, at)
    sink.feed(decoder.chunk.subarray(0, length))
  }
  batches.push(builder.take()!)
  return batches
}

function rowError(): Error {
  return new Error('the packets of this benchmark are not what their columns say')
}

function measure(name: string, pass: () => void): Line {
  const times = Array.from({ length: PASSES }, () => {
    const before = process.cpuUsage()
    pass()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1e3) / ROWS
  })
  return {
    labels: { loop: name },
    figures: { 'first pass, ns': times[0]!, 'the others, ns': times.slice(1) },
  }
}
