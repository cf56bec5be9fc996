/** The databases of both endpoints of a run: one each, or those that its tables are spread over. */
import type { ResolvedConnection } from '../config/config.js'
import type { SourceEndpoint, TargetEndpoint } from '../plan/plan-request.js'
import type { Endpoint, Plugin, Reader, Writer } from '../contract/plugin.js'
import { RowshiftError } from '../contract/plugin.js'

/** One endpoint of a copy, as configuration gives it. */
export interface TableAt extends ResolvedConnection {
  readonly table: string
}

/** Of each database. */
export function endpointsOf(
  endpoint: ResolvedConnection,
  session: readonly string[],
  timeZone: string | null = null,
): readonly Endpoint[] {
  const { connection, databases = [{ connection }] } = endpoint
  const statements = [...(endpoint.session ?? []), ...session]
  return databases.map((each) =>
    endpointOf({ ...endpoint, connection: each.connection }, statements, timeZone),
  )
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
  if (plugin.createReader === undefined) return []
  return endpoints.map((endpoint) => checked(plugin.createReader!(endpoint), 'reader', plugin))
}

/** Of each database; none: the plugin has no writer. */
export function writersOf(plugin: Plugin, endpoints: readonly Endpoint[]): readonly Writer[] {
  if (plugin.createWriter === undefined) return []
  return endpoints.map((endpoint) => checked(plugin.createWriter!(endpoint), 'writer', plugin))
}

/** Others may write plugins without types. */
function checked<Side extends Reader | Writer>(endpoint: Side, what: string, { label }: Plugin): Side {
  if (typeof endpoint.skills === 'object' && endpoint.skills !== null) return endpoint
  throw new RowshiftError(
    'PLUGIN_UNKNOWN',
    `The ${what} of the plugin for ${label} lacks "skills" (object); {} says that it has none. See docs/plugins.md.`,
  )
}

/** For planning. `several`: the name stands for several tables. */
export function sourceEndpoint(at: TableAt, several: boolean, readers: readonly Reader[]): SourceEndpoint {
  return { table: at.table, several, databases: namesOf(at), readers }
}

/** For planning. `several`: it is sharded. */
export function targetEndpoint(at: TableAt, several: boolean, writers: readonly Writer[]): TargetEndpoint {
  return { table: at.table, several, databases: namesOf(at), writers }
}

/** What tells the databases apart; one empty name for a single one. */
function namesOf({ databases }: ResolvedConnection): readonly string[] {
  return databases?.map(({ name }) => name) ?? ['']
}
