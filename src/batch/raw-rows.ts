import type { Batch } from './batch.js'
import { BACKSLASH, NULL_LETTER } from './batch.js'
import type { BatchBuilder } from './builder.js'
import { Kernel, SPARE } from './kernel.js'

/** A cell has something that is escaped; or NULL. */
export const ESCAPED = 2
/** A cell has bytes that are not ASCII. */
export const HIGH = 4

/** What `wasm/cells.ts` exports; addresses are plain numbers. */
interface Loops {
  findCells(from: number, end: number, ends: number, marks: number, most: number): number
}

/** As this module stands in `dist/src/batch` and in `bundle/src/chunks`. */
const LOOPS = new URL('../batch/cells.wasm', import.meta.url)

/** Where the cells of a batch begin and end, so that they can be copied as they stand, still escaped. */
export class RawRows {
  readonly #width: number
  #kernel: Kernel<Loops> | null = null
  /** Of cell i, row after row, where its separator stands: at i + 1. */
  ends: Int32Array = new Int32Array(1)
  /** Of each cell, ESCAPED or HIGH or both; 0: its bytes are its text. */
  marks: Uint8Array = new Uint8Array(0)
  bytes: Buffer = Buffer.alloc(0)
  rows = 0

  /** `width`: cells of a row. */
  constructor(width: number) {
    this.#width = width
  }

  /** Takes another batch in the place of the one before. */
  take({ bytes, rows }: Batch): void {
    const cells = rows * this.#width
    const marks = 4 * (cells + 1)
    const from = marks + cells
    const needed = from + bytes.length + SPARE
    const kernel = (this.#kernel ??= new Kernel(LOOPS, needed))
    kernel.reserve(needed)
    kernel.bytes.set(bytes, from)
    const found = kernel.run.findCells(from, from + bytes.length, 4, marks, cells)
    if (found !== cells) throw new Error(`a batch of ${rows} rows has not ${cells} cells`)
    const memory = kernel.bytes.buffer
    this.ends = new Int32Array(memory, 0, cells + 1)
    this.ends[0] = -1
    this.marks = new Uint8Array(memory, marks, cells)
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
