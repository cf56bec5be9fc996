import type { BatchLimits } from '../src/wire/builder.js'
import { BatchBuilder, recycle } from '../src/wire/builder.js'
import { RawRows } from '../src/wire/raw-rows.js'
import type { Batch } from '../src/contract/plugin.js'
import type { CellMaker, RowOutcome, PipelineSink } from './cell-maker.js'

/** Rows, and where each of them stands among those that were read. */
export interface MadeRows {
  readonly rows: RawRows
  /** null: at the same index. */
  readonly origins: Int32Array | null
}

interface Level {
  readonly makers: readonly CellMaker[]
  readonly rows: RawRows
}

/** Puts values behind the cells of rows, level by level, each made of what stands there before. */
export class ExtendedRows {
  readonly #levels: readonly Level[]
  readonly #builder: BatchBuilder
  /** Memory that the rows of the last level stand in. */
  #batch: Batch | null = null

  /** `width`: cells of a row as it is read. `limits` say how much memory is taken at first; a batch stays in one piece. */
  constructor(levels: readonly (readonly CellMaker[])[], width: number, limits: BatchLimits) {
    this.#builder = new BatchBuilder(limits)
    let cells = width
    this.#levels = levels.map((makers) => {
      cells += makers.length
      return { makers, rows: new RawRows(cells) }
    })
  }

  /** `lose` is told of rows that are not kept, by their index among those that were read. */
  async extend(
    read: RawRows,
    sink: PipelineSink,
    lose: (row: number, fate: RowOutcome) => void,
  ): Promise<MadeRows> {
    let made: MadeRows = { rows: read, origins: null }
    for (const level of this.#levels) {
      for (const maker of level.makers) await maker.prepare?.(made.rows, sink)
      const origins = this.#build(level.makers, made, lose)
      const batch = this.#builder.take() ?? { bytes: Buffer.alloc(0), rows: 0 }
      level.rows.take(batch)
      this.release()
      this.#batch = batch
      made = { rows: level.rows, origins }
    }
    return made
  }

  /** The rows are done with. */
  release(): void {
    if (this.#batch !== null && this.#batch.rows > 0) recycle(this.#batch)
    this.#batch = null
  }

  #build(
    makers: readonly CellMaker[],
    { rows, origins }: MadeRows,
    lose: (row: number, fate: RowOutcome) => void,
  ): Int32Array {
    const builder = this.#builder
    builder.length = 0
    builder.rows = 0
    const from = new Int32Array(rows.rows)
    for (let row = 0; row < rows.rows; row++) {
      const origin = origins === null ? row : origins[row]!
      const start = builder.length
      const fate = appendRow(makers, rows, row, builder)
      if (fate === 'keep') from[builder.rows - 1] = origin
      else {
        builder.length = start
        lose(origin, fate)
      }
    }
    return from
  }
}

function appendRow(makers: readonly CellMaker[], rows: RawRows, row: number, to: BatchBuilder): RowOutcome {
  rows.appendRow(row, to)
  for (const maker of makers) {
    const fate = maker.append(rows, row, to)
    if (fate !== 'keep') return fate
  }
  to.endRow()
  return 'keep'
}
