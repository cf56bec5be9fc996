import { BACKSLASH, NULL_LETTER, UNESCAPED } from '../src/batch/batch.js'
import { unescapeInto } from '../src/batch/cells.js'
import type { RawRows } from '../src/batch/raw-rows.js'

/**
 * Bytes of rows that become text in one go. A call into the runtime for each cell would cost several times as much; the
 * string of a whole batch would not be born in the memory of the young, and be slow to get rid of.
 */
const PIECE = 32 << 10
const NULL = -1

/** A batch whose cells become values. */
export class Decoding {
  readonly #width: number
  /** Where in a row the cells stand that may be text. */
  readonly #texts: readonly number[]
  rows!: RawRows
  /** The rows that are text now. */
  #first = 0
  #end = 0
  /** A character for each of their bytes, the first of which stands at `#from`. */
  #text = ''
  #from = 0
  /** What those of their cells say that have escapes or characters beyond ASCII, one after another. */
  #said = ''
  /** Of each of these, where it begins and ends in `#said`: at twice its place in `#text`. */
  #places = new Int32Array(2 * PIECE)
  /** `#said` while it is made: at most one unit of UTF-16 for each byte. */
  #units = new Uint16Array(PIECE)

  /** `width`: cells of each row as it stands in a batch. */
  constructor(width: number, texts: readonly number[]) {
    this.#width = width
    this.#texts = texts
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

  /** Any other cell. */
  said(start: number): string | null {
    const place = 2 * (start - this.#from)
    const begin = this.#places[place]!
    return begin === NULL ? null : this.#said.slice(begin, this.#places[place + 1])
  }

  /** As many rows as fit into a piece, but at least one. */
  #read(row: number): void {
    const { bytes, ends, marks, rows } = this.rows
    const width = this.#width
    const from = ends[row * width]! + 1
    let end = row + 1
    while (end < rows && ends[(end + 1) * width]! < from + PIECE) end++
    const until = ends[end * width]!
    this.#first = row
    this.#end = end
    this.#from = from
    this.#text = bytes.toString('latin1', from, until)
    if (this.#units.length < until - from) {
      this.#units = new Uint16Array(until - from)
      this.#places = new Int32Array(2 * (until - from))
    }
    let length = 0
    for (let base = row * width; base < end * width; base += width) {
      for (const at of this.#texts) {
        const cell = base + at
        if (marks[cell] !== 0) length = this.#say(bytes, ends[cell]! + 1, ends[cell + 1]!, length)
      }
    }
    this.#said = Buffer.from(this.#units.buffer, 0, 2 * length).toString('utf16le')
  }

  /** Puts what a cell says at `to`; returns where it ends. */
  #say(bytes: Buffer, start: number, end: number, to: number): number {
    const place = 2 * (start - this.#from)
    if (end - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === NULL_LETTER) {
      this.#places[place] = NULL
      return to
    }
    let last = spell(bytes, start, end, this.#units, to)
    if (last < 0) last = spellAny(bytes, start, end, this.#units, to)
    this.#places[place] = to
    this.#places[place + 1] = last
    return last
  }
}

/** Well-formed UTF-8 as UTF-16; returns where it ends, or -1 for anything else. */
function spell(bytes: Buffer, start: number, end: number, units: Uint16Array, to: number): number {
  for (let at = start; at < end;) {
    const byte = bytes[at]!
    if (byte < 0x80) {
      const unit = byte === BACKSLASH ? UNESCAPED[bytes[++at]!]! : byte
      if (unit >= 0x80) return -1
      units[to++] = unit
      at++
    } else if (byte < 0xe0) {
      const code = ((byte & 0x1f) << 6) | follower(bytes, at + 1)
      if (code < 0x80 || byte < 0xc0) return -1
      units[to++] = code
      at += 2
    } else if (byte < 0xf0) {
      const code = ((byte & 0x0f) << 12) | (follower(bytes, at + 1) << 6) | follower(bytes, at + 2)
      if (code < 0x800 || (code & 0xf800) === 0xd800) return -1
      units[to++] = code
      at += 3
    } else {
      const high = (follower(bytes, at + 1) << 12) | (follower(bytes, at + 2) << 6) | follower(bytes, at + 3)
      const code = ((byte & 0x0f) << 18) | high
      if (code < 0x10000 || code > 0x10ffff) return -1
      units[to++] = 0xd7c0 + (code >> 10)
      units[to++] = 0xdc00 + (code & 0x3ff)
      at += 4
    }
  }
  return to
}

/** The six bits of a byte that follows another one; of any other byte, -1, whose bits stay set when it is shifted. A separator ends every cell. */
function follower(bytes: Buffer, at: number): number {
  const byte = bytes[at]!
  return (byte & 0xc0) === 0x80 ? byte & 0x3f : -1
}

/** The runtime has signs for what is no character. */
function spellAny(bytes: Buffer, start: number, end: number, units: Uint16Array, to: number): number {
  const plain = Buffer.alloc(end - start)
  const text = plain.toString('utf8', 0, unescapeInto(plain, bytes, start, end))
  for (let i = 0; i < text.length; i++) units[to++] = text.charCodeAt(i)
  return to
}
