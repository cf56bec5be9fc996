import { TAB } from '../src/wire/batch.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import type { CellText } from './value-finder.js'

const FIRST_BYTES = 256

/** The keys of rows: their cells as they stand in batches, with separators between them. */
export class RowKeys {
  readonly #at: readonly number[]
  /** Where parts are put side by side. */
  #joined = Buffer.allocUnsafe(FIRST_BYTES)
  /** Where the key of the row stands that was taken last. */
  bytes: Buffer = this.#joined
  start = 0
  end = 0

  /** `at`: the indexes of the parts. */
  constructor(at: readonly number[]) {
    this.#at = at
  }

  /** False for a key of which a part is NULL. */
  take(rows: RawRows, row: number): boolean {
    const [first] = this.#at
    if (this.#at.length > 1) return this.#join(rows, row)
    if (rows.isNull(row, first!)) return false
    this.bytes = rows.bytes
    this.start = rows.start(row, first!)
    this.end = rows.end(row, first!)
    return true
  }

  /** The key that was taken last. */
  text(): CellText {
    return this.bytes.toString('latin1', this.start, this.end)
  }

  #join(rows: RawRows, row: number): boolean {
    let length = 0
    for (const at of this.#at) {
      if (rows.isNull(row, at)) return false
      const [start, end] = [rows.start(row, at), rows.end(row, at)]
      this.#reserve(length + end - start + 1)
      rows.bytes.copy(this.#joined, length, start, end)
      length += end - start
      this.#joined[length++] = TAB
    }
    this.bytes = this.#joined
    this.start = 0
    this.end = length - 1
    return true
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#joined.length) return
    const larger = Buffer.allocUnsafe(bytes * 2)
    this.#joined.copy(larger)
    this.#joined = larger
  }
}
