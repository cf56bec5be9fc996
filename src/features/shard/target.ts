import { checkCreated } from '../../plan/target.js'
import { cutBatches } from '../../wire/cut-rows.js'
import type { Batch, TableSchema, Writer } from '../../contract/plugin.js'
import type { TargetCounts, TargetSpec } from '../../contract/target-spec.js'
import type { TargetOptions } from './sharded-write.js'
import { Shards } from './shards.js'
import type { TableWrite } from './table-writes.js'
import { tableWrites } from './table-writes.js'

/** The target of a run as the engine writes to it: one table, or the shards that the rows of a split are sorted into. */
export class Target {
  readonly #writers: readonly Writer[]
  readonly #spec: TargetSpec
  readonly #tables: readonly TableWrite[]
  /** null: it is one table. */
  readonly #shards: Shards | null

  /** `writers`: one for each database. */
  constructor(writers: readonly Writer[], spec: TargetSpec) {
    this.#writers = writers
    this.#spec = spec
    this.#tables = tableWrites(writers, spec)
    this.#shards = spec.sharding && new Shards(writers, spec, spec.sharding, this.#tables)
  }

  /** Whether rows may wait for a unique value that another row has: only `upsert` changes the row that has it. */
  get defers(): boolean {
    const settle = this.#writers.every(({ skills }) => skills.settle !== undefined)
    return this.#spec.writeMode === 'upsert' && settle
  }

  /** Before the first split: runs `pre_sql`, and creates the tables that the plan says. `checks` false: `check` follows. */
  async prepare(signal: AbortSignal, checks = true): Promise<void> {
    if (this.#spec.sharding?.onDemand) {
      // A database that is a file is made before threads make tables in it.
      const nothing = { ...this.#spec, create: null, preSql: [] }
      for (const writer of this.#writers) await writer.prepare(nothing, signal)
    }
    for (const { writer, spec } of this.#tables) {
      await writer.prepare(spec, signal)
      if (checks && spec.create) checkCreated(spec, await writer.describe(spec.table.table))
    }
  }

  /** Throws CREATE_FAILED unless the tables are as the plan counts on. `known`: what is known of them. */
  async check(known: ReadonlyMap<string, TableSchema | null>): Promise<void> {
    for (const { writer, spec } of this.#tables) {
      const { table } = spec.table
      if (spec.create) checkCreated(spec, known.get(table) ?? (await writer.describe(table)))
    }
  }

  /** After the last split of a successful run: adds deferred indexes, and runs `post_sql`. */
  async finish(signal: AbortSignal): Promise<void> {
    for (const { writer, spec } of this.#tables) await writer.finish(spec, signal)
  }

  /** Writes the rows of a split, each shard's part of them in a transaction of its own. */
  write(batches: AsyncIterable<Batch>, options: TargetOptions): Promise<TargetCounts> {
    if (this.#shards !== null) return this.#shards.write(batches, options)
    const { writer, spec } = this.#tables[0]!
    const { onDeferred, onCommitted: _, retry: __, batchBytes, ...rest } = options
    return writer.write(spec, cutBatches(batches, batchBytes), {
      ...rest,
      ...(onDeferred && { onDeferred: (rows, error) => onDeferred(rows, error, null) }),
    })
  }

  /** The table of a shard, by its name; null: the one table. */
  async table(shard: string | null, signal: AbortSignal): Promise<TableWrite> {
    return this.#shards === null ? this.#tables[0]! : this.#shards.named(shard ?? '', signal)
  }
}
