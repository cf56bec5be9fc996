import type { Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import { tableWrites } from '../shard/table-writes.js'
import { whyNoCheckpoints } from '../resume/resumable.js'
import type { Params } from '../../task/params.js'

/** Below that, dropping and adding indexes takes about as long as it saves. */
const MANY_ROWS = 100_000

export interface IndexPlan {
  readonly last: RunPlan['policy']['indexesLast']
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** Whether indexes of the target come after its rows. */
export async function planIndexes(
  { deferIndexes, mode }: Params,
  { read, write }: { readonly read: SourceSpec; readonly write: TargetSpec },
  writers: readonly Writer[],
): Promise<IndexPlan> {
  const stay = (warnings: readonly string[] = []): IndexPlan => ({ last: 'none', reasons: [], warnings })
  const idle = (why: string) => stay(deferIndexes === true ? [`defer_indexes does nothing: ${why}`] : [])
  const isLarge = (read.window?.rows ?? read.table.estimatedRows ?? 0) >= MANY_ROWS
  if (deferIndexes === false || mode === 'sync' || (deferIndexes === null && !isLarge)) return stay()
  const tables = tableWrites(writers, write)
  const existing = tables.filter(({ spec }) => spec.create === null)
  if (deferIndexes === null && existing.length === tables.length) return stay()
  if (!writers.every(({ skills }) => skills.indexes && skills.checkpoints))
    return idle('the target’s plugin does not support it')
  if (existing.length === tables.length && write.emptiedBy !== undefined && write.preSql.length === 0)
    return idle(`target ${write.table.table} holds rows`)
  const names = deferIndexes === true ? await namesOf(existing[0]) : []
  if (existing.length === tables.length && names.length === 0)
    return idle(`target ${write.table.table} has no index that could come later`)
  const obstacle = await whyNoCheckpoints(writers)
  if (obstacle !== null)
    return idle(
      `what is dropped could not be remembered in the target, so that it might be lost (${obstacle})`,
    )
  return {
    last: deferIndexes === true ? 'empty' : 'created',
    reasons: [
      ...(existing.length < tables.length
        ? ['indexes that are not unique, of a table that is created, come after the last row']
        : []),
      ...(names.length > 0
        ? [
            `indexes of ${write.table.table} that are dropped before the first row, if it is empty then, and added after the last one: ${names.join(', ')}`,
          ]
        : []),
    ],
    warnings: [],
  }
}

async function namesOf(table: ReturnType<typeof tableWrites>[number] | undefined): Promise<string[]> {
  if (table === undefined) return []
  const indexes = await table.writer.skills.indexes!.secondary(table.spec.table.table)
  return indexes.map(({ name }) => name)
}
