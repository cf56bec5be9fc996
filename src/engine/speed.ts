/** What the limits of `speed` are checked against: how much the servers have to do, and what a split holds. */
import { RowshiftError } from '../contract/errors.js'
import type { LoadRequest, Reader, ReadSpec, ServerLoad, Writer } from '../contract/plugin.js'
import type { RunPlan, SpeedLimits } from '../contract/run-plan.js'
import { log } from '../log.js'
import type { Params } from '../task/params.js'
import { rowBytes } from '../plan/split-rows.js'
import { counted } from '../wire/counted.js'
import type { OpenConnections } from './open-connections.js'
import { controlled } from './run-control.js'
import type { RateLimits } from './throttle.js'
import { Throttle } from './throttle.js'

const UNLIMITED: SpeedLimits = { record: null, byte: null, maxThreadsRunning: null, maxLag: null }

/** The servers that a run works on, and those that it looks at only. */
export interface WatchedServers {
  readonly source: readonly Pick<Reader, 'skills'>[]
  readonly target: readonly Pick<Reader | Writer, 'skills'>[]
  readonly replicas: readonly Replica[]
}

/** `name`: without secrets. */
export interface Replica extends Pick<Reader, 'skills'> {
  readonly name: string
}

/** The connections that `params` call so, open. */
export function openReplicas(connections: OpenConnections, names: readonly string[]): Promise<Replica[]> {
  return Promise.all(
    names.map(async (each) => {
      const connection = connections.connection(each)
      const { skills } = await connection.open()
      if (!skills.load) throw unable(`${connection.name} is no server that can say how far it is behind`)
      return { name: `replica ${connection.name}`, skills }
    }),
  )
}

interface Limited {
  readonly runId: string
  /** null: there are none, unless they are set while the run is under way. */
  readonly limits: SpeedLimits | null
  readonly read: ReadSpec
  readonly servers: WatchedServers
  /** Gets for how long the run has waited for the servers, and what the limits were set to meanwhile. */
  readonly reasons: string[]
}

/** What the limits of a copy need. */
export interface LimitedCopy {
  readonly runId: string
  readonly params: Params
  readonly plan: RunPlan
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
  readonly connections: OpenConnections
  /** Gets what {@link throttled} has to say. */
  readonly reasons: string[]
}

/** Copies within the limits of the plan, which hold for all that `work` does. */
export async function throttledCopy<T>(
  { runId, params, plan: { policy, read }, readers, writers, connections, reasons }: LimitedCopy,
  work: (throttle: Throttle) => Promise<T>,
): Promise<T> {
  const replicas = await openReplicas(connections, params.replicas)
  const servers = { source: readers, target: writers, replicas }
  return throttled({ runId, limits: policy.speed, read, servers, reasons }, work)
}

/** Does `work` within the limits. */
export async function throttled<T>(
  { runId, limits, read, servers, reasons }: Limited,
  work: (throttle: Throttle) => Promise<T>,
): Promise<T> {
  const throttle = await throttleOf(limits ?? UNLIMITED, read, servers)
  const onChange = (now: RateLimits) => {
    const change = `speed was set to ${limitsText(now)} while the run was under way`
    log.info({ runId }, change)
    reasons.push(change)
  }
  const result = await controlled(runId, throttle, onChange, () => work(throttle))
  const seconds = Math.ceil(throttle.pausedSeconds)
  if (seconds > 0)
    reasons.push(`waited ${counted(seconds, 'second')} for servers that had more to do than speed allows`)
  return result
}

/** `500 rows per second`; `no limit`. */
export function limitsText({ record, byte }: RateLimits): string {
  const limits = [
    ...(record === null ? [] : [counted(record, 'row')]),
    ...(byte === null ? [] : [counted(byte, 'byte')]),
  ]
  return limits.length === 0 ? 'no limit' : `${limits.join(' and ')} per second`
}

/**
 * The servers are asked once, so that what keeps them from answering is said before anything is written.
 * Throws PARAMS_INVALID when none of them can say what a limit asks for.
 */
async function throttleOf(
  limits: SpeedLimits,
  { splitRows, table }: ReadSpec,
  { source, target, replicas }: WatchedServers,
): Promise<Throttle> {
  const { maxThreadsRunning, maxLag } = limits
  const servers = [
    ...source.map(({ skills }) => ({ name: 'source', skills })),
    ...target.map(({ skills }) => ({ name: 'target', skills })),
    ...replicas,
  ]
  const able = servers
    .filter(({ skills }) => 'load' in skills)
    .map(({ name, skills }) => ({ name, load: (asked: LoadRequest) => skills.load!(asked) }))
  const watched = maxThreadsRunning !== null || maxLag !== null
  if (watched && able.length === 0)
    throw unable(
      'neither source nor target can say how much it has to do; leave out max_threads_running and max_lag',
    )
  const throttle = new Throttle({
    limits,
    expected: { rows: splitRows, bytes: splitRows * rowBytes(table) },
    overload: () => (watched ? overloadOf(limits, able) : Promise.resolve(null)),
  })
  await throttle.look()
  return throttle
}

interface Server {
  /** For people: `source`, `target` or `replica …`. */
  readonly name: string
  readonly load: (asked: LoadRequest) => Promise<ServerLoad>
}

async function overloadOf(
  { maxThreadsRunning, maxLag }: SpeedLimits,
  servers: readonly Server[],
): Promise<string | null> {
  for (const { name, load } of servers) {
    const { threadsRunning, lag } = await load({ lag: maxLag !== null })
    const works = name === 'source' || name === 'target'
    if (works && maxThreadsRunning !== null && threadsRunning !== null && threadsRunning > maxThreadsRunning)
      return `${name}: ${counted(threadsRunning, 'thread')} running, more than max_threads_running (${maxThreadsRunning})`
    if (maxLag !== null && lag !== null && lag > maxLag)
      return lag === Infinity
        ? `${name}: its replication has stopped, and max_lag is set`
        : `${name}: ${counted(lag, 'second')} behind as a replica, more than max_lag (${maxLag})`
  }
  return null
}

function unable(why: string): RowshiftError {
  const fault = `params.speed: ${why}`
  return new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${fault}`, { faults: [fault] })
}
