import type { PipelineSink, RowOutcome, TransformHooks } from './column-producer.js'
import { BatchBuilder, recycle } from '../src/wire/builder.js'
import { RawRows } from '../src/wire/raw-rows.js'
import type { ExecutionMarker } from '../src/features/transform/execution-marker.js'
import type { Batch } from '../src/contract/plugin.js'
import type { ColumnProducers, PipelineContext } from './column-producers.js'
import { producersOf } from './column-producers.js'
import type { Lane } from './thread-lanes.js'
import type { TracedRows } from './extended-rows.js'
import { ExtendedRows } from './extended-rows.js'
import { Transform } from './transform-caller.js'

interface Setup extends PipelineContext {
  readonly runId: string
}

const NONE: ColumnProducers = { levels: [], cells: [] }

/** What one thread does to batches between reading and writing (see `src/contract/pipeline.ts`), one after another. */
export class Pipeline {
  readonly #rows: RawRows
  readonly #builder: BatchBuilder
  readonly #producers: ColumnProducers
  /** null: no values are made before the cells. */
  readonly #extended: ExtendedRows | null
  readonly #transform: Transform | null
  /** Of the cells that the transform gets; null: it gets them as they were read. */
  readonly #cells: RawRows | null
  readonly #slot: ExecutionMarker | null
  #filtered = 0

  private constructor(
    { plan }: Setup,
    producers: ColumnProducers,
    transform: Transform | null,
    slot: ExecutionMarker | null,
  ) {
    const { reads, cells } = plan.pipeline!
    this.#rows = new RawRows(reads.length)
    this.#builder = new BatchBuilder(plan.read.batch)
    this.#producers = producers
    this.#extended =
      producers.levels.length > 0 ? new ExtendedRows(producers.levels, reads.length, plan.read.batch) : null
    this.#transform = transform
    this.#cells = transform !== null && producers.cells.length > 0 ? new RawRows(cells.length) : null
    this.#slot = slot
  }

  /** null when the plan has none. `hooks` are for a plan with a transform. */
  static async open(
    setup: Setup,
    signal: AbortSignal,
    hooks: TransformHooks | null = null,
  ): Promise<Pipeline | null> {
    const { plan, runId } = setup
    if (plan.pipeline === null) return null
    if (plan.pipeline.transform === null) return new Pipeline(setup, producersOf(setup, signal), null, null)
    const { cells, reads, values } = plan.pipeline
    const read = cells.filter((cell) => cell.type === 'read')
    const direct = read.length === cells.length && values.length === 0
    const named = cells.map(({ name, column }, i) => ({ name, column, at: direct ? read[i]!.at : i }))
    const width = direct ? reads.length : cells.length
    const transform = await Transform.open({ plan, runId, cells: named, width, ...hooks! })
    return new Pipeline(setup, direct ? NONE : producersOf(setup, signal), transform, hooks!.slot)
  }

  /** The rows to be written. The memory of the batch given is used again. */
  async *apply(batch: Batch, sink: PipelineSink): AsyncGenerator<Batch> {
    const rows = this.#rows
    rows.take(batch)
    try {
      const traced = await this.#extend(sink)
      for (const producer of this.#producers.cells) await producer.prepare?.(traced.rows, sink)
      if (this.#transform === null) yield* this.#produce(traced, sink)
      else yield* this.#transformed(this.#transform, traced, batch, sink)
    } finally {
      this.#extended?.release()
      recycle(batch)
    }
  }

  async close(): Promise<void> {
    const { levels, cells } = this.#producers
    await Promise.allSettled([...levels.flat(), ...cells].map(async (producer) => producer.close?.()))
  }

  /** The rows with what is made for their cells. */
  async #extend(sink: PipelineSink): Promise<TracedRows> {
    if (this.#extended === null) return { rows: this.#rows, readIndexes: null }
    let filtered = 0
    const traced = await this.#extended.extend(this.#rows, sink, (row, fate) => {
      if (fate === 'filter') filtered++
      else if (fate !== 'keep') sink.reject(this.#rows.row(row), fate)
    })
    if (filtered > 0) sink.filtered(filtered)
    return traced
  }

  *#produce(traced: TracedRows, sink: PipelineSink): Generator<Batch> {
    const builder = this.#clear()
    for (let row = 0; row < traced.rows.rows; row++) {
      this.#keep(traced, row, sink)
      if (builder.full) yield builder.take()!
    }
    this.#tellFiltered(sink)
    const last = builder.take()
    if (last) yield last
  }

  async *#transformed(
    transform: Transform,
    { rows, readIndexes: from }: TracedRows,
    batch: Batch,
    sink: PipelineSink,
  ): AsyncGenerator<Batch> {
    const read = this.#rows
    this.#slot!.take(sink.split, batch)
    if (this.#cells === null) {
      yield* transform.apply({ cells: read, read, readIndexes: null, sink })
      return
    }
    const builder = this.#clear()
    const readIndexes = new Int32Array(rows.rows)
    for (let row = 0; row < rows.rows; row++) {
      if (this.#keep({ rows, readIndexes: from }, row, sink))
        readIndexes[builder.rows - 1] = from?.[row] ?? row
    }
    this.#tellFiltered(sink)
    const extended = builder.take()
    if (extended === null) return
    try {
      this.#cells.take(extended)
      yield* transform.apply({ cells: this.#cells, read, readIndexes, sink })
    } finally {
      recycle(extended)
    }
  }

  /** A split that was given up may have left some. */
  #clear(): BatchBuilder {
    this.#builder.length = 0
    this.#builder.rows = 0
    this.#filtered = 0
    return this.#builder
  }

  /** Makes the cells of a row; false when it is not to be kept. */
  #keep({ rows, readIndexes }: TracedRows, row: number, sink: PipelineSink): boolean {
    const fate = this.#append(rows, row)
    if (fate === 'keep') return true
    if (fate === 'filter') this.#filtered++
    else sink.reject(this.#rows.row(readIndexes?.[row] ?? row), fate)
    return false
  }

  #tellFiltered(sink: PipelineSink): void {
    if (this.#filtered > 0) sink.filtered(this.#filtered)
  }

  /** Leaves nothing of a row that is not kept. */
  #append(rows: RawRows, row: number): RowOutcome {
    const builder = this.#builder
    const start = builder.length
    for (const producer of this.#producers.cells) {
      const fate = producer.append(rows, row, builder)
      if (fate === 'keep') continue
      builder.length = start
      return fate
    }
    builder.endRow()
    return 'keep'
  }
}

/** What a split hears of its rows before they are written. */
export interface SplitSink extends PipelineSink {
  read(batch: Batch): void
}

/** What was read as it is to be written. `lane`: told when rows are transformed. */
export async function* pipelinedRows(
  batches: AsyncIterable<Batch>,
  pipeline: Pipeline | null,
  sink: SplitSink,
  lane: Pick<Lane, 'enter'>,
): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    sink.read(batch)
    if (pipeline === null) yield batch
    else {
      lane.enter('transforming')
      yield* pipeline.apply(batch, sink)
      lane.enter('reading')
    }
  }
}
