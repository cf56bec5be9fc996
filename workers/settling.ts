import type { SettleJob } from '../src/engine/messages.js'
import type {
  Batch,
  PlannedWrite,
  TableCounts,
  WriteCounts,
  WriteOptions,
  Writer,
} from '../src/contract/plugin.js'
import { ShardedWriter } from '../src/features/shard/sharded-writer.js'

/** Writes rows of one table that have waited for a unique value. */
export async function settleRows(
  writer: Writer,
  spec: PlannedWrite,
  { settle }: SettleJob,
  options: Omit<WriteOptions, 'onDeferred'>,
): Promise<WriteCounts> {
  const rows: Batch[] = settle.map(({ rows, bytes }) => ({
    rows,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  }))
  const { shard } = settle[0]!
  if (shard === null || !(writer instanceof ShardedWriter)) return writer.skills.settle!(spec, rows, options)
  const end = await writer.shard(spec, shard, options.signal)
  const counts: TableCounts = await end.writer.skills.settle!(end.spec, rows, options)
  return { ...counts, shards: { [shard]: counts } }
}
