import type { Batch, Split } from '../src/contract/plugin.js'
import { RowshiftError } from '../src/contract/plugin.js'
import type { Router } from '../src/features/shard/router.js'
import type { SourceTable } from '../src/contract/source-spec.js'
import { tableReads } from '../src/features/sources/table-reads.js'
import { readRange } from '../src/features/verify/range-reads.js'
import { rowsOfShard } from '../src/features/verify/shard-cell.js'
import type { Side } from './side.js'

/** Rows of the target as they are compared, of all its tables; with the name of their shard where that is compared. */
export class TargetRows {
  readonly #side: Side
  readonly #router: Router | null
  /** By the router's numbers. */
  readonly #known: ReadonlySet<number>
  /** Tables that were created while the repair went on, by number. */
  readonly #created = new Map<number, SourceTable>()

  readonly #repairing: boolean

  /** `router` null: the target is one table, or shard placement is not compared. `repairing`: tables may have been created. */
  constructor(side: Side, router: Router | null, repairing: boolean) {
    this.#side = side
    this.#router = router
    this.#repairing = repairing
    this.#known = new Set(router === null ? [] : side.rows.sources!.map((table) => router.numberOf(table)))
  }

  /** Whether the plan has the table that the router knows by this number. */
  has(shard: number): boolean {
    return this.#known.has(shard)
  }

  /** `shards`: where rows of the source belong. */
  async *read(range: Split, shards: Iterable<number>, signal: AbortSignal): AsyncGenerator<Batch> {
    const { readers, rows: plan } = this.#side
    if (this.#router === null) {
      yield* readRange(readers, plan, range, signal)
      return
    }
    const created = this.#repairing ? await this.#createdAmong(shards) : []
    const sources = [...plan.sources!, ...created]
    for (const [i, { reader, spec }] of tableReads(readers, { ...plan, sources }).entries()) {
      for await (const batch of reader.read(spec, range, signal)) yield rowsOfShard(batch, sources[i]!.name)
    }
  }

  async #createdAmong(shards: Iterable<number>): Promise<SourceTable[]> {
    const tables: SourceTable[] = []
    for (const shard of shards) {
      if (this.#known.has(shard)) continue
      const table = this.#created.get(shard) ?? (await this.#find(shard))
      if (table === null) continue
      this.#created.set(shard, table)
      tables.push(table)
    }
    return tables
  }

  async #find(shard: number): Promise<SourceTable | null> {
    const { endpoint, table } = this.#router!.locationOf(shard)
    try {
      const { identity, keys } = await this.#side.readers[endpoint]!.describe(table)
      const { key } = this.#side.rows
      return {
        name: this.#router!.nameOf(shard),
        endpoint,
        table,
        identity,
        estimatedRows: null,
        keys,
        key,
        window: null,
      }
    } catch (thrown) {
      if (RowshiftError.from(thrown).code === 'TABLE_NOT_FOUND') return null
      throw thrown
    }
  }
}
