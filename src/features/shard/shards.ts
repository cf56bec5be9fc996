import { RowshiftError } from '../../contract/errors.js'
import type { Batch, PlannedWrite, Writer } from '../../contract/plugin.js'
import type { Sharding } from '../../contract/sharding.js'
import type { TargetCounts } from '../../contract/target-spec.js'
import { dropCells, forEachRow } from '../../wire/each-row.js'
import { cellsOf } from '../../wire/row-name.js'
import { openOnDemand } from './on-demand.js'
import { Parts } from './parts.js'
import { Router } from './router.js'
import type { ShardTable, TargetOptions } from './sharded-write.js'
import { ShardedWrite } from './sharded-write.js'
import type { TableWrite } from './table-writes.js'
import { shardSpec } from './table-writes.js'

/** Rows of a split that are kept until they are written; larger splits are written in several goes. */
const KEPT_BYTES = 16 << 20

/** The shards of a target, and the way of rows into them: a writer for each database, over one connection each. */
export class Shards {
  readonly #writers: readonly Writer[]
  readonly #sharding: Sharding
  /** Of a shard that is not known yet, but for its table. */
  readonly #common: PlannedWrite
  readonly #router: Router
  /** By the router's numbers. null: there is no such table, and none may be made. */
  readonly #tables = new Map<number, ShardTable | null>()

  /** `tables`: of each shard that is known, in order. */
  constructor(
    writers: readonly Writer[],
    common: PlannedWrite,
    sharding: Sharding,
    tables: readonly TableWrite[],
  ) {
    this.#writers = writers
    this.#sharding = sharding
    this.#common = common
    this.#router = new Router({ ...common, sharding })
    for (const [i, shard] of sharding.shards.entries())
      this.#tables.set(this.#router.numberOf(shard), this.#shardTable(shard.name, tables[i]!))
  }

  async write(batches: AsyncIterable<Batch>, options: TargetOptions): Promise<TargetCounts> {
    const router = this.#router
    const write = new ShardedWrite(this.#common.writeMode, options, (number) =>
      this.#numbered(number, options.signal),
    )
    const parts = new Parts()
    const { unwritten } = router
    for await (const batch of batches) {
      parts.begin(batch)
      forEachRow(
        batch,
        (cells, start, end) => {
          const shard = router.shardOf(cells)
          const error =
            shard === null
              ? router.shardError(cellsOf({ bytes: batch.bytes.subarray(start, end), rows: 1 }))
              : null
          const written = dropCells(batch.bytes, end, unwritten)
          if (shard !== null) parts.add(shard, start, written)
          else write.reject({ bytes: batch.bytes.subarray(start, written), rows: 1 }, error!)
        },
        router.wanted,
      )
      if (parts.bytes >= KEPT_BYTES) await write.store(parts, router, false)
    }
    await write.store(parts, router, true)
    // Where no table of the first database is known yet, the name of none is in the statements of one without rows.
    const first = [...this.#tables.values()].find((table) => table?.first)
    return write.end(first ?? { writer: this.#writers[0]!, spec: this.#common })
  }

  /** For rows whose shard is known by name only. */
  async named(name: string, signal: AbortSignal): Promise<TableWrite> {
    const table = await this.#numbered(this.#router.numberNamed(name), signal)
    if (table !== null) return table
    throw new RowshiftError(
      'SHARD_UNKNOWN',
      `Rows belong in ${name}, which is not there and may not be created. Create it like the others and run again.`,
      { table: name },
    )
  }

  #shardTable(name: string, { writer, spec }: TableWrite): ShardTable {
    return { name, writer, spec, first: writer === this.#writers[0] }
  }

  async #numbered(number: number, signal: AbortSignal): Promise<ShardTable | null> {
    const known = this.#tables.get(number)
    if (known !== undefined) return known
    const at = this.#router.locationOf(number)
    const writer = this.#writers[at.endpoint]!
    const shard = await openOnDemand(writer, this.#common, this.#sharding, at, signal)
    const table = shard && this.#shardTable(shard.name, { writer, spec: shardSpec(this.#common, shard) })
    this.#tables.set(number, table)
    return table
  }
}
