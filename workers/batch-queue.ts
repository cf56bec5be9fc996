import type { Batch } from '../src/wire/batch.js'
import { recycle } from '../src/wire/builder.js'

/** Who is told that one end of a queue waits for the other. */
export interface Waiting {
  rest(): void
  goOn(): void
}

/**
 * The batches of one split between its reader and its writer, bounded by bytes. Writing begins when the whole split
 * has been read, or when the queue is full: a reader that waits for a writer that waits for a lock is closed by the
 * server, so a split that fits is read to its end first.
 */
export class BatchQueue implements AsyncIterable<Batch> {
  readonly #capacity: number
  readonly #ends: { readonly reads: Waiting; readonly writes: Waiting } | null
  readonly #batches: Batch[] = []
  readonly #spent: Batch[] = []
  #queuedBytes = 0
  #spentBytes = 0
  #ended = false
  #error: unknown = null
  #changed: () => void = () => {}
  #change = this.#nextChange()

  /** `ends`: null: nobody is told. */
  constructor(
    capacityBytes: number,
    ends: { readonly reads: Waiting; readonly writes: Waiting } | null = null,
  ) {
    this.#capacity = capacityBytes
    this.#ends = ends
  }

  /** Resolves when there is room for the next batch; rejects once the queue was stopped. */
  async put(batch: Batch): Promise<void> {
    this.#batches.push(batch)
    this.#queuedBytes += batch.bytes.length
    this.#notify()
    if (this.#full && !this.#ended) {
      this.#ends?.reads.rest()
      while (this.#full && !this.#ended) await this.#change
      this.#ends?.reads.goOn()
    }
    if (this.#error !== null) throw this.#error
  }

  /** No more batches; with an error, the consumer gets that error and the producer's next `put` too. */
  end(error: unknown = null): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#notify()
  }

  async readyToWrite(): Promise<void> {
    while (!this.#full && !this.#ended) await this.#change
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for (;;) {
      if (this.#error !== null) throw this.#error
      const batch = this.#batches.shift()
      if (batch) {
        this.#queuedBytes -= batch.bytes.length
        this.#notify()
        this.#spend(batch)
        yield batch
      } else if (this.#ended) return
      else {
        this.#ends?.writes.rest()
        await this.#change
        this.#ends?.writes.goOn()
      }
    }
  }

  /** Gives the memory back. Only once the writer is done with every batch. */
  recycle(): void {
    for (const batch of [...this.#batches, ...this.#spent]) recycle(batch)
    this.#batches.length = 0
    this.#spent.length = 0
  }

  /** What goes beyond the capacity is left to the garbage collector, so that a huge split does not pile up here. */
  #spend(batch: Batch): void {
    this.#spentBytes += batch.bytes.length
    if (this.#spentBytes <= this.#capacity) this.#spent.push(batch)
  }

  get #full(): boolean {
    return this.#queuedBytes >= this.#capacity
  }

  #notify(): void {
    const changed = this.#changed
    this.#change = this.#nextChange()
    changed()
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve
    })
  }
}
