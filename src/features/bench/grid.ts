/** What a bench tries, in which order, and what it makes of the results. Measures nothing itself. */

/** null in each: the copy decides, as it does without the param. */
export interface Setting {
  readonly writePath: string | null
  readonly workerNum: number | null
  readonly readBatch: number | null
}

export interface Cell extends Setting {
  readonly rows: number
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  /** Why this setting is not possible here; null: it is. */
  readonly impossible: string | null
}

export const AUTOMATIC: Setting = { writePath: null, workerNum: null, readBatch: null }

/** The likely ones first: there may not be time for all. */
const THREADS = [2, 4, 1, 8]
/** Splits of a quarter and of four times the rows that the plan takes. */
const SPLIT_SIZES = [1 / 4, 4]
/** Rates so close to the best one are as good: they differ from one measurement to the next. */
const AS_GOOD = 0.95

/**
 * Numbers of threads and ways to write, each with each. `given`: what the user has set is not varied; `paths`: the chosen one first, and every
 * one before the next number of threads.
 */
export function firstCells(given: Setting, paths: readonly string[], hasKey: boolean): Setting[] {
  const ways = given.writePath !== null || paths.length === 0 ? [given.writePath] : paths
  // A table without a key is one split.
  const threads = given.workerNum === null && hasKey ? THREADS : [given.workerNum]
  return threads.flatMap((workerNum) =>
    ways.map((writePath) => ({ writePath, workerNum, readBatch: given.readBatch })),
  )
}

/** At the best of these, other sizes of splits. */
export function sizeCells(given: Setting, best: Setting, splitRows: number, hasKey: boolean): Setting[] {
  if (given.readBatch !== null || !hasKey) return []
  return SPLIT_SIZES.map((factor) => ({ ...best, readBatch: Math.max(1, Math.round(splitRows * factor)) }))
}

/** null: nothing was measured. */
export function fastestOf(cells: readonly Cell[]): Cell | null {
  return cells.reduce<Cell | null>(
    (best, cell) => (cell.rowsPerSecond > (best?.rowsPerSecond ?? 0) ? cell : best),
    null,
  )
}

/** The one with the least to set, and the fewest threads, of those that are as good as the fastest. */
export function recommended(cells: readonly Cell[]): Cell | null {
  const fastest = fastestOf(cells)
  if (fastest === null) return null
  const good = cells.filter(({ rowsPerSecond }) => rowsPerSecond >= fastest.rowsPerSecond * AS_GOOD)
  const threads = ({ workerNum }: Cell) => workerNum ?? 0
  return good.sort((a, b) => settings(a) - settings(b) || threads(a) - threads(b))[0]!
}

/** As it stands in `params`. */
export function paramsOf({ writePath, workerNum, readBatch }: Setting): Record<string, string | number> {
  return {
    ...(workerNum === null ? {} : { worker_num: workerNum }),
    ...(readBatch === null ? {} : { read_batch: readBatch }),
    ...(writePath === null ? {} : { write_path: writePath }),
  }
}

function settings(setting: Setting): number {
  return Object.keys(paramsOf(setting)).length
}
