import type { BatchBuilder } from '../src/wire/builder.js'
import { TAB } from '../src/wire/batch.js'

/**
 * Appends cells that are copied as they stand. Those that are neighbours, of one row or of several, are copied in one
 * piece, once something else comes.
 */
export class CellRuns {
  readonly #builder: BatchBuilder
  #bytes: Buffer = Buffer.alloc(0)
  /** What is not copied yet. */
  #start = 0
  #end = 0
  #mark = { length: 0, rows: 0, start: 0, end: 0 }

  constructor(builder: BatchBuilder) {
    this.#builder = builder
  }

  /** What cells are copied from, from now on. Nothing of the batch before is left. */
  take(bytes: Buffer): void {
    this.#bytes = bytes
    this.#start = 0
    this.#end = 0
    this.#builder.length = 0
    this.#builder.rows = 0
  }

  /** Cells with their own separator. */
  copy(start: number, end: number): void {
    if (start === this.#end) this.#end = end
    else {
      this.flush()
      this.#start = start
      this.#end = end
    }
  }

  /** A cell whose own separator is another one. */
  copyAlone(start: number, end: number): void {
    this.flush()
    const to = this.#builder
    to.reserve(end - start + 1)
    to.length += this.#bytes.copy(to.buffer, to.length, start, end)
    to.buffer[to.length++] = TAB
  }

  /** Before anything else is appended to the builder. */
  flush(): void {
    const length = this.#end - this.#start
    if (length === 0) return
    const to = this.#builder
    to.reserve(length)
    to.length += this.#bytes.copy(to.buffer, to.length, this.#start, this.#end)
    this.#start = this.#end
  }

  endRow(): void {
    // A copied cell that ends a row has a row end.
    if (this.#end > this.#start) this.#builder.rows++
    else this.#builder.endRow()
  }

  /** Here, `rollback` comes back to. */
  mark(): void {
    const mark = this.#mark
    mark.length = this.#builder.length
    mark.rows = this.#builder.rows
    mark.start = this.#start
    mark.end = this.#end
  }

  rollback(): void {
    const { length, rows, start, end } = this.#mark
    this.#builder.length = length
    this.#builder.rows = rows
    this.#start = start
    this.#end = end
  }

  get full(): boolean {
    const { roomBytes, roomRows } = this.#builder
    return roomBytes <= this.#end - this.#start || roomRows <= 0
  }
}
