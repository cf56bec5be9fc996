import type { Batch } from './batch.js'
import { BACKSLASH, LF, NULL_LETTER, TAB } from './batch.js'
import type { BatchBuilder } from './builder.js'

/** Where the cells of a batch begin and end, so that they can be copied as they stand, still escaped. */
export class RawRows {
  readonly #width: number
  /** Of each cell, row after row: where its separator stands. */
  #ends = new Uint32Array(1024)
  bytes: Buffer = Buffer.alloc(0)
  rows = 0

  /** `width`: cells of a row. */
  constructor(width: number) {
    this.#width = width
  }

  /** Takes another batch in the place of the one before. */
  take({ bytes, rows }: Batch): void {
    const cells = rows * this.#width
    if (this.#ends.length < cells) this.#ends = new Uint32Array(Math.max(cells, this.#ends.length * 2))
    const ends = this.#ends
    let cell = 0
    for (let at = 0; at < bytes.length; at++) {
      // Escaped, neither is the byte itself, so each one is a separator.
      if (bytes[at] === TAB || bytes[at] === LF) ends[cell++] = at
    }
    if (cell !== cells) throw new Error(`a batch of ${rows} rows has ${cell} cells instead of ${cells}`)
    this.bytes = bytes
    this.rows = rows
  }

  /** Where a cell begins. */
  start(row: number, column: number): number {
    const cell = row * this.#width + column
    return cell === 0 ? 0 : this.#ends[cell - 1]! + 1
  }

  /** Where its separator stands. */
  end(row: number, column: number): number {
    return this.#ends[row * this.#width + column]!
  }

  /** Appends the cells from `first` to `last`, with a separator. */
  appendCells(row: number, first: number, last: number, to: BatchBuilder): void {
    to.appendCells(this.bytes, this.start(row, first), this.end(row, last))
  }

  isNull(row: number, column: number): boolean {
    const start = this.start(row, column)
    if (this.end(row, column) - start !== 2) return false
    return this.bytes[start] === BACKSLASH && this.bytes[start + 1] === NULL_LETTER
  }

  /** A cell as it stands; a view. */
  cell(row: number, column: number): Buffer {
    return this.bytes.subarray(this.start(row, column), this.end(row, column))
  }

  /** The same as text, a character for each byte. */
  text(row: number, column: number): string {
    return this.bytes.toString('latin1', this.start(row, column), this.end(row, column))
  }

  /** A whole row, as a batch of its own. */
  row(row: number): Batch {
    const end = this.end(row, this.#width - 1) + 1
    return { bytes: this.bytes.subarray(this.start(row, 0), end), rows: 1 }
  }
}
