import type { Hosts } from '../../engine/job-pool.js'

/** Tables that fit into one split go side by side, so many at a time, where `worker_num` does not say. */
const SMALL_AT_A_TIME = 4

export interface Turns<Table> {
  readonly isSmall: (table: Table) => boolean
  readonly workerNum: number | null
  /** One after another, as they are given. */
  readonly inOrder: boolean
  /** No table begins any more. */
  readonly stopped: () => boolean
  /** `threads` null: as many as the params say. */
  readonly work: (table: Table, threads: number | null) => Promise<void>
}

/** Tables with threads of their own, a small one with a single one. Unless they have an order, the large ones come first, one at a time; then the small ones, side by side. */
export async function inTurns<Table>(
  tables: readonly Table[],
  { isSmall, workerNum, inOrder, stopped, work }: Turns<Table>,
): Promise<void> {
  const lane = async (some: Iterable<Table>) => {
    for (const table of some) {
      if (stopped()) return
      await work(table, isSmall(table) ? 1 : null)
    }
  }
  if (inOrder) return lane(tables)
  await lane(tables.filter((table) => !isSmall(table)))
  const small = tables.filter(isSmall).values()
  await Promise.all(Array.from({ length: workerNum ?? SMALL_AT_A_TIME }, () => lane(small)))
}

/** Whether no other table can be shared among hosts, either. That all of them refuse may be about this one. */
export function endsAll({ lost }: Hosts): boolean {
  return lost !== null && lost.code !== 'HOSTS_REFUSED'
}
