import { RowshiftError } from '../../contract/errors.js'
import { checkCreated } from '../../plan/target.js'
import type { PlannedWrite, TableSchema, Writer } from '../../contract/plugin.js'
import type { Shard, Sharding } from '../../contract/sharding.js'
import { nameIn } from '../../contract/sharding.js'
import { difference } from './alike.js'
import { shardSpec } from './table-writes.js'

/**
 * The table that a date calls for, which the plan does not know: made if it is not there. null: it is not, and none may be
 * made. Other threads may be about to make the same one.
 */
export async function openOnDemand(
  writer: Writer,
  spec: PlannedWrite,
  { databases, onDemand }: Sharding,
  { endpoint, table }: Pick<Shard, 'endpoint' | 'table'>,
  signal: AbortSignal,
): Promise<Shard | null> {
  const name = nameIn(databases, endpoint, table)
  const shardOf = ({ identity }: TableSchema): Shard => ({ name, endpoint, table, identity, create: null })
  const there = await find(writer, table)
  if (there !== null) {
    checkLike(spec, there, name)
    return shardOf(there)
  }
  if (onDemand === null) return null
  const { target, statements } = await writer.skills.planCreateTable!({
    source: onDemand.like,
    sourceDdl: onDemand.sourceDdl,
    wideColumns: async () => onDemand.wideColumns,
    table,
    existing: null,
  })
  const created = shardSpec(spec, { ...shardOf(target), create: { statements } })
  try {
    await writer.prepare({ ...created, preSql: [] }, signal)
  } catch (error) {
    // Another thread may have been faster.
    if ((await find(writer, table)) === null) throw error
  }
  const real = await writer.describe(table)
  checkCreated(created, real)
  return shardOf(real)
}

async function find(writer: Writer, table: string): Promise<TableSchema | null> {
  try {
    return await writer.describe(table)
  } catch (thrown) {
    if (thrown instanceof RowshiftError && thrown.code === 'TABLE_NOT_FOUND') return null
    throw thrown
  }
}

function checkLike(spec: PlannedWrite, found: TableSchema, name: string): void {
  const fault = difference(spec.table, found, true)
  if (fault === null) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Shard ${name} was created after planning and differs: ${fault}. Make it like the others and run again.`,
    { table: found.table },
  )
}
