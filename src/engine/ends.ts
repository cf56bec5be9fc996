/** The databases of both ends of a run: one each, or those that its tables are spread over. */
import type { ResolvedConnection } from '../config/config.js'
import type { ShardPlace, SourcePlace } from '../plan/plan-request.js'
import type { Endpoint, Plugin, Reader, Writer } from '../contract/plugin.js'

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

/** Of each database; none: the plugin has no writer. */
export function writersOf(plugin: Plugin, endpoints: readonly Endpoint[]): readonly Writer[] {
  return endpoints.flatMap((endpoint) => plugin.createWriter?.(endpoint) ?? [])
}

/** For planning: the databases of `several` tables that are read as one; null: it is one table. */
export function originOf(
  end: ResolvedConnection,
  several: boolean,
  readers: readonly Reader[],
): SourcePlace | null {
  return several ? { databases: namesOf(end), readers } : null
}

/** For planning: the databases of a sharded target; null: the target is one table. */
export function placeOf(
  end: ResolvedConnection,
  sharded: boolean,
  writers: readonly Writer[],
): ShardPlace | null {
  return sharded ? { databases: namesOf(end), writers } : null
}

/** What tells the databases apart; one empty name for a single one. */
function namesOf({ databases }: ResolvedConnection): readonly string[] {
  return databases?.map(({ name }) => name) ?? ['']
}
