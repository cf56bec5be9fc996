import type { Batch } from './batch.js'
import { BACKSLASH, NULL_LETTER, UNESCAPED } from './batch.js'
import type { BatchBuilder } from './builder.js'
import { Kernel, SPARE } from './kernel.js'

/** A cell has something that is escaped; or NULL. */
export const ESCAPED = 2
/** A cell has bytes that are not ASCII. */
export const HIGH = 4

/** What `wasm/cells.ts` exports; addresses are plain numbers. */
interface Loops {
  findCells(from: number, end: number, ends: number, marks: number, most: number): number
  decodeText(
    from: number,
    ends: number,
    marks: number,
    cells: number,
    width: number,
    texts: number,
    offsets: number,
    units: number,
  ): number
}

/** Where a cell's text would begin: its bytes are not UTF-8. */
export const NO_TEXT = -2

/** What cells say, one after another. */
export interface DecodedText {
  readonly text: string
  /** Two numbers for each cell: where it begins and where it ends. The first is -1 for NULL, and may be NO_TEXT. */
  readonly offsets: Int32Array
}

/** Where the memory of the loops begins: `UNESCAPED` stands before. */
const ENDS = UNESCAPED.length

/** As this module stands in `dist/src/wire` and in `bundle/src/chunks`. */
const LOOPS = new URL('../wire/cells.wasm', import.meta.url)

/** Where the cells of a batch begin and end, so that they can be copied as they stand, still escaped. */
export class RawRows {
  readonly #width: number
  #kernel: Kernel<Loops> | null = null
  /** In the memory of the loops, where the marks stand, and from where to where the bytes. */
  #marks = 0
  #from = 0
  #end = 0
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
    this.#marks = ENDS + 4 * (cells + 1)
    this.#from = this.#marks + cells
    this.#end = this.#from + bytes.length
    this.bytes = bytes
    this.rows = rows
    const kernel = this.#reserve(this.#end + SPARE)
    kernel.bytes.set(bytes, this.#from)
    const found = kernel.run.findCells(this.#from, this.#end, ENDS + 4, this.#marks, cells)
    if (found !== cells) throw new Error(`a batch of ${rows} rows has not ${cells} cells`)
    this.ends[0] = -1
  }

  /**
   * What the cells of the rows from `first` to before `end` say, without escapes: those of them that have `marks`, in
   * columns with a 1 in `texts`. The offsets hold until the next call.
   */
  decodeText(first: number, end: number, texts: Uint8Array): DecodedText {
    const width = this.#width
    const [cell, cells] = [first * width, (end - first) * width]
    const columns = (this.#end + SPARE + 7) & ~7
    const offsets = (columns + width + 7) & ~7
    const units = offsets + 8 * cells
    const length = this.ends[end * width]! - this.ends[cell]!
    const kernel = this.#reserve(units + 2 * length + 2 * SPARE)
    kernel.bytes.set(texts, columns)
    const [ends, marks] = [ENDS + 4 * cell, this.#marks + cell]
    const last = kernel.run.decodeText(this.#from, ends, marks, cells, width, columns, offsets, units)
    return {
      text: kernel.bytes.toString('utf16le', units, last),
      offsets: new Int32Array(kernel.bytes.buffer, offsets, 2 * cells),
    }
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

  /** Appends all cells of a row, the last one with a separator too. */
  appendRow(row: number, to: BatchBuilder): void {
    this.appendCells(row, 0, this.#width - 1, to)
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

  /** The loops, with so much memory. */
  #reserve(bytes: number): Kernel<Loops> {
    let kernel = this.#kernel
    if (kernel === null) {
      kernel = this.#kernel = new Kernel(LOOPS, bytes)
      kernel.bytes.set(UNESCAPED)
    } else kernel.reserve(bytes)
    const memory = kernel.bytes.buffer
    const cells = this.rows * this.#width
    this.ends = new Int32Array(memory, ENDS, cells + 1)
    this.marks = new Uint8Array(memory, this.#marks, cells)
    return kernel
  }
}
