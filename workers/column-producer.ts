import { BatchBuilder } from '../src/wire/builder.js'
import { RawRows } from '../src/wire/raw-rows.js'
import type { ExecutionMarker } from '../src/features/transform/execution-marker.js'
import type { RowshiftError } from '../src/contract/errors.js'
import type { Batch } from '../src/contract/plugin.js'
import type { LogLevel } from '../src/contract/transform.js'

/** What the pipeline tells the split whose rows it works on. */
export interface PipelineSink {
  /** Number of the split. */
  readonly split: number
  /** Rows were left out on purpose. */
  filtered(rows: number): void
  /** Rows were made beyond one for each row read. */
  added(rows: number): void
  /** Rows have a key that a lookup did not find. */
  missing(rows: number): void
  /** A row, as it was read, that cannot be made into what is written. Throws when the run tolerates no more of them. */
  reject(row: Batch, error: RowshiftError): void
}

/** Makes one cell of a row, or several that stand side by side. */
export interface ColumnProducer {
  /** Looks at a batch as it was read, before the first of its rows is made. */
  prepare?(rows: RawRows, sink: PipelineSink): Promise<void>
  /** Appends the cells of a row, each with its separator, and says what becomes of the row. */
  append(rows: RawRows, row: number, to: BatchBuilder): RowOutcome
  /** After the last split. */
  close?(): Promise<void>
}

/** `keep` it, `filter` it out on purpose, or refuse it. */
export type RowOutcome = 'keep' | 'filter' | RowshiftError

/** What a user's function needs of its thread. */
export interface TransformHooks {
  readonly slot: ExecutionMarker
  readonly log: (level: LogLevel, message: string) => void
}
