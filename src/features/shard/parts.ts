import type { Batch, BatchLimits } from '../../contract/plugin.js'
import { BatchBuilder } from '../../wire/builder.js'

/** The rows of one shard among those of a split: where each stands in the batches that were read. */
class Part {
  readonly #spans: number[] = []
  rows = 0

  add(batch: number, start: number, end: number): void {
    this.#spans.push(batch, start, end)
    this.rows++
  }

  *spans(): Generator<readonly [batch: number, start: number, end: number]> {
    for (let i = 0; i < this.#spans.length; i += 3) {
      yield [this.#spans[i]!, this.#spans[i + 1]!, this.#spans[i + 2]!]
    }
  }
}

/** Rows sorted by shard. They are copied only when their shard is written, so that no shard needs a buffer of its own. */
export class Parts {
  readonly #batches: Batch[] = []
  readonly #parts = new Map<number, Part>()
  bytes = 0

  /** Rows of this batch come next. It must stay as it is until `clear`. */
  begin(batch: Batch): void {
    this.#batches.push(batch)
    this.bytes += batch.bytes.length
  }

  add(shard: number, start: number, end: number): void {
    let part = this.#parts.get(shard)
    if (part === undefined) this.#parts.set(shard, (part = new Part()))
    part.add(this.#batches.length - 1, start, end)
  }

  /** The shards that have rows, in order. */
  get shards(): readonly number[] {
    return [...this.#parts.keys()].sort((a, b) => a - b)
  }

  rowsIn(shard: number): number {
    return this.#parts.get(shard)!.rows
  }

  /** Each row of a shard, as a batch of one. */
  *rowsOf(shard: number): Generator<Batch> {
    for (const [batch, start, end] of this.#parts.get(shard)!.spans()) {
      yield { bytes: this.#batches[batch]!.bytes.subarray(start, end), rows: 1 }
    }
  }

  /** The rows of a shard as batches. `spent` takes each of them, to be recycled when the shard is written. */
  async *batchesOf(shard: number, limits: BatchLimits, spent: Batch[]): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(limits)
    const take = function* () {
      const batch = builder.take()
      if (batch === null) return
      spent.push(batch)
      yield batch
    }
    for (const [batch, start, end] of this.#parts.get(shard)!.spans()) {
      builder.reserve(end - start)
      builder.length += this.#batches[batch]!.bytes.copy(builder.buffer, builder.length, start, end)
      builder.rows++
      if (builder.full) yield* take()
    }
    yield* take()
  }

  clear(): void {
    this.#batches.length = 0
    this.#parts.clear()
    this.bytes = 0
  }
}
