import type { CellText } from './value-finder.js'

/** Reckoned for an entry beside its bytes. */
const ENTRY_BYTES = 150

/** What was looked up last: values by key, within a bound of bytes. null: the key is not there. */
export class RecentCells {
  readonly #most: number
  readonly #values = new Map<CellText, Buffer | null>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#most = mostBytes
  }

  /** undefined: not known. */
  get(key: CellText): Buffer | null | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    // A Map keeps the order in which keys came: the first one is the one that was used longest ago.
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  /** A key that is not known. */
  add(key: CellText, value: Buffer | null): void {
    this.#values.set(key, value)
    this.#bytes += weight(key, value)
    for (const [old, oldValue] of this.#values) {
      if (this.#bytes <= this.#most) return
      this.#values.delete(old)
      this.#bytes -= weight(old, oldValue)
    }
  }
}

function weight(key: CellText, value: Buffer | null): number {
  return ENTRY_BYTES + key.length + (value?.length ?? 0)
}
