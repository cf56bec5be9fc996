import { counted } from '../wire/counted.js'
import type { TableSchema } from '../contract/plugin.js'
import type { Params } from '../task/params.js'

/** A split's share of rows, when `read_batch` does not say: small enough to hold, large enough for a statement. */
const SPLIT_BYTES = 8 << 20
/** Assumed when there are no statistics. */
const ROW_BYTES = 256
const MIN_SPLIT_ROWS = 1_000
/** Fewer splits than this per thread leave threads idle at the end. */
const MIN_SPLITS_PER_THREAD = 4

export interface SplitShare {
  readonly rows: number
  readonly reason: string
}

/** How many rows a split should have, and why. */
export function splitRows(source: TableSchema, params: Params, shards = 1): SplitShare {
  const fewer =
    params.transform !== null && params.workerNum > 1 ? ', fewer where the transform takes long' : ''
  if (params.readBatch !== null) {
    return {
      rows: params.readBatch,
      reason: `${counted(params.readBatch, 'row')} per split: asked for by read_batch${fewer}`,
    }
  }
  const byBytes = Math.floor(SPLIT_BYTES / (source.estimatedRowBytes ?? ROW_BYTES))
  const share = Math.ceil((source.estimatedRows ?? Infinity) / (params.workerNum * MIN_SPLITS_PER_THREAD))
  // A split has a transaction in each shard.
  const least = MIN_SPLIT_ROWS * Math.max(shards, 1)
  const rows = Math.max(Math.min(byBytes, share), Math.min(least, Math.max(1, byBytes)))
  return {
    rows,
    reason: `${counted(rows, 'row')} per split: at most 8 MiB, and enough splits for every thread${fewer}`,
  }
}
