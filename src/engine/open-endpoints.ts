/** The connections of the coordinator: one to each database of both ends. */
import { RowshiftError } from '../contract/errors.js'
import { closeAll, openAll } from '../contract/opening.js'
import type { Reader, Writer } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import { checkShardParams } from '../features/shard/rule-plan.js'
import { isMany } from '../features/sources/plan.js'
import { makePlan } from '../plan/plan.js'
import type { KnownTables } from '../plan/plan-request.js'
import { checkReadable, checkWritable } from '../plan/supported-params.js'
import type { TableAt } from './endpoints.js'
import { endpointsOf, readersOf, sourceEndpoint, targetEndpoint, writersOf } from './endpoints.js'
import type { CopyRequest } from './copy-request.js'
import { OpenConnections } from './open-connections.js'

export interface OpenEndpoints {
  /** Of each database. */
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
  readonly connections: OpenConnections
}

/** The plan of a copy whose endpoints are open. */
export async function planWith(
  request: CopyRequest,
  endpoints: OpenEndpoints,
  signal: AbortSignal | undefined,
  known: KnownTables | null = null,
): Promise<RunPlan> {
  const source = sourceEndpoint(request.from, isMany(request.from), endpoints.readers)
  const target = targetEndpoint(request.to, request.params.shard !== null, endpoints.writers)
  const made = await makePlan({
    ...request,
    connections: endpoints.connections,
    elsewhere: request.hosts !== undefined || request.elsewhere === true,
    source: known ? { ...source, known: known.source } : source,
    target: known ? { ...target, known: known.target } : target,
    signal,
  })
  return request.trial ? { ...made, policy: { ...made.policy, resumable: false } } : made
}

/** Opens the coordinator's own connection to each end for as long as `use` takes. */
export async function withEndpoints<T>(
  request: CopyRequest,
  signal: AbortSignal | undefined,
  use: (endpoints: OpenEndpoints) => Promise<T>,
): Promise<T> {
  const endpoints = await openEndpoints(request, signal)
  try {
    return await use(endpoints)
  } finally {
    await closeEndpoints(endpoints)
  }
}

export function closeEndpoints({ readers, writers, connections }: OpenEndpoints): Promise<void> {
  return closeAll([...readers, ...writers, connections])
}

/** The coordinator's own connection to each end. */
export async function openEndpoints(
  { from, to, params, lookupSource = from, others = {} }: CopyRequest,
  signal: AbortSignal | undefined,
): Promise<OpenEndpoints> {
  checkShardParams(params.shard, to.table, to.databases?.map(({ name }) => name) ?? null)
  const readers = readersOf(from.loaded.plugin, endpointsOf(from, params.session, params.timeZone))
  const writers = writersOf(to.loaded.plugin, endpointsOf(to, params.session))
  if (readers.length === 0) throw cannot(from, 'read from')
  if (writers.length === 0) throw cannot(to, 'written to')
  checkReadable(from.loaded.plugin, params)
  checkWritable(to.loaded.plugin, params)
  const connections = new OpenConnections({
    source: lookupSource,
    target: to,
    others,
    session: params.session,
    signal,
  })
  await openAll([...readers, ...writers], signal)
  return { readers, writers, connections }
}

function cannot(end: TableAt, what: string): RowshiftError {
  return new RowshiftError('PLUGIN_UNKNOWN', `Databases of type "${end.loaded.type}" cannot be ${what}.`)
}
