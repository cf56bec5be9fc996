import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import { noProgress } from '../../engine/progress.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { withEndpoints } from '../../engine/open-endpoints.js'
import { makeReport } from '../../engine/report.js'
import { endedBy, stopped } from '../../engine/run-errors.js'
import { runVerify } from '../verify/job.js'
import type { ComparedTable, ComparisonPlan, ComparisonRequest } from './comparison-plan.js'
import { planComparison } from './comparison-plan.js'
import type { ComparedReport, ComparisonOutcome, ComparisonReport } from './comparison-report.js'
import { comparedReport, comparisonError, comparisonReport, uncomparedReport } from './comparison-report.js'
import { DEFAULT_WORKERS } from '../../task/params.js'
import type { ForeignKeyReport } from './make-foreign-keys.js'
import { concernsKeys, makeForeignKeys, keysNotMade } from './make-foreign-keys.js'
import { endsRequest } from './request.js'
import { endsAll, inTurns } from './in-turns.js'
import { CopyOrder } from './parents-first.js'
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
  const report = (outcome: ComparisonOutcome, error: ErrorReport | null) => {
    const { runId, params } = request
    const seconds = (performance.now() - started) / 1000
    const base = makeReport({ runId, taskId, params, plan: null, progress: noProgress, error: null, seconds })
    return comparisonReport(base, request, outcome, error)
  }
  try {
    const plan = await planComparison(request, hooks.signal)
    hooks.onPlan(plan)
    const ended = await new ComparisonRun(request, plan, hooks).run()
    const tables = plan.tables.map((table) => ended.get(table) ?? uncomparedReport(table, false))
    const foreignKeys = await keysAfterRepair(request, plan, tables, hooks.signal)
    const interrupted = hooks.signal.aborted ? stopped(hooks.signal) : null
    const error = comparisonError({ tables, foreignKeys }, interrupted)
    return report({ tables, foreignKeys, leftOut: plan.leftOut }, error)
  } catch (thrown) {
    return report({ tables: [], foreignKeys: [], leftOut: [] }, endedBy(thrown, hooks.signal).report())
  }
}

/** Rows without a parent, which a repair of some tables may leave: they were not checked as they came. Never throws: what failed is in the report. */
async function keysAfterRepair(
  request: ComparisonRequest,
  { foreignKeys }: ComparisonPlan,
  tables: readonly ComparedReport[],
  signal: AbortSignal,
): Promise<readonly ForeignKeyReport[]> {
  const changed = new Set(tables.flatMap(({ to, run }) => (run?.targetChanged ? to : [])))
  const written = { isDone: () => true, isChanged: (name: string) => changed.has(name) }
  if (foreignKeys === null || !concernsKeys(foreignKeys, written)) return []
  if (signal.aborted) return keysNotMade(foreignKeys, { status: 'not_made' }, written)
  const { retry, workerNum } = request.params
  const keys = { written, workerNum: workerNum ?? DEFAULT_WORKERS, retry, signal, onStep: () => {} }
  const look = ({ writers }: OpenEndpoints) => {
    const target = writers[0]!.skills.foreignKeys!
    return makeForeignKeys(foreignKeys, { ...keys, target })
  }
  return withEndpoints(endsRequest(request), signal, look).catch((thrown: unknown) => {
    const error = RowshiftError.from(thrown).report()
    const notMade = keysNotMade(foreignKeys, { status: 'failed', error }, written)
    return notMade.map((key) => (key.reason === null ? key : { ...key, status: 'failed' as const, error }))
  })
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
    const { foreignKeys } = this.#plan
    const order = foreignKeys === null ? null : new CopyOrder(compared, foreignKeys)
    await inTurns(order?.tables ?? compared, {
      isSmall: ({ isSmall }) => isSmall,
      workerNum: this.#request.params.workerNum,
      inOrder: order?.matters ?? false,
      stopped: () => this.#stopped || this.#hooks.signal.aborted,
      work: (table, threads) => this.#compare(table, threads),
    })
    return this.#ended
  }

  /** `threads` null: as many as the params say. */
  async #compare(table: ComparedTable, threads: number | null): Promise<void> {
    const request = table.request!
    const params = threads === null ? request.params : { ...request.params, workerNum: threads }
    const hosts = threads === null ? this.#request.hosts?.(request) : undefined
    const report = await runVerify(
      { ...request, params, ...(hosts && { hosts }) },
      {
        signal: this.#hooks.signal,
        onPlan: () => {},
        onProgress: (progress) => {
          this.#totals.move(table, progress)
          this.#hooks.onProgress(this.#totals.now())
        },
      },
    )
    if (hosts && endsAll(hosts)) this.#stopped = true
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
