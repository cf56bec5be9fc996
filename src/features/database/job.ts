import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import { SPLITS_AHEAD } from '../../engine/copy-threads.js'
import { runCopy } from '../../engine/job.js'
import type { Hosts } from '../../engine/job-pool.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { openEndpoints } from '../../engine/open-endpoints.js'
import type { Progress } from '../../engine/progress.js'
import { noProgress } from '../../engine/progress.js'
import { throttledCopy } from '../../engine/speed.js'
import type { Throttle } from '../../engine/throttle.js'
import { onAbort } from '../../contract/waiting.js'
import { IndexPlaces } from '../indexes/places.js'
import { Lanes } from './lanes.js'
import type { DatabasePlan } from './plan.js'
import { CopyOrder } from './parents-first.js'
import { expectedOf, expectedSplits, largestFirst, madeAnew, planDatabase } from './plan.js'
import type { DatabaseProgress } from './progress.js'
import { DatabaseTotals } from './progress.js'
import type { DatabaseReport, TableReport } from './report.js'
import { copiedTable, databaseReport, uncopiedTable } from './report.js'
import { KeysToDrop } from './drop-foreign-keys.js'
import { finishSchema } from './schema.js'
import type { MadeTables } from './make-tables.js'
import { isMadeFirst, makeFirst } from './make-tables.js'
import { makeTables } from './schema-only.js'
import { syncTables } from './sync-tables.js'
import type { DatabaseRequest } from './request.js'
import { planKept, type PlannedTable } from './table-plan.js'
import type { ThreadGroup } from './table-threads.js'
import { checkShared, TableThreads } from './table-threads.js'

export interface DatabaseHooks {
  readonly signal: AbortSignal
  readonly onPlan: (plan: DatabasePlan) => void
  readonly onProgress: (progress: DatabaseProgress) => void
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
  await run.all().catch((thrown: unknown) => {
    error = RowshiftError.from(thrown)
  })
  const tables = plan.tables.map((table) => run.reportOf(table))
  const { dropped } = run.keys
  const { signal } = hooks
  const schema = await finishSchema(request, plan, tables, dropped, {
    signal,
    onStep: (step) => run.tell(step),
  })
  const interrupted = signal.aborted ? new RowshiftError('INTERRUPTED', 'The run was interrupted.') : null
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
  readonly lanes: Lanes
  readonly throttle: Throttle
  readonly places: IndexPlaces
}

class DatabaseRun {
  readonly #request: DatabaseRequest
  readonly #plan: DatabasePlan
  readonly #hooks: DatabaseHooks
  readonly #order: CopyOrder<PlannedTable>
  readonly #planned: readonly PlannedTable[]
  readonly #ended = new Map<PlannedTable, TableReport>()
  readonly #made: MadeTables = new Map()
  readonly keys: KeysToDrop
  readonly #totals: DatabaseTotals<PlannedTable>
  #stopped = false
  /** Why a connection does not see the snapshot any more; null: all do, as far as is known. */
  #lost: ErrorReport | null = null
  #threads: TableThreads | null = null
  /** Called when something has ended, so that another table may begin. */
  readonly #waiting: (() => void)[] = []
  busySeconds: readonly number[] = []
  /** Of the snapshot; null: there is none, or it is not known. */
  position: string | null = null
  readonly reasons: string[] = []

  constructor(request: DatabaseRequest, plan: DatabasePlan, hooks: DatabaseHooks) {
    this.#request = request
    this.#plan = plan
    this.#hooks = hooks
    this.#totals = new DatabaseTotals(plan.tables, expectedOf)
    const { params } = request
    this.keys = new KeysToDrop(plan.schema.foreignKeys.gone, madeAnew(plan.tables, params), params.retry)
    const planned = plan.tables.filter((table) => table.plan !== null).sort(largestFirst)
    this.#order = new CopyOrder(planned, plan.schema.foreignKeys)
    this.#planned = this.#order.tables
  }

  reportOf(table: PlannedTable): TableReport {
    const nothing = uncopiedTable(table, null)
    return this.#ended.get(table) ?? (this.#made.has(table) ? { ...nothing, phase: 'create' } : nothing)
  }

