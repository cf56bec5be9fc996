import type { BatchLimits } from '../src/wire/builder.js'
import { BatchBuilder, recycle } from '../src/wire/builder.js'
import { RawRows } from '../src/wire/raw-rows.js'
import type { Batch } from '../src/contract/plugin.js'
import type { ColumnProducer, RowOutcome, PipelineSink } from './column-producer.js'

/** Rows, and where each of them stands among those that were read. */
export interface TracedRows {
  readonly rows: RawRows
  /** null: at the same index. */
  readonly readIndexes: Int32Array | null
}

interface Level {
  readonly producers: readonly ColumnProducer[]
  readonly rows: RawRows
}

/** Puts values behind the cells of rows, level by level, each made of what stands there before. */
export class ExtendedRows {
  readonly #levels: readonly Level[]
  readonly #builder: BatchBuilder
  /** Memory that the rows of the last level stand in. */
  #batch: Batch | null = null

  /** `width`: cells of a row as it is read. `limits` say how much memory is taken at first; a batch stays in one piece. */
  constructor(levels: readonly (readonly ColumnProducer[])[], width: number, limits: BatchLimits) {
    this.#builder = new BatchBuilder(limits)
    let cells = width
    this.#levels = levels.map((producers) => {
      cells += producers.length
      return { producers, rows: new RawRows(cells) }
    })
  }

  /** `lose` is told of rows that are not kept, by their index among those that were read. */
  async extend(
    read: RawRows,
    sink: PipelineSink,
    lose: (row: number, fate: RowOutcome) => void,
  ): Promise<TracedRows> {
    let traced: TracedRows = { rows: read, readIndexes: null }
    for (const level of this.#levels) {
      for (const producer of level.producers) await producer.prepare?.(traced.rows, sink)
      const readIndexes = this.#build(level.producers, traced, lose)
      const batch = this.#builder.take() ?? { bytes: Buffer.alloc(0), rows: 0 }
      level.rows.take(batch)
      this.release()
      this.#batch = batch
      traced = { rows: level.rows, readIndexes }
    }
    return traced
  }

  /** The rows are done with. */
  release(): void {
    if (this.#batch !== null && this.#batch.rows > 0) recycle(this.#batch)
    this.#batch = null
  }

  #build(
    producers: readonly ColumnProducer[],
    { rows, readIndexes }: TracedRows,
    lose: (row: number, fate: RowOutcome) => void,
  ): Int32Array {
    const builder = this.#builder
    builder.length = 0
    builder.rows = 0
    const from = new Int32Array(rows.rows)
    for (let row = 0; row < rows.rows; row++) {
      const readIndex = readIndexes === null ? row : readIndexes[row]!
      const start = builder.length
      const fate = appendRow(producers, rows, row, builder)
      if (fate === 'keep') from[builder.rows - 1] = readIndex
      else {
        builder.length = start
        lose(readIndex, fate)
      }
    }
    return from
  }
}

function appendRow(
  producers: readonly ColumnProducer[],
  rows: RawRows,
  row: number,
  to: BatchBuilder,
): RowOutcome {
  rows.appendRow(row, to)
  for (const producer of producers) {
    const fate = producer.append(rows, row, to)
    if (fate !== 'keep') return fate
  }
  to.endRow()
  return 'keep'
}
