import type { RowshiftError } from '../src/contract/errors.js'
import type { Batch, Split } from '../src/contract/plugin.js'
import type { PipelinePlan } from '../src/contract/pipeline.js'
import type { Router } from '../src/features/shard/router.js'
import { readRange } from '../src/features/verify/range-reads.js'
import type { RouteSink } from '../src/features/verify/shard-cell.js'
import { routedRows } from '../src/features/verify/shard-cell.js'
import type { Side } from './side.js'
import type { Pipeline } from './row-pipeline.js'

/** Who compares the rows. */
export interface SourceSink {
  /** Rows that a copy leaves out on purpose. */
  addFiltered(rows: number): void
  /** A row, as it was read, that a copy refuses. */
  addUnresolved(row: Batch, error: RowshiftError): void
}

/** Makes rows as a copy makes them before it writes them. */
export interface Computation {
  readonly plan: PipelinePlan
  readonly pipeline: Pipeline
}

/** Which shard rows belong to, and who wants to know. */
export interface Routing {
  readonly router: Router
  readonly sink: RouteSink
}

/** Rows of the source as they are compared: made as a copy makes them, with the name of their shard. */
export class SourceRows {
  readonly #readers: Side['readers']
  readonly #plan: Side['rows']
  readonly #making: Computation | null
  readonly #routing: Routing | null

  /** `making` null: as they are read. `routing` null: the target is one table. */
  constructor({ readers, rows }: Side, making: Computation | null, routing: Routing | null) {
    this.#readers = readers
    this.#plan = making ? { ...rows, columns: making.plan.reads } : rows
    this.#making = making
    this.#routing = routing
  }

  async *read(range: Split, sink: SourceSink, signal: AbortSignal): AsyncGenerator<Batch> {
    const rows = readRange(this.#readers, this.#plan, range, signal)
    for await (const batch of this.#computed(rows, range, sink)) {
      yield this.#routing ? routedRows(batch, this.#routing.router, this.#routing.sink) : batch
    }
  }

  async *#computed(batches: AsyncIterable<Batch>, range: Split, sink: SourceSink): AsyncGenerator<Batch> {
    if (this.#making === null) {
      yield* batches
      return
    }
    const computedSink = {
      split: range.index,
      filtered: (rows: number) => sink.addFiltered(rows),
      added: () => {},
      missing: () => {},
      reject: (row: Batch, error: RowshiftError) => sink.addUnresolved(row, error),
    }
    for await (const batch of batches) yield* this.#making.pipeline.apply(batch, computedSink)
  }
}
