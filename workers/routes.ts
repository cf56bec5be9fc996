import type { Cells } from '../src/wire/row-name.js'
import type { ErrorReport } from '../src/contract/errors.js'
import type { RunPlan } from '../src/contract/run-plan.js'
import type { RouteSink } from '../src/features/verify/shard-cell.js'
import type { ComparedEndpoints } from './verify-endpoints.js'

/** Where the rows of a range belong. */
export class Routes implements RouteSink {
  readonly #endpoints: Pick<ComparedEndpoints, 'router' | 'targetRows'>
  readonly #repair: RunPlan | null
  /** By the router's numbers. */
  readonly shards = new Set<number>()
  /** Why a repair cannot write the first row that it cannot write; null: it can, or there is no repair. */
  shardError: ErrorReport | null = null

  constructor(endpoints: Pick<ComparedEndpoints, 'router' | 'targetRows'>, repair: RunPlan | null) {
    this.#endpoints = endpoints
    this.#repair = repair
  }

  belongs(shard: number, cells: Cells): void {
    if (this.shards.has(shard)) return
    this.shards.add(shard)
    const { router, targetRows } = this.#endpoints
    const creatable = this.#repair?.write.sharding?.onDemand != null || this.#created(shard)
    if (targetRows.has(shard) || creatable) return
    this.#reject(cells, `there is no table ${router!.nameOf(shard)}, and the run may not create it`)
  }

  homeless(cells: Cells): void {
    this.#reject(cells)
  }

  /** Whether the repair creates it before it writes. */
  #created(shard: number): boolean {
    const { endpoint, table } = this.#endpoints.router!.locationOf(shard)
    const shards = this.#repair?.write.sharding?.shards ?? []
    return shards.some((each) => each.endpoint === endpoint && each.table === table)
  }

  #reject(cells: Cells, why?: string): void {
    if (this.#repair !== null) this.shardError ??= this.#endpoints.router!.shardError(cells, why).report()
  }
}
