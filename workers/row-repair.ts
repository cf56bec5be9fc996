import type { Batch, Plan, Writer } from '../src/plugin.js'
import type { RowshiftError } from '../src/errors.js'
import { ShardedWriter } from '../src/shard/sharded-writer.js'
import type { RowActions } from '../src/verify/row-comparison.js'
import { splitShard } from '../src/verify/shard-cell.js'

/** Rows that one transaction deletes. */
const DELETE_ROWS = 500

/** Collects the rows that a repair writes and deletes, and does it. */
export class RowRepair implements RowActions {
  readonly #writer: Writer
  readonly #plan: Plan
  readonly #signal: AbortSignal
  readonly #written: Buffer[] = []
  /** By shard, where there are any. */
  readonly #removed = new Map<string, Buffer[]>()
  /** Rows deleted so far, and committed. */
  deleted = 0

  constructor(writer: Writer, plan: Plan, signal: AbortSignal) {
    this.#writer = writer
    this.#plan = plan
    this.#signal = signal
  }

  readonly write = (row: Buffer): void => {
    this.#written.push(this.#plan.sharding === null ? row : splitShard(row).row)
  }

  /** The bytes are read over when the comparison goes on, so they are copied. */
  readonly remove = (compared: Buffer): void => {
    const sharded = this.#plan.sharding !== null
    const { row, shard } = sharded ? splitShard(compared) : { row: Buffer.from(compared), shard: '' }
    const rows = this.#removed.get(shard) ?? []
    this.#removed.set(shard, rows)
    rows.push(row)
  }

  /** Resolves to the rows written. Deletes before anything is written: an extra row may hold the value of another unique key that a missing one needs. */
  async apply(mayDelete: boolean): Promise<number> {
    if (mayDelete) await this.#delete()
    if (this.#written.length === 0) return 0
    const { rowsWritten } = await this.#writer.write(this.#plan, this.#batches(), {
      signal: this.#signal,
      onProgress: () => {},
      onDirty,
      beforeCommit: () => {},
    })
    return rowsWritten
  }

  async #delete(): Promise<void> {
    for (const [shard, all] of this.#removed) {
      const { writer, plan } =
        this.#writer instanceof ShardedWriter
          ? this.#writer.shard(this.#plan, shard)
          : { writer: this.#writer, plan: this.#plan }
      for (let at = 0; at < all.length; at += DELETE_ROWS) {
        const rows = all.slice(at, at + DELETE_ROWS)
        this.deleted += await writer.remove!(plan, batchOf(rows), this.#signal)
      }
    }
  }

  async *#batches(): AsyncGenerator<Batch> {
    const { bytes: most, rows: mostRows } = this.#plan.batch
    let rows: Buffer[] = []
    let bytes = 0
    for (const row of this.#written) {
      rows.push(row)
      bytes += row.length
      if (bytes < most && rows.length < mostRows) continue
      yield batchOf(rows)
      rows = []
      bytes = 0
    }
    if (rows.length > 0) yield batchOf(rows)
  }
}

function batchOf(rows: readonly Buffer[]): Batch {
  return { bytes: Buffer.concat(rows), rows: rows.length }
}

/** A row that the target refuses ends the repair. */
function onDirty(_row: Batch, error: RowshiftError): never {
  throw error
}
