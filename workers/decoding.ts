import { unescapeInto } from '../src/wire/each-row.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import { NO_TEXT } from '../src/wire/raw-rows.js'

/**
 * Bytes of rows that become text in one go. A call into the runtime for each cell would cost several times as much; the
 * string of a whole batch would not be born in the memory of the young, and be slow to get rid of.
 */
const PIECE = 32 << 10

/** A batch whose cells become values. */
export class Decoding {
  readonly #width: number
  /** Of each cell of a row, whether it may be text. */
  readonly #texts: Uint8Array
  rows!: RawRows
  /** The rows that are text now. */
  #first = 0
  #end = 0
  /** A character for each of their bytes, the first of which stands at `#from`. */
  #text = ''
  #from = 0
  /** What those of their cells say that have escapes or characters beyond ASCII, one after another. */
  #decoded = ''
  /** Where, for each of their cells. */
  #offsets: Int32Array = new Int32Array(0)

  /** `width`: cells of each row as it stands in a batch; `texts`: where in a row the cells stand that may be text. */
  constructor(width: number, texts: readonly number[]) {
    this.#width = width
    this.#texts = Uint8Array.from({ length: width }, (_, at) => (texts.includes(at) ? 1 : 0))
  }

  take(rows: RawRows): void {
    this.rows = rows
    this.#first = 0
    this.#end = 0
  }

  /** Before any cell of the row is decoded. */
  reach(row: number): void {
    if (row < this.#first || row >= this.#end) this.#read(row)
  }

  /** A cell whose bytes are its text. */
  ascii(start: number, end: number): string {
    return this.#text.slice(start - this.#from, end - this.#from)
  }

  /** Any other cell that may be text. */
  textAt(cell: number): string | null {
    const offset = 2 * (cell - this.#first * this.#width)
    const begin = this.#offsets[offset]!
    if (begin >= 0) return this.#decoded.slice(begin, this.#offsets[offset + 1])
    return begin === NO_TEXT ? this.#decodeInvalidUtf8(cell) : null
  }

  /** As many rows as fit into a piece, but at least one. */
  #read(row: number): void {
    const { bytes, ends, rows } = this.rows
    const width = this.#width
    const from = ends[row * width]! + 1
    let end = row + 1
    while (end < rows && ends[(end + 1) * width]! < from + PIECE) end++
    this.#first = row
    this.#end = end
    this.#from = from
    this.#text = bytes.toString('latin1', from, ends[end * width])
    const { text, offsets } = this.rows.decodeText(row, end, this.#texts)
    this.#decoded = text
    this.#offsets = offsets
  }

  /** The runtime has signs for what is not a character. */
  #decodeInvalidUtf8(cell: number): string {
    const { bytes, ends } = this.rows
    const [start, end] = [ends[cell]! + 1, ends[cell + 1]!]
    const plain = Buffer.alloc(end - start)
    return plain.toString('utf8', 0, unescapeInto(plain, bytes, start, end))
  }
}
