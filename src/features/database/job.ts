import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { Snapshot } from '../../contract/plugin.js'
import { copyThreads, lookSmall, SPLITS_AHEAD, threadCount } from '../../engine/copy-threads.js'
import { endpointsOf } from '../../engine/endpoints.js'
import { runCopy } from '../../engine/job.js'
import type { TablesSetup } from '../../engine/messages.js'
import { noneConnected } from '../../engine/messages.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { openEndpoints } from '../../engine/open-endpoints.js'
import type { Progress } from '../../engine/progress.js'
import { noProgress } from '../../engine/progress.js'
import { SharedThreads } from '../../engine/shared-threads.js'
import { SnapshotStart } from '../../engine/snapshot-start.js'
import { throttledCopy } from '../../engine/speed.js'
import type { Throttle } from '../../engine/throttle.js'
import { onAbort } from '../../contract/waiting.js'
import { IndexPlaces } from '../indexes/places.js'
import { inTurns } from './in-turns.js'
import { Lanes } from './lanes.js'
import type { DatabasePlan } from './plan.js'
import { expectedBytes, expectedSplits, largestFirst, madeAnew, planDatabase } from './plan.js'
import type { DatabaseProgress, Expected } from './progress.js'
import { DatabaseTotals } from './progress.js'
import type { DatabaseReport, TableReport } from './report.js'
import { copiedTable, databaseReport, uncopiedTable } from './report.js'
import { KeysToDrop } from './drop-foreign-keys.js'
import { finishSchema } from './schema.js'
import { makeTables } from './schema-only.js'
import type { DatabaseRequest } from './request.js'
import { runTable } from './run-table.js'
import { planKept, type PlannedTable } from './table-plan.js'

export interface DatabaseHooks {
  readonly signal: AbortSignal
  readonly onPlan: (plan: DatabasePlan) => void
  readonly onProgress: (progress: DatabaseProgress) => void
  /** What is done beside the tables, in words. */
  readonly onStep?: (step: string) => void
  /** In the order in which they end. */
  readonly onTable: (table: TableReport) => void
}

/**
 * Copies the tables of a database. All are planned before the first row is written: where one cannot be copied, nothing is, unless the
 * others are to go on. The largest tables come first, and the next ones begin when threads would have nothing to do; so small tables fill
 * the gaps. A failure is in the report. Throws USAGE where there is no table to copy, and what keeps the tables from being listed.
 */
export async function runDatabase(request: DatabaseRequest, hooks: DatabaseHooks): Promise<DatabaseReport> {
  const started = performance.now()
  const plan = await planDatabase(request, hooks.signal)
  hooks.onPlan(plan)
  const run = new DatabaseRun(request, plan, hooks)
  let error: RowshiftError | null = null
  const copied = async () => {
    await run.all().catch((thrown: unknown) => {
      error = RowshiftError.from(thrown)
    })
    return run.ended
  }
  const ended = await (request.only === 'schema' ? makeTables(request, plan, hooks) : copied())
  const tables = plan.tables.map((table) => ended.get(table) ?? uncopiedTable(table, null))
  const { dropped } = run.keys
  const schema = await finishSchema(request, plan, tables, dropped, hooks)
  const interrupted = hooks.signal.aborted
    ? new RowshiftError('INTERRUPTED', 'The run was interrupted.')
    : null
  const seconds = (performance.now() - started) / 1000
  const { busySeconds, position, reasons } = run
  return databaseReport({
    runId: request.runId,
    tables,
    schema,
    keysDropped: dropped.size > 0,
    leftOut: plan.leftOut,
    stopped: interrupted ?? error,
    seconds,
    busySeconds,
    position,
    reasons,
  })
}

/** What the copies of all tables have together. */
interface Together {
  readonly threads: SharedThreads
  readonly lanes: Lanes
  readonly throttle: Throttle
  readonly places: IndexPlaces
  readonly inPlace: boolean
}

