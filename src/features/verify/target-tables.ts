import type { ResolvedConnection } from '../../config/config.js'
import { sourceEndpoint } from '../../engine/endpoints.js'
import { describeTables, findTables } from '../sources/plan.js'
import type { DescribedTables } from '../../plan/described-tables.js'
import type { Reader } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { SourceTable } from '../../contract/source-spec.js'
import type { Params } from '../../task/params.js'

/** The target of a comparison: those of its tables that exist. */
export interface TargetTables extends DescribedTables {
  /** Those that a repair creates before it writes rows. Until then they are compared as empty tables. */
  readonly created: readonly SourceTable[]
}

interface TargetEndpoint {
  /** Of each database. */
  readonly targetReaders: readonly Reader[]
  readonly to: ResolvedConnection & { readonly table: string }
}

/** `repair` says what may be created; without it every table must exist. */
export async function describeTarget(
  { targetReaders, to }: TargetEndpoint,
  { shard }: Params,
  repair: RunPlan | null,
): Promise<TargetTables> {
  const endpoint = sourceEndpoint(to, shard !== null, targetReaders)
  const created = repair === null ? [] : createdTables(repair)
  const there = repair?.write.sharding?.shards.filter(({ create }) => create === null)
  const nothing = there ? there.length === 0 : created.length > 0
  const tables = nothing
    ? { table: repair!.write.table, each: [], sources: [], reasons: [] }
    : there
      ? await describeTables(endpoint, there)
      : await findTables(endpoint, shard?.numbering)
  const missing = created.map(
    ({ name }) =>
      `table ${name} does not exist: it is compared as an empty one, and created before rows are written`,
  )
  return { ...tables, created, reasons: [...tables.reasons, ...missing] }
}

function createdTables({ write: { create, table: target, sharding } }: RunPlan): SourceTable[] {
  // What its keys are called is known when it is created.
  const like = { estimatedRows: null, keys: [], key: null, window: null }
  if (sharding !== null) {
    const missing = sharding.shards.filter((shard) => shard.create !== null)
    return missing.map(({ name, endpoint, table, identity }) => ({
      name,
      endpoint,
      table,
      identity,
      ...like,
    }))
  }
  if (create === null) return []
  const { table, identity } = target
  return [{ name: table, endpoint: 0, table, identity, ...like }]
}
