import { setTimeout as delay } from 'node:timers/promises'
import { recycle } from '../batch/builder.js'
import { dropCells, forEachRow } from '../batch/cells.js'
import { cellsOf } from '../batch/row-name.js'
import { RowshiftError } from '../errors.js'
import { checkCreated } from '../plan/target.js'
import type {
  Batch,
  Column,
  DesignRequest,
  Plan,
  PlanDraft,
  Sequence,
  TableDesign,
  TableSchema,
  WriteCounts,
  WriteOptions,
  WritePlan,
  Writer,
} from '../plugin.js'
import { addCounts, nothingWritten } from '../write.js'
import type { TableCounts } from '../write.js'
import { openOnDemand } from './on-demand.js'
import { Parts } from './parts.js'
import { nameOf, parsePattern } from './pattern.js'
import { Router } from './router.js'
import { shardPlan, shardPlans } from './shard-plan.js'
import { combined } from './write-plans.js'

/** Rows of a split that are kept until they are written; larger splits are written in several goes. */
const KEPT_BYTES = 16 << 20
const MAX_RETRIES = 5
const RETRY_MS = 100

/** Where the rows of a shard go. */
export interface ShardEnd {
  readonly name: string
  readonly writer: Writer
  readonly plan: Plan
}

/**
 * Many tables as one target: a writer for each database, over one connection each. The rows of a split are sorted by
 * shard, and each shard's part is written in a transaction of its own. What is one table all the same, like an id map, is
 * in the first database.
 */
export class ShardedWriter implements Writer {
  readonly writers: readonly Writer[]
  #routing: {
    readonly plan: Plan
    readonly router: Router
    readonly ends: Map<number, ShardEnd | null>
  } | null = null

  /** One for each of `plan.sharding.databases`. */
  constructor(writers: readonly Writer[]) {
    this.writers = writers
  }

  async connect(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.connect()))
  }

  /** Of one table in the first database. */
  describe(table: string): Promise<TableSchema> {
    return this.writers[0]!.describe(table)
  }

  async repertoire(column: Column) {
    return (await this.writers[0]!.repertoire?.(column)) ?? []
  }

  design(request: DesignRequest): Promise<TableDesign> {
    return this.writers[0]!.design!(request)
  }

  openSequence(sequence: Sequence): Promise<void> {
    return this.writers[0]!.openSequence!(sequence)
  }

  takeBlock(sequence: Sequence, count: number): Promise<string> {
    return this.writers[0]!.takeBlock!(sequence, count)
  }

  /** Without any shard yet, the plan is that of the first one to come. */
  async plan(draft: PlanDraft, writePath: string): Promise<WritePlan> {
    if (draft.sharding === null) return this.writers[0]!.plan(draft, writePath)
    const { shards } = draft.sharding
    if (shards.length === 0) {
      const pattern = parsePattern(draft.target.table)
      const target = { ...draft.target, table: nameOf(pattern, pattern.labels[0]!) }
      const first = await this.writers[0]!.plan({ ...draft, sharding: null, target }, writePath)
      return { ...first, shards: [] }
    }
    const plans: WritePlan[] = []
    for (const { endpoint, table, identity, create } of shards) {
      const target = { ...draft.target, table, identity }
      plans.push(await this.writers[endpoint]!.plan({ ...draft, sharding: null, target, create }, writePath))
    }
    return combined(plans, draft.sharding)
  }

  async prepare(plan: Plan, signal: AbortSignal): Promise<void> {
    if (plan.sharding === null) return this.writers[0]!.prepare(plan, signal)
    // A database that is a file is made before threads make tables in it.
    const nothing = { ...plan, sharding: null, create: null, preSql: [] }
    if (plan.sharding.onDemand) for (const writer of this.writers) await writer.prepare(nothing, signal)
    for (const { shard, plan: own } of shardPlans(plan)) {
      const writer = this.writers[shard.endpoint]!
      await writer.prepare(own, signal)
      if (own.create) checkCreated(own, await writer.describe(shard.table))
    }
  }

  async finish(plan: Plan, signal: AbortSignal): Promise<void> {
    for (const { shard, plan: own } of shardPlans(plan)) {
      await this.writers[shard.endpoint]!.finish(own, signal)
    }
  }

  async write(plan: Plan, batches: AsyncIterable<Batch>, options: WriteOptions): Promise<WriteCounts> {
    const { router } = this.#routed(plan)
    const write = new ShardedWrite(plan, options, (number) => this.#end(plan, number, options.signal))
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
  async shard(plan: Plan, name: string, signal: AbortSignal): Promise<ShardEnd> {
    const { router } = this.#routed(plan)
    const end = await this.#end(plan, router.numberNamed(name), signal)
    if (end !== null) return end
    throw new RowshiftError(
      'SHARD_UNKNOWN',
      `Rows belong in ${name}, which is not there, and a repair makes no table. Create it like the others and run again.`,
      { table: name },
    )
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.writers.map((writer) => writer.close()))
  }

  #routed(plan: Plan) {
    if (this.#routing?.plan === plan) return this.#routing
    const router = new Router(plan)
    const ends = new Map<number, ShardEnd | null>()
    for (const { shard, plan: own } of shardPlans(plan)) {
      ends.set(router.numberOf(shard), {
        name: shard.name,
        writer: this.writers[shard.endpoint]!,
        plan: own,
      })
    }
    return (this.#routing = { plan, router, ends })
  }

  /** null: there is no such table, and none may be made. */
  async #end(plan: Plan, number: number, signal: AbortSignal): Promise<ShardEnd | null> {
    const { router, ends } = this.#routed(plan)
    const known = ends.get(number)
    if (known !== undefined) return known
    const { endpoint, table } = router.placeOf(number)
    const writer = this.writers[endpoint]!
    const shard = await openOnDemand(writer, plan, { endpoint, table }, signal)
    const end = shard && { name: shard.name, writer, plan: shardPlan(plan, shard, plan.write) }
    ends.set(number, end)
    return end
  }
}

