/** How far a split had got that failed. */
interface FailedSplit {
  /** It had left a mark. */
  readonly marked: boolean
  /** It was the writer that failed. */
  readonly writing: boolean
  /** What there was of it; null: it cannot be divided. */
  readonly parts: { readonly rows: number; readonly bytes: number } | null
}

const NOTHING: FailedSplit = { marked: false, writing: false, parts: null }

/** Kept until it is said what became of each, by the index of the split. */
export class FailedSplits {
  readonly #splits = new Map<number, FailedSplit>()

  set(index: number, split: FailedSplit): void {
    this.#splits.set(index, split)
  }

  take(index: number): FailedSplit {
    const split = this.#splits.get(index) ?? NOTHING
    this.#splits.delete(index)
    return split
  }
}
