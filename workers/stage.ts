import { BatchBuilder, recycle } from '../src/batch/builder.js'
import { RawRows } from '../src/batch/raw-rows.js'
import type { WorkerSetup } from '../src/engine/messages.js'
import type { RowshiftError } from '../src/errors.js'
import type { Batch } from '../src/plugin.js'
import { makersOf } from './cell-makers.js'

/** What the stage tells the split whose rows it works on. */
export interface StageSink {
  /** Rows were left out on purpose. */
  filtered(rows: number): void
  /** Rows were made beyond one for each row read. */
  added(rows: number): void
  /** Rows have a key that a lookup did not find. */
  missing(rows: number): void
  /** A row, as it was read, that cannot be made into what is written. Throws when the run tolerates no more of them. */
  refuse(row: Batch, error: RowshiftError): void
}

/** Makes one cell of a row, or several that stand side by side. */
export interface CellMaker {
  /** Looks at a batch as it was read, before the first of its rows is made. */
  prepare?(rows: RawRows, sink: StageSink): Promise<void>
  /** Appends the cells of a row, each with its separator, and says what becomes of the row. */
  append(rows: RawRows, row: number, to: BatchBuilder): RowFate
  /** After the last split. */
  close?(): Promise<void>
}

/** `keep` it, `filter` it out on purpose, or refuse it. */
export type RowFate = 'keep' | 'filter' | RowshiftError

/** What one thread does to batches between reading and writing (see `src/stage.ts`), one after another. */
export class Stage {
  readonly #rows: RawRows
  readonly #builder: BatchBuilder
  readonly #makers: readonly CellMaker[]

  private constructor(rows: RawRows, builder: BatchBuilder, makers: readonly CellMaker[]) {
    this.#rows = rows
    this.#builder = builder
    this.#makers = makers
  }

  /** null when the plan has none. */
  static async open(setup: Pick<WorkerSetup, 'plan' | 'stage'>, signal: AbortSignal): Promise<Stage | null> {
    const { stage, batch } = setup.plan
    if (stage === null) return null
    return new Stage(new RawRows(stage.reads.length), new BatchBuilder(batch), makersOf(setup, signal))
  }

  /** The rows to be written. The memory of the batch given is used again. */
  async *apply(batch: Batch, sink: StageSink): AsyncGenerator<Batch> {
    const rows = this.#rows
    const builder = this.#builder
    // A split that was given up may have left some.
    builder.length = 0
    builder.rows = 0
    rows.take(batch)
    let filtered = 0
    try {
      for (const maker of this.#makers) await maker.prepare?.(rows, sink)
      for (let row = 0; row < rows.rows; row++) {
        const fate = this.#append(row)
        if (fate === 'filter') filtered++
        else if (fate !== 'keep') sink.refuse(rows.row(row), fate)
        if (builder.full) yield builder.take()!
      }
    } finally {
      recycle(batch)
    }
    if (filtered > 0) sink.filtered(filtered)
    const last = builder.take()
    if (last) yield last
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#makers.map(async (maker) => maker.close?.()))
  }

  /** Leaves nothing of a row that is not kept. */
  #append(row: number): RowFate {
    const builder = this.#builder
    const start = builder.length
    for (const maker of this.#makers) {
      const fate = maker.append(this.#rows, row, builder)
      if (fate === 'keep') continue
      builder.length = start
      return fate
    }
    builder.endRow()
    return 'keep'
  }
}
