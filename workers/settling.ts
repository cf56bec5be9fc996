import type { SettleJob } from '../src/engine/messages.js'
import type { Batch, WriteOptions } from '../src/contract/plugin.js'
import type { TargetCounts } from '../src/contract/target-spec.js'
import type { Target } from '../src/features/shard/target.js'

/** Writes rows of one table that have waited for a unique value. `batchBytes`: as in {@link TargetOptions}. */
export async function settleRows(
  target: Target,
  { settle }: SettleJob,
  options: Omit<WriteOptions, 'onDeferred'>,
  batchBytes: number | null = null,
): Promise<TargetCounts> {
  const rows: Batch[] = settle.map(({ rows, bytes }) => ({
    rows,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  }))
  const { shard } = settle[0]!
  const { writer, spec } = await target.table(shard, options.signal)
  const settled = batchBytes === null ? spec : { ...spec, batch: { ...spec.batch, bytes: batchBytes } }
  const counts = await writer.skills.settle!(settled, rows, options)
  return shard === null ? counts : { ...counts, shards: { [shard]: counts } }
}
