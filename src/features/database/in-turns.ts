/** Tables that fit into one split go side by side, so many at a time, where `worker_num` does not say. */
const SMALL_AT_A_TIME = 4

export interface Turns<Table> {
  readonly isSmall: (table: Table) => boolean
  readonly workerNum: number | null
  /** No table begins any more. */
  readonly stopped: () => boolean
  /** `threads` null: as many as the params say. */
  readonly work: (table: Table, threads: number | null) => Promise<void>
}

/** Tables with threads of their own: the large ones come first, one at a time; then the small ones, side by side, on one thread each. */
export async function inTurns<Table>(
  tables: readonly Table[],
  { isSmall, workerNum, stopped, work }: Turns<Table>,
): Promise<void> {
  const lane = async (some: Iterable<Table>, threads: number | null) => {
    for (const table of some) {
      if (stopped()) return
      await work(table, threads)
    }
  }
  await lane(
    tables.filter((table) => !isSmall(table)),
    null,
  )
  const small = tables.filter(isSmall).values()
  await Promise.all(Array.from({ length: workerNum ?? SMALL_AT_A_TIME }, () => lane(small, 1)))
}
