import type { ColumnPair } from '../../plan/mapping.js'
import type { TableSchema } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { Make } from '../../task/make.js'
import { PRELOAD_BYTES } from '../lookup/params.js'

export interface Repeatable {
  readonly pairs: readonly ColumnPair[]
  readonly fresh: readonly ColumnPair[]
}

/**
 * What a comparison can make again of the columns that worker threads make. An id that is kept in a map is looked up there, so
 * that nothing can be given or written; one that is new for each row of each run (`fresh`) is nowhere to be found.
 */
export function repeatable(pairs: readonly ColumnPair[]): Repeatable {
  return {
    pairs: pairs.filter((pair) => !isFresh(pair)).map(lookedUp),
    fresh: pairs.filter(isFresh),
  }
}

function isFresh({ make }: ColumnPair): boolean {
  return make !== undefined && isNewEachRun(make.how)
}

/** Id maps that a repair creates before it gives ids. */
export function createdMaps(repair: RunPlan | null): readonly TableSchema[] {
  const cells = repair?.pipeline?.cells ?? []
  const maps = cells.flatMap((cell) => (cell.type === 'id' && cell.map ? [cell.map.write] : []))
  return maps.flatMap(({ create, table }) => (create === null ? [] : [table]))
}

export function isNewEachRun(how: Make | null): boolean {
  return how?.type === 'id' && how.map === null
}

function lookedUp(pair: ColumnPair): ColumnPair {
  const { make } = pair
  if (make?.how?.type !== 'id') return pair
  const { table, key, value } = make.how.map!
  const how: Make = {
    type: 'lookup',
    in: 'target',
    tables: [table],
    key: [key],
    value,
    missing: { rule: 'no id', created: false },
    preloadBytes: PRELOAD_BYTES,
  }
  return { ...pair, make: { ...make, how } }
}