  /** Throws what keeps all of them from being copied. */
  async all(): Promise<void> {
    for (const table of this.#plan.tables)
      if (table.error !== null) this.#end(table, uncopiedTable(table, table.error))
    if (this.#stops || this.#planned.length === 0) return
    const { runId, only, params, hosts: hostsOf } = this.#request
    const { signal } = this.#hooks
    const copied = this.#planned.filter((table) => !this.#plan.withoutIndexes.includes(table))
    await this.#request.beforeRows?.(copied)
    const work = {
      signal,
      hosts: hostsOf,
      workerNum: params.workerNum,
      onStep: (step: string) => this.tell(step),
      stopped: () => this.#stops,
      move: (table: PlannedTable, progress: Progress) => this.#move(table, progress),
      end: (table: PlannedTable, report: TableReport) => this.#end(table, report),
    }
    if (only === 'schema') return makeTables(this.#planned, work)
    if (params.mode === 'sync') return syncTables(this.#planned, { ...work, inOrder: this.#order.matters })
    // All tables have the same connections, in which they may want foreign keys not to be checked.
    const { request } = this.#planned[0]!
    const hosts = hostsOf?.({ ...request, runId }) ?? null
    if (hosts !== null) checkShared(hosts, this.#planned)
    const lanes = new Lanes(() => openEndpoints(request, signal))
    try {
      if (params.consistency === 'snapshot')
        await lanes.use(({ readers }) => hosts?.checkSnapshot(readers[0]!))
      await makeTables(this.#plan.withoutIndexes, work)
      await makeFirst(this.#planned.filter(isMadeFirst), { ...work, lanes }, this.#made)
      const left = this.#planned.filter((table) => !this.#ended.has(table))
      if (!this.#stops && left.length > 0) await this.#copyAll(left, lanes, hosts)
    } finally {
      await lanes.close()
    }
  }

  async #copyAll(tables: readonly PlannedTable[], lanes: Lanes, hosts: Hosts | null): Promise<void> {
    const { runId, params } = this.#request
    const plan = tables[0]!.plan!
    const { signal } = this.#hooks
    const onFreed = () => this.#wake()
    const threads = (this.#threads = new TableThreads({ runId, tables, hosts, signal, onFreed }))
    const release = onAbort(signal, onFreed)
    try {
      const first = (await lanes.take())!
      const limited = { runId, params, plan, ...first, reasons: this.reasons }
      await throttledCopy(limited, async (throttle) => {
        lanes.give(first)
        const open = async () => (await lanes.fill(tables.length)).map((lane) => lane.readers[0]!)
        this.position = await threads.begin(open)
        const { groups } = threads
        const places = new IndexPlaces(plan.policy.workerNum, groups[0]!.threads.pool)
        const copied = groups.map((group) => this.#tables(group, { lanes, throttle, places }))
        // Where one has failed, the other still has tables under way.
        await Promise.allSettled(copied)
        await Promise.all(copied).finally(() => threads.end())
        if (threads.lost !== null) throw threads.lost
      })
    } finally {
      release()
      await threads.close()
      this.busySeconds = threads.busySeconds
    }
  }

  async #tables(group: ThreadGroup, together: Together): Promise<void> {
    const running = new Set<Promise<void>>()
    try {
      for (const [rank, table] of [...group.tables].entries()) {
        const lane = await this.#lane(table, group, together)
        if (lane === null) break
        const done = this.#copy(table, lane, rank, { ...group, ...together }).finally(() => {
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
  async #lane(
    next: PlannedTable,
    { threads, tables }: ThreadGroup,
    { lanes }: Together,
  ): Promise<OpenEndpoints | null> {
    for (;;) {
      const woken = new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (this.#stops) return null
      if (this.#lost !== null && lanes.none) throw RowshiftError.fromReport(this.#lost)
      // The first table has the last connection that a server has to give, until a thread has its own.
      const underWay = [...this.#totals.underWay.keys()].filter((table) => tables.has(table))
      const load = underWay.reduce(
        (sum, table) => sum + threads.loadOf(table.request.runId, expectedSplits(table)),
        0,
      )
      const hasRoom = threads.connected || underWay.length === 0
      const mayBegin = hasRoom && lanes.hasRoom && this.#order.mayBegin(next, this.#ended)
      const free = mayBegin && load < threads.now * SPLITS_AHEAD
      const lane = free ? await lanes.take() : null
      if (lane !== null) {
        await this.#threads!.check()
        return lane
      }
      if (free) continue
      await woken
      // What has ended may have failed, which its own copy is told first.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async #copy(
    table: PlannedTable,
    lane: OpenEndpoints,
    rank: number,
    together: Together & ThreadGroup,
  ): Promise<void> {
    const { lanes, threads, throttle, places, inPlace, reasonsOf } = together
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
      onProgress: (progress: Progress) => this.#move(table, progress),
    }
    const inSnapshot = this.#request.params.consistency === 'snapshot'
    const made = this.#made.get(table) ?? null
    const { request, plan } = await planKept(table, lane, inSnapshot, made !== null)
    const { position } = this
    const own = { plan, made, endpoints: lane, rank, position, reasons: reasonsOf(table) }
    const report = await runCopy(request, hooks, { ...own, threads, inPlace, throttle, places })
    threads.leave(table.request.runId)
    if (report.error?.code === 'SNAPSHOT_LOST') {
      this.#lost = report.error
      lanes.forsake()
    } else lanes.give(lane)
    this.#end(table, copiedTable(table, report))
  }

  #move(table: PlannedTable, progress: Progress): void {
    this.#totals.move(table, progress)
    this.tell()
  }

  #end(table: PlannedTable, report: TableReport): void {
    this.#ended.set(table, report)
    this.#totals.end(table)
    this.#hooks.onTable(report)
    this.tell()
    if (report.status === 'failed' && this.#request.onTableError === 'stop') this.#stopped = true
  }

  /** No table begins any more. */
  get #stops(): boolean {
    return this.#stopped || this.#hooks.signal.aborted || (this.#threads?.lost ?? null) !== null
  }

  /** `step`: what is done beside the rows of tables, in words. */
  tell(step: string | null = null): void {
    this.#hooks.onProgress(this.#totals.now(this.#threads?.now, step))
  }
}
