import type { ResolvedConnection } from '../../config/config.js'
import { RowshiftError } from '../../contract/errors.js'
import { closeAll, openAll } from '../../contract/opening.js'
import type { Reader, Snapshot, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import { endpointsOf, readersOf, writersOf } from '../../engine/endpoints.js'
import type {
  Hosts,
  JobPool,
  JoinedSnapshot,
  OwnPoolOptions,
  PooledTable,
  PoolHooks,
  TablesPool,
} from '../../engine/job-pool.js'
import type { CopyJob, CopySetup, SplitResult, WorkerMessage, WorkerSetup } from '../../engine/messages.js'
import { takesWorkers } from '../../engine/pipeline-setup.js'
import type { CopyRequest } from '../../engine/copy-request.js'
import { filesOf, sourceShape, stateOf, targetShape } from '../resume/table-shapes.js'
import type { VerifySetup } from '../verify/messages.js'
import { needOf } from './connection-needs.js'
import { hasStopped } from './host-failures.js'
import { HostPool } from './host-pool.js'
import { HostThreads } from './host-threads.js'
import { isComparison, refuseForHosts, whyNotCopied } from './refusals.js'
import { newRecord, type RunRecord } from './run-record.js'
import type { HostStore } from './store.js'

type HostSetup = WorkerSetup | VerifySetup
type Recorded = Pick<PooledTable, 'readers'> & {
  readonly setup: HostSetup | CopySetup
  /** Of the target, open; null: a comparison or a single table has none. */
  readonly writers: readonly Writer[] | null
}
type Request = Pick<CopyRequest, 'runId' | 'from' | 'to' | 'others' | 'params'>

/** What workers get of themselves: connections by their own configuration, and what threads of one process share. */
const OWN = new Set(['source', 'target', 'dirty', 'pipeline', 'repairPipeline', 'control', 'connected'])

/** The workers that one coordinator shares its run among. */
export class RunHosts implements Hosts {
  readonly threads = new HostThreads()
  readonly #store: HostStore
  readonly #request: Request
  lost: RowshiftError | null = null
  /** That all threads see; null: none has begun. */
  #snapshot: Snapshot | null = null

  constructor(store: HostStore, request: Request) {
    this.#store = store
    this.#request = request
  }

  whyNot(plan: RunPlan): string | null {
    return whyNotCopied(plan)
  }

  pool<Job extends object, Result extends object>(
    own: OwnPoolOptions,
    hooks: PoolHooks,
    readers: readonly Reader[],
  ): JobPool<Job, Result> {
    refuseForHosts(own)
    const setup = own.setup as HostSetup
    return new HostPool<Job, Result>({
      ...this.#common(own, hooks),
      ofTables: false,
      recordOf: () => this.#record(own, { setup, readers, writers: null }, false),
    })
  }

  tablesPool(
    own: OwnPoolOptions,
    hooks: PoolHooks,
    tableOf: (run: string) => PooledTable | null,
  ): TablesPool {
    return new HostPool<CopyJob, SplitResult>({
      ...this.#common(own, hooks),
      ofTables: true,
      recordOf: async (run) => {
        const table = tableOf(run)
        if (table === null) throw hasStopped()
        return this.#record(own, table, true)
      },
    })
  }

  #common(own: OwnPoolOptions, hooks: PoolHooks) {
    return {
      ...hooks,
      store: this.#store,
      runId: this.#request.runId,
      hostThreads: this.threads,
      onError: (error: RowshiftError) => {
        this.lost ??= error
        hooks.onError(error)
      },
      onMessage: (message: WorkerMessage) => own.onMessage?.(message),
    }
  }

  checkSnapshot({ skills }: Reader): void {
    if (skills.snapshot?.exports === true) return
    throw new RowshiftError(
      'HOSTS_REFUSED',
      'The source has no snapshot that other hosts could join. Leave out "consistency": "snapshot", or leave out --workers to run it in this process. Nothing was written.',
    )
  }

  /** It stays open until the run ends: a worker may come at any time. */
  async beginSnapshot(
    readers: readonly Reader[],
    tables: readonly string[],
    signal: AbortSignal,
  ): Promise<JoinedSnapshot> {
    this.checkSnapshot(readers[0]!)
    const skill = readers[0]!.skills.snapshot!
    const snapshot = (this.#snapshot = await skill.begin(tables, signal))
    try {
      await Promise.all(readers.map(({ skills }) => skills.snapshot!.join(snapshot.token)))
      return snapshot
    } catch (thrown) {
      // Nobody else would let go of what it holds; that this fails too says no more.
      await snapshot.end?.().catch(() => {})
      throw thrown
    }
  }

  async close(): Promise<void> {
    await this.#snapshot?.release()
    this.#snapshot = null
  }

  async #record(
    own: OwnPoolOptions,
    { setup, readers, writers }: Recorded,
    ofTables: boolean,
  ): Promise<RunRecord> {
    const { from, to, others = {}, params } = this.#request
    const { pipeline } = setup.plan
    const token = this.#snapshot?.token
    const shown = new Set(
      [...(pipeline?.values ?? []), ...(pipeline?.cells ?? [])].flatMap((cell) =>
        cell.type === 'lookup' ? [cell.lookup.in] : [],
      ),
    )
    const looked = Object.values(others).filter(({ loaded, connection }) =>
      shown.has(loaded.plugin.describeConnection(connection)),
    )
    const shared = Object.entries(setup).filter(([name]) => !OWN.has(name))
    return newRecord({
      runId: setup.runId,
      ofTables,
      worker: own.worker,
      jobsPerThread: own.jobsPerThread ?? 1,
      maxYoungGenerationSizeMb: own.maxYoungGenerationSizeMb ?? null,
      setup: { ...Object.fromEntries(shared), ...(token != null && { snapshot: token }) },
      connections: {
        source: needOf(from),
        target: needOf(to),
        others: looked.map(needOf),
        session: params.session,
        targetSession: to.session ?? [],
        timeZone: params.timeZone,
      },
      files: filesOf({ pipeline } as RunPlan),
      firstNumber: firstNumber(setup),
      source: await sourceMark(sourceOf(setup), readers),
      // With those that are open: the target may have no connection more to give.
      target: writers
        ? (await targetShape({ write: (setup as CopySetup).plan.write } as RunPlan, writers)).identity
        : await targetMark(setup, to, params.session),
    })
  }
}