/** One split on its way into the shards. */
class ShardedWrite {
  readonly #plan: Plan
  readonly #options: WriteOptions
  readonly #end: (shard: number) => Promise<ShardEnd | null>
  readonly #shards: Record<string, TableCounts> = {}
  #refused = 0
  #handed = 0

  constructor(plan: Plan, options: WriteOptions, end: (shard: number) => Promise<ShardEnd | null>) {
    this.#plan = plan
    this.#options = options
    this.#end = end
  }

  get counts(): WriteCounts {
    const refused = { ...nothingWritten, dirtyRows: this.#refused }
    return { ...Object.values(this.#shards).reduce(addCounts, refused), shards: this.#shards }
  }

  /** A row that no shard is for. */
  refuse(row: Batch, error: RowshiftError): void {
    this.#options.onDirty(row, error)
    this.#refused++
    this.#options.onProgress((this.#handed += row.rows))
  }

  /** Writes what was collected, shard by shard. */
  async store(parts: Parts, router: Router): Promise<void> {
    for (const number of parts.shards) {
      const end = await this.#end(number)
      if (end === null) {
        const why = `there is no table ${router.placeOf(number).table}, and the run may not make it`
        for (const row of parts.rowsOf(number)) this.refuse(row, router.refusal(cellsOf(row), why))
        continue
      }
      const counts = await this.#storePart(end, number, parts)
      this.#shards[end.name] = addCounts(this.#shards[end.name] ?? nothingWritten, counts)
    }
    parts.clear()
  }

  /**
   * Once a shard is committed the split cannot be run again as if nothing had happened, so a part that loses against
   * another's lock after that is tried again here.
   */
  async #storePart(end: ShardEnd, number: number, parts: Parts): Promise<TableCounts> {
    for (let retries = 0; ; retries++) {
      try {
        return await this.#write(end, number, parts)
      } catch (thrown) {
        const error = RowshiftError.from(thrown)
        if (Object.keys(this.#shards).length === 0) throw error
        const again = error.code === 'LOCK_CONFLICT' && error.details['inDoubt'] !== true
        if (!again || retries === MAX_RETRIES) throw partly(error, end.name, this.#shards, this.#plan)
        const pause = RETRY_MS * 2 ** retries * (1 + Math.random())
        await delay(pause, undefined, { signal: this.#options.signal }).catch(() => {})
      }
    }
  }

  async #write({ writer, plan }: ShardEnd, number: number, parts: Parts): Promise<TableCounts> {
    const spent: Batch[] = []
    const held: [row: Batch, error: RowshiftError][] = []
    const { onDirty, onProgress, beforeCommit, signal } = this.#options
    const before = this.#handed
    const flush = () => {
      for (const [row, error] of held.splice(0)) onDirty(row, error)
    }
    try {
      const counts = await writer.write(plan, parts.batchesOf(number, plan.batch, spent), {
        signal,
        onProgress: (rows) => onProgress(before + rows),
        // A part that is tried again must not have its rows refused twice.
        onDirty: plan.errorLimit.record === 0 ? onDirty : (row, error) => held.push([row, error]),
        beforeCommit: () => {
          flush()
          beforeCommit()
        },
      })
      flush()
      const { rowsWritten, rowsUnchanged, rowsSkipped, dirtyRows } = counts
      this.#handed = before + rowsWritten + rowsUnchanged + rowsSkipped + dirtyRows
      return counts
    } finally {
      for (const batch of spent) recycle(batch)
    }
  }
}

function partly(
  error: RowshiftError,
  name: string,
  committed: Readonly<Record<string, TableCounts>>,
  plan: Plan,
): RowshiftError {
  const again =
    plan.writeMode === 'insert'
      ? 'Before it is run again, give it write_mode "upsert" or "ignore"'
      : 'Run it again'
  const names = Object.keys(committed).join(', ')
  return new RowshiftError(
    error.code,
    `${error.message} It happened in ${name}; of this split, the rows for ${names} are committed already. ${again}.`,
    { ...error.details, inDoubt: true, committed },
    error.cause,
  )
}
