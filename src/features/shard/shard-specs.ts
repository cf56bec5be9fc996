import type { PlannedWrite, Shard, WritePlan } from '../../contract/plugin.js'

/** How the rows of one shard are written. */
export function shardSpec(
  spec: PlannedWrite,
  { table, identity, create }: Shard,
  write: WritePlan = spec,
): PlannedWrite {
  const { batch } = spec
  return { ...spec, ...write, batch, sharding: null, table: { ...spec.table, table, identity }, create }
}

/** Of each shard that is known, in order. */
export function shardSpecs(
  spec: PlannedWrite,
): readonly { readonly shard: Shard; readonly spec: PlannedWrite }[] {
  const { shards } = spec.sharding!
  return shards.map((shard, i) => ({ shard, spec: shardSpec(spec, shard, spec.shards![i]!) }))
}