/** The coordinator has taken numbers for threads of its own, which do nothing. */
function firstNumber(setup: HostSetup | CopySetup): number | null {
  if (isComparison(setup) || !takesWorkers(setup.plan.pipeline)) return null
  return Atomics.load(setup.pipeline!.threads, 1) + setup.plan.policy.workerNum
}

export function sourceOf(setup: HostSetup | CopySetup): SourceSpec {
  return isComparison(setup) ? setup.plan.source : setup.plan.read
}

/** What tells the rows of the source from those of another database. */
export async function sourceMark(read: SourceSpec, readers: readonly Reader[]): Promise<string> {
  const plan = { read } as RunPlan
  const { identity } = await sourceShape(plan, readers)
  return JSON.stringify([identity, await stateOf(plan, readers)])
}

/** What tells the tables of the target from those of another database. */
export async function targetMark(
  setup: HostSetup | CopySetup,
  to: ResolvedConnection,
  session: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const { plugin } = to.loaded
  const endpoints = endpointsOf(to, session)
  const isRead = isComparison(setup)
  const [readers, writers] = isRead ? [readersOf(plugin, endpoints), []] : [[], writersOf(plugin, endpoints)]
  try {
    await openAll([...readers, ...writers], signal)
    const { identity } = isRead
      ? await sourceShape({ read: setup.plan.target } as RunPlan, readers)
      : await targetShape({ write: setup.plan.write } as RunPlan, writers)
    return identity
  } finally {
    await closeAll([...readers, ...writers])
  }
}
