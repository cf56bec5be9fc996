import type { Batch } from './batch.js'
import { BACKSLASH, LF, NULL_LETTER, TAB } from './batch.js'
import type { BatchBuilder } from './builder.js'

const SEPARATOR = 1
/** A cell has something that is escaped; or NULL. */
export const ESCAPED = 2
/** A cell has bytes that are not ASCII. */
export const HIGH = 4

const MARKS = new Uint8Array(256).fill(HIGH, 0x80)
MARKS[TAB] = SEPARATOR
MARKS[LF] = SEPARATOR
MARKS[BACKSLASH] = ESCAPED

/** Where the cells of a batch begin and end, so that they can be copied as they stand, still escaped. */
export class RawRows {
  readonly #width: number
  /** Of cell i, row after row, where its separator stands: at i + 1. */
  ends: Int32Array = new Int32Array(1024).fill(-1, 0, 1)
  /** Of each cell, ESCAPED or HIGH or both; 0: its bytes are its text. */
  marks = new Uint8Array(1024)
  bytes: Buffer = Buffer.alloc(0)
  rows = 0

  /** `width`: cells of a row. */
  constructor(width: number) {
    this.#width = width
  }

  /** Takes another batch in the place of the one before. */
  take({ bytes, rows }: Batch): void {
    const cells = rows * this.#width
    if (this.marks.length < cells) {
      const room = Math.max(cells, this.marks.length * 2)
      this.ends = new Int32Array(room + 1).fill(-1, 0, 1)
      this.marks = new Uint8Array(room)
    }
    const { ends, marks } = this
    let cell = 0
    let seen = 0
    for (let at = 0; at < bytes.length; at++) {
      const mark = MARKS[bytes[at]!]!
      if (mark === 0) continue
      // Escaped, neither TAB nor LF is the byte itself, so each one is a separator.
      if (mark === SEPARATOR) {
        marks[cell] = seen
        ends[++cell] = at
        seen = 0
      } else seen |= mark
    }
    if (cell !== cells) throw new Error(`a batch of ${rows} rows has ${cell} cells instead of ${cells}`)
    this.bytes = bytes
    this.rows = rows
  }

  /** Where a cell begins. */
  start(row: number, column: number): number {
    return this.ends[row * this.#width + column]! + 1
  }

  /** Where its separator stands. */
  end(row: number, column: number): number {
    return this.ends[row * this.#width + column + 1]!
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
