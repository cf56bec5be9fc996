import type { ErrorReport } from '../../contract/errors.js'
import type { Progress } from '../../engine/progress.js'
import { moved, noProgress } from '../../engine/progress.js'
import { makeReport } from '../../engine/report.js'
import { endedBy, stopped } from '../../engine/run-errors.js'
import { runVerify } from '../verify/job.js'
import type { ComparedTable, ComparisonPlan, ComparisonRequest } from './comparison-plan.js'
import { planComparison } from './comparison-plan.js'
import type { ComparedReport, ComparisonReport } from './comparison-report.js'
import { comparedReport, comparisonError, comparisonReport, uncomparedReport } from './comparison-report.js'
import type { DatabaseProgress } from './job.js'

/** Tables that fit into one split are compared side by side, so many at a time, where `worker_num` does not say. */
const SMALL_AT_A_TIME = 4

export interface ComparisonHooks {
  readonly signal: AbortSignal
  readonly onPlan: (plan: ComparisonPlan) => void
  readonly onProgress: (progress: DatabaseProgress) => void
  /** In the order in which they end. */
  readonly onTable: (table: ComparedReport) => void
}

/**
 * Compares the tables of two databases, and repairs their rows where that is asked for. All are looked at before the first row is
 * repaired: where one cannot be, nothing is written, unless the others are to go on. Never throws: a failure is in the report.
 */
export async function compareDatabases(
  request: ComparisonRequest,
  taskId: number | null,
  hooks: ComparisonHooks,
): Promise<ComparisonReport> {
  const started = performance.now()
  const report = (
    tables: readonly ComparedReport[],
    leftOut: ComparisonPlan['leftOut'],
    error: ErrorReport | null,
  ) => {
    const { runId, params } = request
    const seconds = (performance.now() - started) / 1000
    const base = makeReport({ runId, taskId, params, plan: null, progress: noProgress, error: null, seconds })
    return comparisonReport(base, request, tables, leftOut, error)
  }
  try {
    const plan = await planComparison(request, hooks.signal)
    hooks.onPlan(plan)
    const ended = await new ComparisonRun(request, plan, hooks).run()
    const tables = plan.tables.map((table) => ended.get(table) ?? uncomparedReport(table, false))
    const interrupted = hooks.signal.aborted ? stopped(hooks.signal) : null
    return report(tables, plan.leftOut, comparisonError(tables, interrupted))
  } catch (thrown) {
    return report([], [], endedBy(thrown, hooks.signal).report())
  }
}

class ComparisonRun {
  readonly #request: ComparisonRequest
  readonly #plan: ComparisonPlan
  readonly #hooks: ComparisonHooks
  readonly #ended = new Map<ComparedTable, ComparedReport>()
  readonly #underWay = new Map<ComparedTable, Progress>()
  /** Of the tables that have ended. */
  #moved = { rows: 0, bytes: 0 }
  #stopped = false

  constructor(request: ComparisonRequest, plan: ComparisonPlan, hooks: ComparisonHooks) {
    this.#request = request
    this.#plan = plan
    this.#hooks = hooks
  }

  async run(): Promise<ReadonlyMap<ComparedTable, ComparedReport>> {
    const { tables } = this.#plan
    for (const table of tables)
      if (table.error !== null || table.request === null) this.#end(table, uncomparedReport(table, true))
    const compared = tables.filter(({ request, error }) => request !== null && error === null)
    compared.sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0))
    await this.#lane(compared.filter(({ isSmall }) => !isSmall).values(), null)
    const small = compared.filter(({ isSmall }) => isSmall).values()
    const lanes = this.#request.params.workerNum ?? SMALL_AT_A_TIME
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(small, 1)))
    return this.#ended
  }

  /** `threads` null: as many as the params say. */
  async #lane(tables: Iterable<ComparedTable>, threads: number | null): Promise<void> {
    for (const table of tables) {
      if (this.#stopped || this.#hooks.signal.aborted) return
      await this.#compare(table, threads)
    }
  }

  async #compare(table: ComparedTable, threads: number | null): Promise<void> {
    const request = table.request!
    const params = threads === null ? request.params : { ...request.params, workerNum: threads }
    const report = await runVerify(
      { ...request, params },
      {
        signal: this.#hooks.signal,
        onPlan: () => {},
        onProgress: (progress) => {
          this.#underWay.set(table, progress)
          this.#tell()
        },
      },
    )
    this.#moved = add(this.#moved, moved(this.#underWay.get(table) ?? noProgress))
    this.#underWay.delete(table)
    this.#end(table, comparedReport(table, report))
    this.#tell()
  }

  #end(table: ComparedTable, report: ComparedReport): void {
    this.#ended.set(table, report)
    this.#hooks.onTable(report)
    if (report.status === 'failed' && this.#request.onTableError === 'stop') this.#stopped = true
  }

  #tell(): void {
    const active = [...this.#underWay.values()]
    this.#hooks.onProgress({
      ...active.map(moved).reduce(add, this.#moved),
      tablesEnded: this.#ended.size,
      underWay: [...this.#underWay.keys()].map(({ from }) => from),
      threads: active.reduce((sum, { threads }) => sum + threads, 0),
      waiting: active.find(({ waiting }) => waiting !== null)?.waiting ?? null,
    })
  }
}

type Moved = ReturnType<typeof moved>

function add(a: Moved, b: Moved): Moved {
  return { rows: a.rows + b.rows, bytes: a.bytes + b.bytes }
}
