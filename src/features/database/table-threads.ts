/** The threads that copy the tables of a database: of this process, or of other hosts and this one. */
import { RowshiftError } from '../../contract/errors.js'
import type { Reader } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { copyThreads, lookSmall, tablesSetup, threadCount } from '../../engine/copy-threads.js'
import type { Hosts, JoinedSnapshot } from '../../engine/job-pool.js'
import { WorkerPool } from '../../engine/pool.js'
import { SharedThreads } from '../../engine/shared-threads.js'
import { SnapshotStart } from '../../engine/snapshot-start.js'
import type { PlannedTable } from './table-plan.js'

interface TableThreadsOptions {
  readonly runId: string
  /** All are planned, and have the same connections. */
  readonly tables: readonly PlannedTable[]
  /** null: this process copies all of them. */
  readonly hosts: Hosts | null
  /** Aborts when the user interrupts the run. */
  readonly signal: AbortSignal
  /** Called whenever there is less to do for threads. */
  readonly onFreed: () => void
}

/** Threads, and the tables that they copy. */
export interface ThreadGroup {
  readonly threads: SharedThreads
  readonly tables: ReadonlySet<PlannedTable>
  /** See `Sharing`. */
  readonly inPlace: boolean
  /** For the report of a table. */
  readonly reasonsOf: (table: PlannedTable) => readonly string[]
}

export class TableThreads {
  readonly #options: TableThreadsOptions
  readonly #inSnapshot: boolean
  readonly #groups: ThreadGroup[] = []
  #snapshot: JoinedSnapshot | null = null
  /** Of this process; null: these begin no snapshot. */
  #start: SnapshotStart | null = null
  busySeconds: readonly number[] = []

  constructor(options: TableThreadsOptions) {
    this.#options = options
    const { tables, hosts, signal } = options
    this.#inSnapshot = tables[0]!.request.params.consistency === 'snapshot'
    if (hosts === null) {
      const { threads } = this.#ofThisProcess(tables, () => [], null)
      if (this.#inSnapshot) this.#start = new SnapshotStart(threads.pool, signal)
    }
  }

  /** In a snapshot, all threads and these readers, which compute splits, see one moment of all tables. Resolves to its position, as far as it is known. */
  async begin(open: () => Promise<readonly Reader[]>): Promise<string | null> {
    const { tables, hosts, signal } = this.#options
    const names = tables.map(({ from }) => from)
    if (hosts === null) {
      this.#snapshot = (await this.#start?.begin(open, names)) ?? null
      return this.#snapshot?.position ?? null
    }
    if (this.#inSnapshot) this.#snapshot = await hosts.beginSnapshot(await open(), names, signal)
    this.#ofHosts(hosts, this.#snapshot?.token ?? null)
    return this.#snapshot?.position ?? null
  }

  /** How many take splits. */
  get now(): number {
    return this.#groups[0]?.threads.now ?? 0
  }

  /** Why no other host can do anything any more; null: it can, as far as is known. */
  get lost(): RowshiftError | null {
    return this.#options.hosts?.lost ?? null
  }

  get groups(): readonly ThreadGroup[] {
    return this.#groups
  }

  /** Another table begins: throws SNAPSHOT_LOST where nothing keeps the moment for it any more. */
  async check(): Promise<void> {
    await this.#snapshot?.check?.()
  }

  /** All tables are read. */
  async end(): Promise<void> {
    await this.#snapshot?.end?.()
  }

  async close(): Promise<void> {
    const pools = this.#groups.map(({ threads }) => threads.pool)
    if (this.#options.signal.aborted) for (const pool of pools) pool.abort()
    await Promise.all(pools.map((pool) => pool.close()))
    await this.#options.hosts?.close()
    this.busySeconds = this.#groups.flatMap(({ threads }) => threads.busySeconds)
  }

  /** Those that cannot be shared are copied by this process meanwhile. */
  #ofHosts(hosts: Hosts, token: string | null): void {
    const { tables } = this.#options
    const why = new Map(tables.map((table) => [table, hosts.whyNot(table.plan!)]))
    const shared = tables.filter((table) => why.get(table) === null)
    const own = tables.filter((table) => why.get(table) !== null)
    if (shared.length > 0) {
      const { setup, plans } = this.#setupOf(shared, token)
      const threads = this.#open(true, hosts.threads, (ours, hooks, tableOf) =>
        hosts.tablesPool({ ...copyThreads(plans, setup), ...ours }, hooks, tableOf),
      )
      this.#groups.push({ threads, tables: new Set(shared), inPlace: false, reasonsOf: () => [] })
    }
    if (own.length > 0)
      this.#ofThisProcess(own, (table) => [`copied by the coordinator itself: ${why.get(table)!}`], token)
  }

  #ofThisProcess(
    tables: readonly PlannedTable[],
    reasonsOf: ThreadGroup['reasonsOf'],
    token: string | null,
  ): ThreadGroup {
    const { setup, plans } = this.#setupOf(tables, token)
    const threads = this.#open(
      false,
      threadCount(plans),
      (ours, hooks) => new WorkerPool({ ...copyThreads(plans, setup), ...ours, ...hooks }),
    )
    const inPlace = !this.#inSnapshot && lookSmall(plans)
    const group = { threads, tables: new Set(tables), inPlace, reasonsOf }
    this.#groups.push(group)
    return group
  }

  #setupOf(tables: readonly PlannedTable[], token: string | null) {
    const plans: readonly RunPlan[] = tables.map(({ plan }) => plan!)
    const setup = tablesSetup(this.#options.runId, tables[0]!.request)
    return { plans, setup: token === null ? setup : { ...setup, snapshot: token } }
  }

  #open(
    elsewhere: boolean,
    count: SharedThreads['count'],
    pool: ConstructorParameters<typeof SharedThreads>[0]['pool'],
  ): SharedThreads {
    const { runId, signal, onFreed } = this.#options
    return new SharedThreads({
      runId,
      count,
      pool,
      elsewhere,
      onReady: (ready) => this.#start?.receive(ready),
      onError: (death) => this.#start?.died(death),
      signal,
      onFreed,
    })
  }
}

/** Throws HOSTS_REFUSED where other hosts can copy none of the tables. */
export function checkShared(hosts: Hosts, tables: readonly PlannedTable[]): void {
  const reasons = tables.map(({ from, plan }) => ({ from, why: hosts.whyNot(plan!) }))
  const [first] = reasons
  if (reasons.some(({ why }) => why === null)) return
  throw new RowshiftError(
    'HOSTS_REFUSED',
    `None of these tables can be shared among hosts. ${first!.from}: ${first!.why!}. Leave out --workers to run it in this process. Nothing was written.`,
    { table: first!.from },
  )
}
