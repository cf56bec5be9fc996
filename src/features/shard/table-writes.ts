/** Writes to a target: one table after another, each by the writer of its database. */
import type { PlannedWrite, WritePlan, Writer } from '../../contract/plugin.js'
import type { Shard } from '../../contract/sharding.js'
import type { TargetSpec } from '../../contract/target-spec.js'

/** A table of a target: who writes it, and how. */
export interface TableWrite {
  readonly writer: Writer
  readonly spec: PlannedWrite
}

/** Each table that is known: the one, or all in the order of `Sharding.shards`. `writers`: one for each database. */
export function tableWrites(
  writers: readonly Writer[],
  { sharding, shards, ...spec }: TargetSpec,
): readonly TableWrite[] {
  if (sharding === null) return [{ writer: writers[0]!, spec }]
  return sharding.shards.map((shard, i) => ({
    writer: writers[shard.endpoint]!,
    spec: shardSpec(spec, shard, shards![i]!),
  }))
}

/** How the rows of one shard are written. */
export function shardSpec(
  spec: PlannedWrite,
  { table, identity, create }: Shard,
  write: WritePlan = spec,
): PlannedWrite {
  return { ...spec, ...write, batch: spec.batch, table: { ...spec.table, table, identity }, create }
}
