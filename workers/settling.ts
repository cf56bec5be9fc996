import type { SettleJob } from '../src/engine/messages.js'
import type { Batch, WriteOptions } from '../src/contract/plugin.js'
import type { TargetCounts } from '../src/contract/target-spec.js'
import type { Target } from '../src/features/shard/target.js'

/** Writes rows of one table that have waited for a unique value. */
export async function settleRows(
  target: Target,
  { settle }: SettleJob,
  options: Omit<WriteOptions, 'onDeferred'>,
): Promise<TargetCounts> {
  const rows: Batch[] = settle.map(({ rows, bytes }) => ({
    rows,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  }))
  const { shard } = settle[0]!
  const { writer, spec } = await target.table(shard, options.signal)
  const counts = await writer.skills.settle!(spec, rows, options)
  return shard === null ? counts : { ...counts, shards: { [shard]: counts } }
}
