import { dropCells, forEachRow } from '../../wire/each-row.js'
import { cellsOf } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import { closeAll, openAll } from '../../contract/opening.js'
import { checkCreated } from '../../plan/target.js'
import type {
  Batch,
  PlannedWrite,
  WriteSpec,
  TableSchema,
  WriteCounts,
  WriteOptions,
  WritePlan,
  Writer,
  WriterSkills,
} from '../../contract/plugin.js'
import { openOnDemand } from './on-demand.js'
import { Parts } from './parts.js'
import { nameOf, parsePattern } from './pattern.js'
import { Router } from './router.js'
import { shardSpec, shardSpecs } from './shard-specs.js'
import type { ShardEnd } from './sharded-write.js'
import { ShardedWrite } from './sharded-write.js'
import { combined } from './write-plans.js'

/** Rows of a split that are kept until they are written; larger splits are written in several goes. */
const KEPT_BYTES = 16 << 20

/**
 * Many tables as one target: a writer for each database, over one connection each. The rows of a split are sorted by
 * shard, and each shard's part is written in a transaction of its own. What is one table all the same, like an id map, is
 * in the first database.
 */
export class ShardedWriter implements Writer {
  readonly writers: readonly Writer[]
  #routing: {
    readonly spec: PlannedWrite
    readonly router: Router
    readonly ends: Map<number, ShardEnd | null>
  } | null = null

  /** One for each of the databases of `WriteSpec.sharding`. */
  constructor(writers: readonly Writer[]) {
    this.writers = writers
  }

  /** Of the first database; what is about the rows of one table is asked of its own writer. */
  get skills(): WriterSkills {
    const { skills } = this.writers[0]!
    return {
      ...(skills.charsetCoverage && { charsetCoverage: (column) => skills.charsetCoverage!(column) }),
      ...(skills.design && { design: (request) => skills.design!(request) }),
      ...(skills.sequences && { sequences: skills.sequences }),
    }
  }

  connect(signal?: AbortSignal): Promise<void> {
    return openAll(this.writers, signal)
  }

  /** Of one table in the first database. */
  describe(table: string): Promise<TableSchema> {
    return this.writers[0]!.describe(table)
  }

  /** Without any shard yet, the plan is that of the first one to come. */
  async plan(spec: WriteSpec, path: string | null): Promise<WritePlan> {
    if (spec.sharding === null) return this.writers[0]!.plan(spec, path)
    const { shards } = spec.sharding
    if (shards.length === 0) {
      const pattern = parsePattern(spec.table.table)
      const table = { ...spec.table, table: nameOf(pattern, pattern.labels[0]!) }
      const first = await this.writers[0]!.plan({ ...spec, sharding: null, table }, path)
      return { ...first, shards: [] }
    }
    const plans: WritePlan[] = []
    for (const { endpoint, create, ...shard } of shards) {
      const table = { ...spec.table, table: shard.table, identity: shard.identity }
      plans.push(await this.writers[endpoint]!.plan({ ...spec, sharding: null, table, create }, path))
    }
    return combined(plans)
  }

  async prepare(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    if (spec.sharding === null) return this.writers[0]!.prepare(spec, signal)
    // A database that is a file is made before threads make tables in it.
    const nothing = { ...spec, sharding: null, create: null, preSql: [] }
    if (spec.sharding.onDemand) for (const writer of this.writers) await writer.prepare(nothing, signal)
    for (const { shard, spec: own } of shardSpecs(spec)) {
      const writer = this.writers[shard.endpoint]!
      await writer.prepare(own, signal)
      if (own.create) checkCreated(own, await writer.describe(shard.table))
    }
  }

  async finish(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    for (const { shard, spec: own } of shardSpecs(spec)) {
      await this.writers[shard.endpoint]!.finish(own, signal)
    }
  }

  async write(
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    options: WriteOptions,
  ): Promise<WriteCounts> {
    const { router } = this.#routed(spec)
    const write = new ShardedWrite(spec, options, (number) => this.#end(spec, number, options.signal))
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
              ? router.refusal(cellsOf({ bytes: batch.bytes.subarray(start, end), rows: 1 }))
              : null
          const written = dropCells(batch.bytes, end, unwritten)
          if (shard !== null) parts.add(shard, start, written)
          else write.refuse({ bytes: batch.bytes.subarray(start, written), rows: 1 }, error!)
        },
        router.wanted,
      )
      if (parts.bytes >= KEPT_BYTES) await write.store(parts, router)
    }
    await write.store(parts, router)
    return write.counts
  }

  /** For repair, which works on rows whose shard is known by name only. */
  async shard(spec: PlannedWrite, name: string, signal: AbortSignal): Promise<ShardEnd> {
    const { router } = this.#routed(spec)
    const end = await this.#end(spec, router.numberNamed(name), signal)
    if (end !== null) return end
    throw new RowshiftError(
      'SHARD_UNKNOWN',
      `Rows belong in ${name}, which is not there and may not be created. Create it like the others and run again.`,
      { table: name },
    )
  }

  close(): Promise<void> {
    return closeAll(this.writers)
  }

  #routed(spec: PlannedWrite) {
    if (this.#routing?.spec === spec) return this.#routing
    const router = new Router(spec)
    const ends = new Map<number, ShardEnd | null>()
    for (const { shard, spec: own } of shardSpecs(spec)) {
      ends.set(router.numberOf(shard), {
        name: shard.name,
        writer: this.writers[shard.endpoint]!,
        spec: own,
      })
    }
    return (this.#routing = { spec, router, ends })
  }

  /** null: there is no such table, and none may be made. */
  async #end(spec: PlannedWrite, number: number, signal: AbortSignal): Promise<ShardEnd | null> {
    const { router, ends } = this.#routed(spec)
    const known = ends.get(number)
    if (known !== undefined) return known
    const { endpoint, table } = router.locationOf(number)
    const writer = this.writers[endpoint]!
    const shard = await openOnDemand(writer, spec, { endpoint, table }, signal)
    const end = shard && { name: shard.name, writer, spec: shardSpec(spec, shard) }
    ends.set(number, end)
    return end
  }
}
