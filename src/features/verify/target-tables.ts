import type { ResolvedConnection } from '../../config/config.js'
import { originOf } from '../../engine/ends.js'
import { describeSources, describeTables } from '../sources/plan.js'
import { singleName } from '../../plan/table-names.js'
import type { Reader, RunPlan, SourceTable, TableSchema } from '../../contract/plugin.js'
import type { Params } from '../../task/params.js'

/** The target of a comparison. */
export interface TargetTables {
  readonly table: TableSchema
  /** Those that exist, without keys; null: it is one table, and it exists. */
  readonly tables: readonly SourceTable[] | null
  /** Those that a repair creates before it writes rows. Until then they are compared as empty tables. */
  readonly created: readonly SourceTable[]
  readonly reasons: readonly string[]
}

/** `repair` says what may be created; without it every table must exist. */
export async function describeTarget(
  { targetReader, to }: { targetReader: Reader; to: ResolvedConnection & { readonly table: string } },
  params: Params,
  repair: RunPlan | null,
): Promise<TargetTables> {
  const place = originOf(to, targetReader)
  const created = repair === null ? [] : createdTables(repair)
  const reasons = created.map(
    ({ name }) =>
      `table ${name} does not exist: it is compared as an empty one, and created before rows are written`,
  )
  if (place === null) {
    if (created.length > 0) return { table: repair!.write.table, tables: [], created, reasons }
    return { table: await targetReader.describe(singleName(to.table)), tables: null, created, reasons }
  }
  if (repair?.write.sharding == null) {
    const { source, tables, reason } = await describeSources(to.table, place, params.shard?.numbering)
    return { table: source, tables, created, reasons: [reason] }
  }
  const there = repair.write.sharding.shards.filter(({ create }) => create === null)
  if (there.length === 0) return { table: repair.write.table, tables: [], created, reasons }
  const { source, tables, reason } = await describeTables(to.table, place, there)
  return { table: source, tables, created, reasons: [reason, ...reasons] }
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
