import type { Batch } from '../../contract/plugin.js'

/** Offsets in the shared memory. */
const CALLS = 0
const SPLIT = 1
const ROW = 2
const ROWS = 3
const BYTES = 4
const HEADER_BYTES = 8 * Int32Array.BYTES_PER_ELEMENT
const WHOLE_BATCH = -1

/** What a thread is doing in a user's function. */
export interface Call {
  readonly split: number
  /** Its rows as they were read; null: none are in hand, the module is being loaded. */
  readonly batch: Batch | null
  /** null: the whole batch. */
  readonly row: number | null
}

/**
 * Memory that a thread and the coordinator share: the current row of a user's function. A function that never returns cannot be
 * asked, and one that ends its thread leaves nothing else.
 */
export class ExecutionMarker {
  readonly memory: SharedArrayBuffer
  readonly #numbers: Int32Array
  readonly #bytes: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#numbers = new Int32Array(memory, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT)
    this.#bytes = new Uint8Array(memory, HEADER_BYTES)
  }

  /** With room for batches of that many bytes; rows of larger ones are not shown. */
  static make(bytes: number): ExecutionMarker {
    return new ExecutionMarker(new SharedArrayBuffer(HEADER_BYTES + bytes))
  }

  /** What the next calls are about. Costs a hundredth of what a row does. */
  take(split: number, { bytes, rows }: Batch): void {
    const fits = bytes.length <= this.#bytes.length
    if (fits) this.#bytes.set(bytes)
    this.#numbers[SPLIT] = split
    this.#numbers[ROWS] = fits ? rows : 0
    this.#numbers[BYTES] = fits ? bytes.length : 0
    this.#numbers[ROW] = WHOLE_BATCH
  }

  row(row: number): void {
    this.#numbers[ROW] = row
  }

  /** The time starts again. */
  enter(): void {
    Atomics.add(this.#numbers, CALLS, 1)
  }

  leave(): void {
    Atomics.add(this.#numbers, CALLS, 1)
    this.#numbers[ROW] = WHOLE_BATCH
  }

  /** For the coordinator: another one for each time that the function was entered; null: it is not in it. */
  get entered(): number | null {
    const calls = Atomics.load(this.#numbers, CALLS)
    return calls % 2 === 1 ? calls : null
  }

  /** For the coordinator, of a thread that is dead or unresponsive. */
  get call(): Call {
    const row = this.#numbers[ROW]!
    const bytes = Buffer.from(this.#bytes.slice(0, this.#numbers[BYTES]))
    const batch = bytes.length === 0 ? null : { bytes, rows: this.#numbers[ROWS]! }
    return { split: this.#numbers[SPLIT]!, batch, row: row === WHOLE_BATCH ? null : row }
  }
}