class DatabaseRun {
  readonly #request: DatabaseRequest
  readonly #plan: DatabasePlan
  readonly #hooks: DatabaseHooks
  readonly #planned: readonly PlannedTable[]
  readonly ended = new Map<PlannedTable, TableReport>()
  readonly keys: KeysToDrop
  readonly #totals: DatabaseTotals<PlannedTable>
  #stopped = false
  /** Why a connection does not see the snapshot any more; null: all do, as far as is known. */
  #lost: ErrorReport | null = null
  #threads: SharedThreads | null = null
  /** Something has ended, so that another table may begin. */
  #wake: () => void = () => {}
  busySeconds: readonly number[] = []
  /** Of the snapshot; null: there is none, or it is not known. */
  position: string | null = null
  readonly reasons: string[] = []

  constructor(request: DatabaseRequest, plan: DatabasePlan, hooks: DatabaseHooks) {
    this.#request = request
    this.#plan = plan
    this.#hooks = hooks
    this.#totals = new DatabaseTotals(plan.tables, expectedOf)
    this.keys = new KeysToDrop(plan.schema.foreignKeys.gone, madeAnew(plan.tables, request.params))
    this.#planned = plan.tables.filter((table) => table.plan !== null).sort(largestFirst)
  }

  /** Throws what keeps all of them from being copied. */
  async all(): Promise<void> {
    for (const table of this.#plan.tables)
      if (table.error !== null) this.#end(table, uncopiedTable(table, table.error))
    if (this.#stopped || this.#planned.length === 0) return
    if (this.#request.params.mode === 'sync') return this.#compareAll()
    const { runId, params } = this.#request
    // All tables have the same connections, in which they may want foreign keys not to be checked.
    const { request } = this.#planned[0]!
    const plans = this.#planned.map(({ plan }) => plan!)
    const lanes = new Lanes(() => openEndpoints(request, this.#hooks.signal))
    let snapshot: SnapshotStart | null = null
    const inSnapshot = params.consistency === 'snapshot'
    const setup: TablesSetup = {
      source: endpointsOf(request.from, params.session, params.timeZone),
      target: endpointsOf(request.to, params.session),
      beginsSnapshot: inSnapshot,
      control: `rowshift-${runId}`,
      connected: noneConnected(),
    }
    const threads = (this.#threads = new SharedThreads({
      runId,
      count: threadCount(plans),
      pool: copyThreads(plans, setup),
      onReady: (ready) => snapshot?.receive(ready),
      onError: (death) => snapshot?.died(death),
      signal: this.#hooks.signal,
      onFreed: () => this.#wake(),
    }))
    const release = onAbort(this.#hooks.signal, () => this.#wake())
    try {
      if (inSnapshot) snapshot = new SnapshotStart(threads.pool, this.#hooks.signal)
      const first = (await lanes.take())!
      const limited = { runId, params, plan: plans[0]!, ...first, reasons: this.reasons }
      await throttledCopy(limited, async (throttle) => {
        lanes.give(first)
        const begun = snapshot && (await this.#begin(snapshot, lanes))
        const inPlace = !inSnapshot && lookSmall(plans)
        const places = new IndexPlaces(plans[0]!.policy.workerNum, threads.pool)
        await this.#tables({ threads, lanes, throttle, places, inPlace }).finally(() => begun?.end?.())
      })
    } finally {
      release()
      if (this.#hooks.signal.aborted) threads.pool.abort()
      await threads.pool.close()
      await lanes.close()
      this.busySeconds = threads.busySeconds
    }
  }

  /** Mode `sync` compares tables, each with threads of its own. */
  #compareAll(): Promise<void> {
    const hooks = (table: PlannedTable) => ({
      signal: this.#hooks.signal,
      onProgress: (progress: Progress) => {
        this.#totals.move(table, progress)
        this.#tell()
      },
    })
    return inTurns(this.#planned, {
      isSmall: (table) => expectedSplits(table) === 1,
      workerNum: this.#request.params.workerNum,
      stopped: () => this.#stopped || this.#hooks.signal.aborted,
      work: async (table, threads) => {
        const { request } = table
        const params = threads === null ? request.params : { ...request.params, workerNum: threads }
        const report = await runTable({ ...request, params }, hooks(table))
        this.#end(table, copiedTable(table, report))
        this.#tell()
      },
    })
  }

  /** All threads, and the readers that compute splits, see one moment of all tables. */
  async #begin(snapshot: SnapshotStart, lanes: Lanes): Promise<Snapshot> {
    const open = async () => (await lanes.fill(this.#planned.length)).map((lane) => lane.readers[0]!)
    const tables = this.#planned.map(({ from }) => from)
    const begun = await snapshot.begin(open, tables)
    this.position = begun.position
    return begun
  }

  async #tables(together: Together): Promise<void> {
    const running = new Set<Promise<void>>()
    try {
      for (const [rank, table] of this.#planned.entries()) {
        const lane = await this.#lane(together)
        if (lane === null) break
        const done = this.#copy(table, lane, rank, together).finally(() => {
          running.delete(done)
          this.#wake()
        })
        running.add(done)
      }
    } finally {
      await Promise.all(running)
    }
  }

  /** Waits until threads would have nothing to do without the next table. null: no table begins any more. */
  async #lane({ threads, lanes }: Together): Promise<OpenEndpoints | null> {
    for (;;) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      if (this.#stopped || this.#hooks.signal.aborted) return null
      if (this.#lost !== null && lanes.none) throw RowshiftError.fromReport(this.#lost)
      // The first table has the last connection that a server has to give, until a thread has its own.
      const hasRoom = threads.connected || this.#totals.underWay.size === 0
      const free = hasRoom && lanes.hasRoom && this.#load(threads) < threads.now * SPLITS_AHEAD
      const lane = free ? await lanes.take() : null
      if (lane !== null) return lane
      if (free) continue
      await woken
      // What has ended may have failed, which its own copy is told first.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** The splits that threads have in hand or will soon, of all tables under way. */
  #load(threads: SharedThreads): number {
    let load = 0
    for (const table of this.#totals.underWay.keys())
      load += threads.loadOf(table.request.runId, expectedSplits(table))
    return load
  }

  async #copy(table: PlannedTable, lane: OpenEndpoints, rank: number, together: Together): Promise<void> {
    const { lanes, threads, throttle, places, inPlace } = together
    this.#totals.move(table, noProgress)
    const { signal } = this.#hooks
    const fault = await this.keys.before(table.to, lane.writers[0]!, signal)
    if (fault !== null) {
      lanes.give(lane)
      return this.#end(table, uncopiedTable(table, signal.aborted ? null : fault))
    }
    const hooks = {
      signal,
      onPlan: () => {},
      onProgress: (progress: Progress) => {
        this.#totals.move(table, progress)
        this.#tell()
      },
    }
    const inSnapshot = this.#request.params.consistency === 'snapshot'
    const plan = await planKept(table, lane, inSnapshot)
    const { position } = this
    const report = await runCopy(table.request, hooks, {
      plan,
      endpoints: lane,
      threads,
      rank,
      inPlace,
      position,
      throttle,
      places,
    })
    threads.leave(table.request.runId)
    if (report.error?.code === 'SNAPSHOT_LOST') {
      this.#lost = report.error
      lanes.forsake()
    } else lanes.give(lane)
    this.#end(table, copiedTable(table, report))
    this.#tell()
  }

  #end(table: PlannedTable, report: TableReport): void {
    this.ended.set(table, report)
    this.#totals.end(table)
    this.#hooks.onTable(report)
    if (report.status === 'failed' && this.#request.onTableError === 'stop') this.#stopped = true
  }

  #tell(): void {
    this.#hooks.onProgress(this.#totals.now(this.#threads?.now))
  }
}

function expectedOf(table: PlannedTable): Expected {
  const rows = table.plan?.read.table.estimatedRows ?? null
  return { rows, bytes: table.plan === null ? 0 : expectedBytes(table) }
}
