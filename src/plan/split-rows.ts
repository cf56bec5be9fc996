import { counted } from '../wire/counted.js'
import type { TableSchema } from '../contract/plugin.js'
import type { SpeedLimits } from '../contract/run-plan.js'
import type { Params } from '../task/params.js'

/** A split's share of rows, when `read_batch` does not say: small enough to hold, large enough for a statement. */
const SPLIT_BYTES = 8 << 20
/** Assumed when there are no statistics. */
const ROW_BYTES = 256
const MIN_SPLIT_ROWS = 1_000
/** Fewer splits than this per thread leave threads idle at the end. */
const MIN_SPLITS_PER_THREAD = 4
/** With limits of speed, a split is what may pass in so many seconds: each begins as a whole, and rows should not come in bursts. */
export const LIMITED_SECONDS = 0.5

export interface SplitShare {
  readonly rows: number
  readonly reason: string
}

/** How many rows a split should have, and why. `threads`: those that a run begins with. */
export function splitRows(source: TableSchema, params: Params, threads: number, shards = 1): SplitShare {
  const wanted = unlimitedRows(source, params, threads, shards)
  const most = params.speed === null ? Infinity : limitedRows(params.speed, source)
  if (wanted.rows <= most) return wanted
  return { rows: most, reason: `${counted(most, 'row')} per split: what speed lets pass in half a second` }
}

/** Of a row, as far as statistics say. */
export function rowBytes({ estimatedRowBytes }: TableSchema): number {
  return estimatedRowBytes || ROW_BYTES
}

function limitedRows({ record, byte }: SpeedLimits, source: TableSchema): number {
  const rows = Math.min(record ?? Infinity, (byte ?? Infinity) / rowBytes(source))
  return Math.max(1, Math.floor(rows * LIMITED_SECONDS))
}

function unlimitedRows(source: TableSchema, params: Params, threads: number, shards: number): SplitShare {
  const fewer = params.transform !== null && threads > 1 ? ', fewer where the transform takes long' : ''
  if (params.readBatch !== null) {
    return {
      rows: params.readBatch,
      reason: `${counted(params.readBatch, 'row')} per split: asked for by read_batch${fewer}`,
    }
  }
  const byBytes = Math.floor(SPLIT_BYTES / rowBytes(source))
  const share = Math.ceil((source.estimatedRows ?? Infinity) / (threads * MIN_SPLITS_PER_THREAD))
  // A split has a transaction in each shard.
  const least = MIN_SPLIT_ROWS * Math.max(shards, 1)
  const rows = Math.max(Math.min(byBytes, share), Math.min(least, Math.max(1, byBytes)))
  return {
    rows,
    reason: `${counted(rows, 'row')} per split: at most 8 MiB, and enough splits for every thread${fewer}`,
  }
}

/** A table without a key is one split, and only the next one would wait. */
export function speedWarnings({ speed }: Params, hasSplits: boolean): string[] {
  if (speed === null || hasSplits) return []
  return ['speed holds back splits, and this table has no key to split it by: it is read at full speed']
}
