import type { ErrorReport } from '../../contract/errors.js'
import { noProgress } from '../../engine/progress.js'
import { makeReport } from '../../engine/report.js'
import { endedBy, stopped } from '../../engine/run-errors.js'
import { runVerify } from '../verify/job.js'
import type { ComparedTable, ComparisonPlan, ComparisonRequest } from './comparison-plan.js'
import { planComparison } from './comparison-plan.js'
import type { ComparedReport, ComparisonReport } from './comparison-report.js'
import { comparedReport, comparisonError, comparisonReport, uncomparedReport } from './comparison-report.js'
import { inTurns } from './in-turns.js'
import type { DatabaseProgress } from './progress.js'
import { DatabaseTotals } from './progress.js'

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
  readonly #totals: DatabaseTotals<ComparedTable>
  #stopped = false

  constructor(request: ComparisonRequest, plan: ComparisonPlan, hooks: ComparisonHooks) {
    this.#request = request
    this.#plan = plan
    this.#hooks = hooks
    this.#totals = new DatabaseTotals(plan.tables, ({ rows, bytes }) => ({ rows, bytes }))
  }

  async run(): Promise<ReadonlyMap<ComparedTable, ComparedReport>> {
    const { tables } = this.#plan
    for (const table of tables)
      if (table.error !== null || table.request === null) this.#end(table, uncomparedReport(table, true))
    const compared = tables.filter(({ request, error }) => request !== null && error === null)
    compared.sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0))
    await inTurns(compared, {
      isSmall: ({ isSmall }) => isSmall,
      workerNum: this.#request.params.workerNum,
      stopped: () => this.#stopped || this.#hooks.signal.aborted,
      work: (table, threads) => this.#compare(table, threads),
    })
    return this.#ended
  }

  /** `threads` null: as many as the params say. */
  async #compare(table: ComparedTable, threads: number | null): Promise<void> {
    const request = table.request!
    const params = threads === null ? request.params : { ...request.params, workerNum: threads }
    const report = await runVerify(
      { ...request, params },
      {
        signal: this.#hooks.signal,
        onPlan: () => {},
        onProgress: (progress) => {
          this.#totals.move(table, progress)
          this.#hooks.onProgress(this.#totals.now())
        },
      },
    )
    this.#end(table, comparedReport(table, report))
    this.#hooks.onProgress(this.#totals.now())
  }

  #end(table: ComparedTable, report: ComparedReport): void {
    this.#ended.set(table, report)
    this.#totals.end(table)
    this.#hooks.onTable(report)
    if (report.status === 'failed' && this.#request.onTableError === 'stop') this.#stopped = true
  }
}
