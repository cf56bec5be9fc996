import type { Cells } from '../src/wire/row-name.js'
import type { ErrorReport } from '../src/contract/errors.js'
import type { VerifySetup } from '../src/features/verify/messages.js'
import type { RouteSink } from '../src/features/verify/shard-cell.js'
import type { ComparedEndpoints } from './verify-endpoints.js'

/** Where the rows of a range belong. */
export class Routes implements RouteSink {
  readonly #endpoints: Pick<ComparedEndpoints, 'router' | 'targetRows'>
  readonly #repaired: VerifySetup['repaired']
  /** By the router's numbers. */
  readonly shards = new Set<number>()
  /** Why a repair cannot write the first row that it cannot write; null: it can, or there is no repair. */
  shardError: ErrorReport | null = null

  constructor(
    endpoints: Pick<ComparedEndpoints, 'router' | 'targetRows'>,
    repaired: VerifySetup['repaired'],
  ) {
    this.#endpoints = endpoints
    this.#repaired = repaired
  }

  belongs(shard: number, cells: Cells): void {
    if (this.shards.has(shard)) return
    this.shards.add(shard)
    const { router, targetRows } = this.#endpoints
    const creatable = this.#repaired?.sharding?.onDemand != null || this.#created(shard)
    if (targetRows.has(shard) || creatable) return
    this.#reject(cells, `there is no table ${router!.nameOf(shard)}, and the run may not create it`)
  }

  homeless(cells: Cells): void {
    this.#reject(cells)
  }

  /** Whether the repair creates it before it writes. */
  #created(shard: number): boolean {
    const { endpoint, table } = this.#endpoints.router!.locationOf(shard)
    const shards = this.#repaired?.sharding?.shards ?? []
    return shards.some((each) => each.endpoint === endpoint && each.table === table)
  }

  #reject(cells: Cells, why?: string): void {
    if (this.#repaired !== null) this.shardError ??= this.#endpoints.router!.shardError(cells, why).report()
  }
}
