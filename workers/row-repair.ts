import type { Batch, Column, PlannedWrite, Writer } from '../src/contract/plugin.js'
import { DeferredSplit } from '../src/engine/deferred-rows.js'
import type { RowshiftError } from '../src/contract/errors.js'
import { ShardedWriter } from '../src/features/shard/sharded-writer.js'
import type { RunPlan } from '../src/contract/run-plan.js'
import type { RowActions } from '../src/features/verify/row-comparison.js'
import { splitShard } from '../src/features/verify/shard-cell.js'

/** Rows that one transaction deletes. */
const DELETE_ROWS = 500

/** Collects the rows that a repair writes and deletes, and does it. */
export class RowRepair implements RowActions {
  readonly #writer: Writer
  readonly #spec: PlannedWrite
  /** Set in rows that the source does not have; null: these are deleted. */
  readonly #flag: Column | null
  readonly #signal: AbortSignal
  /** By shard where only the source's SQL can tell it, and the row no longer holds what that said. */
  readonly #written = new Map<string, Buffer[]>()
  /** By shard, where there are any. */
  readonly #removed = new Map<string, Buffer[]>()
  /** Rows that wait for a unique value. */
  readonly deferred = new DeferredSplit()
  /** Rows written, and deleted or flagged, so far, and committed. */
  written = 0
  deleted = 0

  constructor(writer: Writer, { write, deletions }: RunPlan, signal: AbortSignal) {
    this.#writer = writer
    this.#spec = write
    this.#flag = deletions?.flag ?? null
    this.#signal = signal
  }

  readonly write = (compared: Buffer): void => {
    const { sharding } = this.#spec
    const { row, shard } = sharding === null ? { row: compared, shard: '' } : splitShard(compared)
    add(this.#written, sharding !== null && sharding.reads.length > 0 ? shard : '', row)
  }

  /** The bytes are read over when the comparison goes on, so they are copied. */
  readonly remove = (compared: Buffer): void => {
    const sharded = this.#spec.sharding !== null
    const { row, shard } = sharded ? splitShard(compared) : { row: Buffer.from(compared), shard: '' }
    add(this.#removed, shard, row)
  }

  /** Deletes before anything is written: an extra row may hold the value of another unique key that a missing one needs. */
  async apply(mayDelete: boolean): Promise<void> {
    if (mayDelete) await this.#delete()
    for (const [shard, rows] of this.#written) {
      const { writer, spec } = await this.#end(shard)
      const { rowsWritten } = await writer.write(spec, this.#batches(rows), {
        signal: this.#signal,
        onProgress: () => {},
        onDirty: refuse,
        ...this.deferred.optionsFor(spec, writer, shard === '' ? null : shard),
        beforeCommit: () => {},
      })
      this.written += rowsWritten
    }
  }

  async #delete(): Promise<void> {
    for (const [shard, all] of this.#removed) {
      const { writer, spec } = await this.#end(shard)
      for (let at = 0; at < all.length; at += DELETE_ROWS) {
        const rows = all.slice(at, at + DELETE_ROWS)
        this.deleted += this.#flag
          ? await writer.skills.deletes!.flag(spec, batchOf(rows), this.#flag, this.#signal)
          : await writer.skills.deletes!.remove(spec, batchOf(rows), this.#signal)
      }
    }
  }

  async #end(shard: string): Promise<{ readonly writer: Writer; readonly spec: PlannedWrite }> {
    return this.#writer instanceof ShardedWriter && shard !== ''
      ? this.#writer.shard(this.#spec, shard, this.#signal)
      : { writer: this.#writer, spec: this.#spec }
  }

  async *#batches(all: readonly Buffer[]): AsyncGenerator<Batch> {
    const { bytes: most, rows: mostRows } = this.#spec.batch
    let rows: Buffer[] = []
    let bytes = 0
    for (const row of all) {
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

function add(to: Map<string, Buffer[]>, shard: string, row: Buffer): void {
  const rows = to.get(shard) ?? []
  to.set(shard, rows)
  rows.push(row)
}

function batchOf(rows: readonly Buffer[]): Batch {
  return { bytes: Buffer.concat(rows), rows: rows.length }
}

/** A row that the target refuses ends the repair. */
export function refuse(_row: Batch, error: RowshiftError): never {
  throw error
}
