import type { RowshiftError } from '../src/contract/errors.js'
import type { Batch, ReadSpec, Split, StagePlan } from '../src/contract/plugin.js'
import type { Router } from '../src/features/shard/router.js'
import type { RangeSource } from '../src/features/sources/range-reader.js'
import type { RouteSink } from '../src/features/verify/shard-cell.js'
import { routedRows } from '../src/features/verify/shard-cell.js'
import type { Stage } from './stage.js'

/** Who compares the rows. */
export interface SourceSink {
  /** Rows that a copy leaves out on purpose. */
  addFiltered(rows: number): void
  /** A row, as it was read, that a copy refuses. */
  addUnresolved(row: Batch, error: RowshiftError): void
}

/** Makes rows as a copy makes them before it writes them. */
export interface Making {
  readonly plan: StagePlan
  readonly stage: Stage
}

/** Which shard rows belong to, and who wants to know. */
export interface Routing {
  readonly router: Router
  readonly sink: RouteSink
}

/** Rows of the source as they are compared: made as a copy makes them, with the name of their shard. */
export class SourceRows {
  readonly #ranges: RangeSource
  readonly #plan: ReadSpec
  readonly #making: Making | null
  readonly #routing: Routing | null

  /** `making` null: as they are read. `routing` null: the target is one table. */
  constructor(ranges: RangeSource, spec: ReadSpec, making: Making | null, routing: Routing | null) {
    this.#ranges = ranges
    this.#plan = making ? { ...spec, columns: making.plan.reads } : spec
    this.#making = making
    this.#routing = routing
  }

  async *read(range: Split, sink: SourceSink, signal: AbortSignal): AsyncGenerator<Batch> {
    for await (const batch of this.#made(this.#ranges.read(this.#plan, range, signal), range, sink)) {
      yield this.#routing ? routedRows(batch, this.#routing.router, this.#routing.sink) : batch
    }
  }

  async *#made(batches: AsyncIterable<Batch>, range: Split, sink: SourceSink): AsyncGenerator<Batch> {
    if (this.#making === null) {
      yield* batches
      return
    }
    const told = {
      split: range.index,
      filtered: (rows: number) => sink.addFiltered(rows),
      added: () => {},
      missing: () => {},
      refuse: (row: Batch, error: RowshiftError) => sink.addUnresolved(row, error),
    }
    for await (const batch of batches) yield* this.#making.stage.apply(batch, told)
  }
}
