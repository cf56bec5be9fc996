import type { Batch, BatchLimits, Column } from '../src/contract/plugin.js'
import { DeferredSplit } from '../src/engine/deferred-rows.js'
import { RowshiftError } from '../src/contract/errors.js'
import { failpoint } from '../src/failpoint.js'
import type { Target } from '../src/features/shard/target.js'
import type { RunPlan } from '../src/contract/run-plan.js'
import type { RowActions } from '../src/features/verify/row-comparison.js'
import { splitShard } from '../src/features/verify/shard-cell.js'

/** What fewer rows at once may not fail with. */
const TOO_MUCH: readonly string[] = ['SPLIT_TOO_LARGE', 'PACKET_TOO_LARGE']
/** Rows that one transaction deletes. */
const DELETE_ROWS = 500

/** Collects the rows that a repair writes and deletes, and does it. */
export class RowRepair implements RowActions {
  readonly #target: Target
  readonly #sharded: boolean
  /** Set in rows that the source does not have; null: these are deleted. */
  readonly #flag: Column | null
  readonly #signal: AbortSignal
  /** By the name of the shard; null: the target is one table. */
  readonly #written = new Map<string | null, Buffer[]>()
  readonly #removed = new Map<string | null, Buffer[]>()
  /** Rows that wait for a unique value. */
  readonly deferred = new DeferredSplit()
  /** Rows written, and deleted or flagged, so far, and committed. */
  written = 0
  deleted = 0

  constructor(target: Target, { write, deletions }: RunPlan, signal: AbortSignal) {
    this.#target = target
    this.#sharded = write.sharding !== null
    this.#flag = deletions?.flag ?? null
    this.#signal = signal
  }

  readonly write = (compared: Buffer): void => this.#add(this.#written, compared)

  /** The bytes are read over when the comparison goes on, so they are copied. */
  readonly remove = (compared: Buffer): void => this.#add(this.#removed, Buffer.from(compared))

  /** Deletes before anything is written: an extra row may hold the value of another unique key that a missing one needs. */
  async apply(mayDelete: boolean): Promise<void> {
    if (mayDelete) await this.#delete()
    for (const [shard, rows] of this.#written) await this.#write(shard, rows)
  }

  /** In several transactions where one may not change so many rows, or a statement may not hold them. */
  async #write(shard: string | null, rows: readonly Buffer[]): Promise<void> {
    const { writer, spec } = await this.#target.table(shard, this.#signal)
    const deferred: [rows: Batch, error: RowshiftError][] = []
    const options = {
      signal: this.#signal,
      onProgress: () => {},
      onDirty: rejectRow,
      ...(this.#target.defers && {
        onDeferred: (row: Batch, error: RowshiftError) => deferred.push([row, error]),
      }),
      beforeCommit: () => {},
    }
    try {
      const { rowsWritten } = await writer.write(spec, batchesOf(rows, spec.batch), options)
      this.written += rowsWritten
      for (const [row, error] of deferred) this.deferred.add(row, error, shard)
    } catch (thrown) {
      const { code, details } = RowshiftError.from(thrown)
      if (!TOO_MUCH.includes(code) || details['inDoubt'] === true || rows.length === 1) throw thrown
      const half = rows.length >> 1
      await this.#write(shard, rows.slice(0, half))
      await this.#write(shard, rows.slice(half))
    }
  }

  async #delete(): Promise<void> {
    for (const [shard, all] of this.#removed) {
      const { writer, spec } = await this.#target.table(shard, this.#signal)
      for (let at = 0; at < all.length; at += DELETE_ROWS) {
        const rows = all.slice(at, at + DELETE_ROWS)
        this.deleted += this.#flag
          ? await writer.skills.deletes!.flag(spec, batchOf(rows), this.#flag, this.#signal)
          : await writer.skills.deletes!.remove(spec, batchOf(rows), this.#signal)
        failpoint('rows-removed')
      }
    }
  }

  #add(to: Map<string | null, Buffer[]>, compared: Buffer): void {
    const { row, shard } = this.#sharded ? splitShard(compared) : { row: compared, shard: null }
    const rows = to.get(shard) ?? []
    to.set(shard, rows)
    rows.push(row)
  }
}

async function* batchesOf(all: readonly Buffer[], limits: BatchLimits): AsyncGenerator<Batch> {
  let rows: Buffer[] = []
  let bytes = 0
  for (const row of all) {
    rows.push(row)
    bytes += row.length
    if (bytes < limits.bytes && rows.length < limits.rows) continue
    yield batchOf(rows)
    rows = []
    bytes = 0
  }
  if (rows.length > 0) yield batchOf(rows)
}

function batchOf(rows: readonly Buffer[]): Batch {
  return { bytes: Buffer.concat(rows), rows: rows.length }
}

/** A row that the target rejects ends the repair. */
export function rejectRow(_row: Batch, error: RowshiftError): never {
  throw error
}
