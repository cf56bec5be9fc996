import type { BatchBuilder } from '../src/wire/builder.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import type { ColumnProducer, RowOutcome } from './column-producer.js'

/** Cells that stand side by side in what was read, as they are. */
export class CopiedCells implements ColumnProducer {
  readonly #first: number
  #last: number

  constructor(at: number) {
    this.#first = at
    this.#last = at
  }

  /** Takes the next cell too, if it is the one behind. */
  extend(at: number): boolean {
    if (at !== this.#last + 1) return false
    this.#last = at
    return true
  }

  append(rows: RawRows, row: number, to: BatchBuilder): RowOutcome {
    rows.appendCells(row, this.#first, this.#last, to)
    return 'keep'
  }
}
