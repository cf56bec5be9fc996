import type { Batch } from './batch.js'
import { BACKSLASH, LF, TAB } from './batch.js'
import type { BatchBuilder } from './builder.js'

/** Shorter cells are copied byte by byte: a call into the runtime costs as much as 30 bytes. */
const SHORT = 32

const SEPARATOR = 1
/** A cell has something that is escaped; or NULL. */
const ESCAPED = 2
/** A cell has bytes that are not ASCII. */
const HIGH = 4

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
    const start = this.start(row, first)
    const end = this.end(row, last)
    to.reserve(end - start + 1)
    const { bytes } = this
    const out = to.buffer
    let length = to.length
    if (end - start < SHORT) for (let at = start; at < end; at++) out[length++] = bytes[at]!
    else length += bytes.copy(out, length, start, end)
    out[length++] = TAB
    to.length = length
  }

  /** A whole row, as a batch of its own. */
  row(row: number): Batch {
    const end = this.end(row, this.#width - 1) + 1
    return { bytes: this.bytes.subarray(this.start(row, 0), end), rows: 1 }
  }
}
