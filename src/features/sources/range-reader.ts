import type { Batch, Reader, ReadSpec, SourceTable, Split, SplitSize } from '../../contract/plugin.js'
import { ofTable } from './many-reader.js'

/** What verification needs of a reader. */
export interface RangeSource {
  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split>
  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split>
  read(spec: ReadSpec, range: Split, signal: AbortSignal): AsyncIterable<Batch>
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

  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    const { reader, own } = this.#lead(spec)
    return reader.split(own, size, signal)
  }

  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    const { reader, own } = this.#lead(spec)
    return reader.divide(own, range, size, signal)
  }

  /** The rows of all tables. */
  async *read(spec: ReadSpec, range: Split, signal: AbortSignal): AsyncGenerator<Batch> {
    for (const table of spec.sources!) yield* this.readTable(spec, table, range, signal)
  }

  readTable(spec: ReadSpec, table: SourceTable, range: Split, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#readers[table.endpoint]!.read(ofTable(spec, table), range, signal)
  }

  #lead(spec: ReadSpec) {
    const rows = ({ estimatedRows }: SourceTable) => estimatedRows ?? 0
    const lead = spec.sources!.reduce((most, table) => (rows(table) > rows(most) ? table : most))
    return { reader: this.#readers[lead.endpoint]!, own: ofTable(spec, lead) }
  }
}
