import type { Batch, Reader, ReadPlan, SourceTable, Split, SplitSize } from '../plugin.js'
import { ofTable } from './many-reader.js'

/** What verification needs of a reader. */
export interface RangeSource {
  split(plan: ReadPlan, size: SplitSize, signal: AbortSignal): AsyncIterable<Split>
  divide(plan: ReadPlan, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split>
  read(plan: ReadPlan, range: Split, signal: AbortSignal): AsyncIterable<Batch>
}

/**
 * Many tables looked at together, range by range: a range is of all of them. Its bounds are taken from the table that
 * seems to have the most rows.
 */
export class RangeReader implements RangeSource {
  readonly #readers: readonly Reader[]

  /** One for each database. */
  constructor(readers: readonly Reader[]) {
    this.#readers = readers
  }

  split(plan: ReadPlan, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    const { reader, own } = this.#lead(plan)
    return reader.split(own, size, signal)
  }

  divide(plan: ReadPlan, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    const { reader, own } = this.#lead(plan)
    return reader.divide(own, range, size, signal)
  }

  /** The rows of all tables. */
  async *read(plan: ReadPlan, range: Split, signal: AbortSignal): AsyncGenerator<Batch> {
    for (const table of plan.sources!) yield* this.readTable(plan, table, range, signal)
  }

  readTable(plan: ReadPlan, table: SourceTable, range: Split, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#readers[table.endpoint]!.read(ofTable(plan, table), range, signal)
  }

  #lead(plan: ReadPlan) {
    const rows = ({ estimatedRows }: SourceTable) => estimatedRows ?? 0
    const lead = plan.sources!.reduce((most, table) => (rows(table) > rows(most) ? table : most))
    return { reader: this.#readers[lead.endpoint]!, own: ofTable(plan, lead) }
  }
}
