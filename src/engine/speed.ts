/** What the limits of `speed` are checked against: how much the servers have to do, and what a split holds. */
import { RowshiftError } from '../contract/errors.js'
import type { LoadRequest, Reader, ReadSpec, ServerLoad, Writer } from '../contract/plugin.js'
import type { SpeedLimits } from '../contract/run-plan.js'
import { rowBytes } from '../plan/split-rows.js'
import { counted } from '../wire/counted.js'
import { Throttle } from './throttle.js'

/** The servers that a run works on. */
export interface WatchedServers {
  readonly source: readonly Pick<Reader, 'skills'>[]
  readonly target: readonly Pick<Reader | Writer, 'skills'>[]
}

/** Does `work` within the limits. `reasons` gets for how long the run has waited for the servers. */
export async function throttled<T>(
  limits: SpeedLimits | null,
  read: ReadSpec,
  servers: WatchedServers,
  reasons: string[],
  work: (throttle: Throttle | null) => Promise<T>,
): Promise<T> {
  const throttle = await throttleOf(limits, read, servers)
  const result = await work(throttle)
  const seconds = Math.ceil(throttle?.pausedSeconds ?? 0)
  if (seconds > 0)
    reasons.push(`waited ${counted(seconds, 'second')} for servers that had more to do than speed allows`)
  return result
}

/**
 * null: the run has no limits. The servers are asked once, so that what keeps them from answering is said before anything is written.
 * Throws PARAMS_INVALID when none of them can say what a limit asks for.
 */
async function throttleOf(
  limits: SpeedLimits | null,
  { splitRows, table }: ReadSpec,
  servers: WatchedServers,
): Promise<Throttle | null> {
  if (limits === null) return null
  const { maxThreadsRunning, maxLag } = limits
  const able = Object.entries(servers).flatMap(
    ([name, readersOrWriters]: [string, WatchedServers['target']]) =>
      readersOrWriters
        .filter(({ skills }) => 'load' in skills)
        .map(({ skills }) => ({ name, load: (asked: LoadRequest) => skills.load!(asked) })),
  )
  const watched = maxThreadsRunning !== null || maxLag !== null
  if (watched && able.length === 0) throw unable()
  const throttle = new Throttle({
    limits,
    expected: { rows: splitRows, bytes: splitRows * rowBytes(table) },
    overload: () => (watched ? overloadOf(limits, able) : Promise.resolve(null)),
  })
  await throttle.look()
  return throttle
}

interface Server {
  /** For people: `source` or `target`. */
  readonly name: string
  readonly load: (asked: LoadRequest) => Promise<ServerLoad>
}

async function overloadOf(
  { maxThreadsRunning, maxLag }: SpeedLimits,
  servers: readonly Server[],
): Promise<string | null> {
  for (const { name, load } of servers) {
    const { threadsRunning, lag } = await load({ lag: maxLag !== null })
    if (maxThreadsRunning !== null && threadsRunning !== null && threadsRunning > maxThreadsRunning)
      return `${name}: ${counted(threadsRunning, 'thread')} running, more than max_threads_running (${maxThreadsRunning})`
    if (maxLag !== null && lag !== null && lag > maxLag)
      return lag === Infinity
        ? `${name}: its replication has stopped, and max_lag is set`
        : `${name}: ${counted(lag, 'second')} behind as a replica, more than max_lag (${maxLag})`
  }
  return null
}

function unable(): RowshiftError {
  const fault =
    'params.speed: neither source nor target can say how much it has to do; leave out max_threads_running and max_lag'
  return new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${fault}`, { faults: [fault] })
}
