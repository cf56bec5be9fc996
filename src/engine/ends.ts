/** The databases of both ends of a run: one each, or those that its tables are spread over. */
import type { ResolvedConnection } from '../config/config.js'
import type { ShardPlace } from '../plan/plan-request.js'
import type { SourcePlace } from '../plan/plan-request.js'
import type { Endpoint, Plugin, Reader, Writer } from '../contract/plugin.js'
import { ShardedWriter } from '../features/shard/sharded-writer.js'

/** Of each database. */
export function endpointsOf(
  end: ResolvedConnection,
  session: readonly string[],
  timeZone: string | null = null,
): readonly Endpoint[] {
  const { connection, databases = [{ connection }] } = end
  return databases.map((each) => endpointOf({ ...end, connection: each.connection }, session, timeZone))
}

export function endpointOf(
  { loaded, connection }: Pick<ResolvedConnection, 'loaded' | 'connection'>,
  session: readonly string[],
  timeZone: string | null = null,
): Endpoint {
  const zone = timeZone === null ? {} : { timeZone }
  return { plugin: loaded.specifier, connection, session, ...zone }
}

/** Of each database; none: the plugin has no reader. */
export function readersOf(plugin: Plugin, endpoints: readonly Endpoint[]): readonly Reader[] {
  return endpoints.flatMap((endpoint) => plugin.createReader?.(endpoint) ?? [])
}

/** For planning: the databases of a sharded target; null: the target is one table. */
export function placeOf({ databases }: ResolvedConnection, writer: Writer): ShardPlace | null {
  if (!(writer instanceof ShardedWriter)) return null
  return { databases: databases?.map(({ name }) => name) ?? [''], writers: writer.writers }
}

/** For planning: the databases of `several` tables that are read as one; null: it is one table. */
export function originOf(
  { databases }: ResolvedConnection,
  several: boolean,
  readers: readonly Reader[],
): SourcePlace | null {
  return several ? { databases: databases?.map(({ name }) => name) ?? [''], readers } : null
}

/** `sharded`: the target is several tables. undefined: the plugin has no writer. */
export function writerOf(plugin: Plugin, target: readonly Endpoint[], sharded: boolean): Writer | undefined {
  if (!sharded) return plugin.createWriter?.(target[0]!)
  const writers = target.flatMap((each) => plugin.createWriter?.(each) ?? [])
  return writers.length === 0 ? undefined : new ShardedWriter(writers)
}
