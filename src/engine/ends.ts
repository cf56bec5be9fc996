/** The databases of both ends of a run: one each, or those that its tables are spread over. */
import type { ResolvedConnection } from '../config/config.js'
import type { SourceEnd, TargetEnd } from '../plan/plan-request.js'
import type { Endpoint, Plugin, Reader, Writer } from '../contract/plugin.js'
import { RowshiftError } from '../contract/plugin.js'

/** One end of a copy, as configuration gives it. */
export interface TableAt extends ResolvedConnection {
  readonly table: string
}

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
  if (plugin.createReader === undefined) return []
  return endpoints.map((endpoint) => checked(plugin.createReader!(endpoint), 'reader', plugin))
}

/** Of each database; none: the plugin has no writer. */
export function writersOf(plugin: Plugin, endpoints: readonly Endpoint[]): readonly Writer[] {
  if (plugin.createWriter === undefined) return []
  return endpoints.map((endpoint) => checked(plugin.createWriter!(endpoint), 'writer', plugin))
}

/** Others may write plugins without types. */
function checked<End extends Reader | Writer>(end: End, what: string, { label }: Plugin): End {
  if (typeof end.skills === 'object' && end.skills !== null) return end
  throw new RowshiftError(
    'PLUGIN_UNKNOWN',
    `The ${what} of the plugin for ${label} lacks "skills" (object); {} says that it has none. See docs/plugins.md.`,
  )
}

/** For planning. `several`: the name stands for several tables. */
export function sourceEnd(at: TableAt, several: boolean, readers: readonly Reader[]): SourceEnd {
  return { table: at.table, several, databases: namesOf(at), readers }
}

/** For planning. `several`: it is sharded. */
export function targetEnd(at: TableAt, several: boolean, writers: readonly Writer[]): TargetEnd {
  return { table: at.table, several, databases: namesOf(at), writers }
}

/** What tells the databases apart; one empty name for a single one. */
function namesOf({ databases }: ResolvedConnection): readonly string[] {
  return databases?.map(({ name }) => name) ?? ['']
}
