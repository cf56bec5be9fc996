import { RowshiftError } from '../../contract/errors.js'
import type { Progress } from '../../engine/progress.js'
import { moved, noProgress } from '../../engine/progress.js'
import type { DatabasePlan } from './plan.js'
import { expectedBytes, isSmall, planDatabase } from './plan.js'
import type { DatabaseReport, TableReport } from './report.js'
import { copiedTable, databaseReport, uncopiedTable } from './report.js'
import { finishSchema, prepareSchema } from './schema.js'
import { makeTables } from './schema-only.js'
import type { DatabaseRequest } from './request.js'
import { runTable } from './run-table.js'
import type { PlannedTable } from './table-plan.js'

/** Tables that fit into one split are copied side by side, so many at a time, where `worker_num` does not say. */
const SMALL_AT_A_TIME = 4

/** How far all tables together are. */
export interface DatabaseProgress {
  /** Written, committed or not yet, and their bytes. */
  readonly rows: number
  readonly bytes: number
  readonly tablesEnded: number
  /** Those under way, by name. */
  readonly underWay: readonly string[]
  readonly threads: number
  /** Why one of them does not go on for the time being; null: all do. */
  readonly waiting: string | null
}

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
 * others are to go on. Large tables come first, one at a time on all threads; then small ones, side by side, on one thread each. A
 * failure is in the report. Throws USAGE where there is no table to copy, and what keeps the tables from being listed.
 */
export async function runDatabase(request: DatabaseRequest, hooks: DatabaseHooks): Promise<DatabaseReport> {
  const started = performance.now()
  const plan = await planDatabase(request, hooks.signal)
  hooks.onPlan(plan)
  await prepareSchema(request, plan, hooks.signal)
  const run = () => new DatabaseRun(request, plan, hooks).run()
  const ended = await (request.only === 'schema' ? makeTables(request, plan, hooks) : run())
  const tables = plan.tables.map((table) => ended.get(table) ?? uncopiedTable(table, null))
  const schema = await finishSchema(request, plan, tables, hooks)
  const interrupted = hooks.signal.aborted
    ? new RowshiftError('INTERRUPTED', 'The run was interrupted.')
    : null
  const seconds = (performance.now() - started) / 1000
  return databaseReport(request.runId, tables, schema, plan.leftOut, interrupted, seconds)
}

class DatabaseRun {
  readonly #request: DatabaseRequest
  readonly #plan: DatabasePlan
  readonly #hooks: DatabaseHooks
  readonly #ended = new Map<PlannedTable, TableReport>()
  readonly #underWay = new Map<PlannedTable, Progress>()
  /** Of the tables that have ended. */
  #moved = { rows: 0, bytes: 0 }
  #stopped = false

  constructor(request: DatabaseRequest, plan: DatabasePlan, hooks: DatabaseHooks) {
    this.#request = request
    this.#plan = plan
    this.#hooks = hooks
  }

  async run(): Promise<ReadonlyMap<PlannedTable, TableReport>> {
    for (const table of this.#plan.tables)
      if (table.error !== null) this.#end(table, uncopiedTable(table, table.error))
    const planned = this.#plan.tables.filter(({ plan }) => plan !== null).sort(largestFirst)
    await this.#lane(planned.filter((table) => !isSmall(table)).values(), null)
    const small = planned.filter(isSmall).values()
    const lanes = this.#request.params.workerNum ?? SMALL_AT_A_TIME
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(small, 1)))
    return this.#ended
  }

  /** `threads` null: as many as the params say. */
  async #lane(tables: Iterable<PlannedTable>, threads: number | null): Promise<void> {
    for (const table of tables) {
      if (this.#stopped || this.#hooks.signal.aborted) return
      await this.#copy(table, threads)
    }
  }

  async #copy(table: PlannedTable, threads: number | null): Promise<void> {
    const { request } = table
    const params = threads === null ? request.params : { ...request.params, workerNum: threads }
    const report = await runTable(
      { ...request, params },
      {
        signal: this.#hooks.signal,
        onProgress: (progress) => {
          this.#underWay.set(table, progress)
          this.#tell()
        },
      },
    )
    this.#moved = add(this.#moved, moved(this.#underWay.get(table) ?? noProgress))
    this.#underWay.delete(table)
    this.#end(table, copiedTable(table, report))
    this.#tell()
  }

  #end(table: PlannedTable, report: TableReport): void {
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

function largestFirst(a: PlannedTable, b: PlannedTable): number {
  return (expectedBytes(b) ?? 0) - (expectedBytes(a) ?? 0)
}
