/** `/metrics`: what the console has seen since it started, and what the history says, for Prometheus. */
import type { Registry } from 'prom-client'
import type { RunRecord, RunReport, TaskStore } from '../contract/task-store.js'
import { log } from '../log.js'
import type { LiveRuns } from './live-runs.js'
import { phases } from '../contract/time-spent.js'
import type { TableCounts, TableReport } from '../features/database/report.js'
import { reportOf } from './run-records.js'

const RECENT_RUNS = 500
const STATUSES = ['success', 'failed', 'interrupted'] as const
/** Of the ids of runs that were counted. */
const MOST_KNOWN = 8_000

interface Setup {
  readonly live: LiveRuns
  readonly history: (limit: number) => Promise<readonly RunRecord[]>
  /** One or none. */
  readonly run: (runId: string) => Promise<readonly RunRecord[]>
  /** Ids. */
  readonly tasks: () => Promise<readonly number[]>
}

export class Metrics {
  readonly contentType: string
  readonly #registry: Registry
  readonly #setup: Setup
  readonly #count: Instruments['count']
  readonly #begin: (task: number) => void
  readonly #gauge: () => void
  readonly #known = new Set<string>()
  /** By the run that others went on with: what was counted of them all. */
  readonly #counted = new Map<string, Amounts>()
  /** Tasks of which a run was killed, and none has succeeded since. Of several tables, it has told of those that were done, and not how far it was with others. */
  readonly #cut = new Set<number>()
  #running = new Set<string>()
  /** Runs that had ended before the first look are not counted: a counter begins at 0. */
  #first = true

  private constructor(registry: Registry, setup: Setup, make: Instruments) {
    this.#registry = registry
    this.#setup = setup
    this.contentType = registry.contentType
    this.#count = (record, report, own) => make.count(record, report, own)
    this.#begin = (task) => make.begin(task)
    this.#gauge = () => make.gauge(setup.live)
  }

  static async create(setup: Setup): Promise<Metrics> {
    const { default: prometheus } = await import('prom-client')
    const registry = new prometheus.Registry()
    prometheus.collectDefaultMetrics({ register: registry, prefix: 'rowshift_console_' })
    return new Metrics(registry, setup, instruments(prometheus, registry))
  }

  async text(): Promise<string> {
    await this.look().catch((thrown: unknown) => log.warn(`metrics lack the history: ${String(thrown)}`))
    this.#gauge()
    return this.#registry.metrics()
  }

  /** Counts the runs that have ended since the last look. */
  async look(): Promise<void> {
    for (const task of await this.#setup.tasks()) this.#begin(task)
    const runs = [...(await this.#runs())]
    // Those that take long may not be among the newest any more when they end.
    const listed = new Set(runs.map(({ run_id }) => run_id))
    for (const id of this.#running) if (!listed.has(id)) runs.push(...(await this.#setup.run(id)))
    this.#running = new Set(runs.filter(({ status }) => status === 'running').map(({ run_id }) => run_id))
    for (const record of runs.toReversed()) {
      if (record.status === 'running' || this.#known.has(record.run_id)) continue
      this.#known.add(record.run_id)
      if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value!)
      const report = reportOf(record)
      this.#count(record, report, this.#first ? null : this.#ownOf(record, report))
    }
    this.#first = false
  }

  /** What it has done itself. Of several tables, each has gone on with a run of its own. */
  #ownOf({ run_id: id, task_id: task }: RunRecord, report: TaskReport | null): Amounts {
    const wasCut = this.#cut.has(task)
    if (report?.status === undefined) this.#cut.add(task)
    else if (report.status === 'success') this.#cut.delete(task)
    if (report?.tables === undefined) return since(report ?? {}, this.#countedOf(id, report, false))
    const own = report.tables.flatMap(({ runId, status, counts }) => {
      if (!counts || runId === null) return []
      return since(counts, this.#countedOf(runId, { ...counts, status }, wasCut))
    })
    // Of earlier versions.
    if (own.length === 0) return since(report, amountsOf(report.resumed ?? NONE))
    return own.reduce(sumOf)
  }

  /**
   * The report of a run that went on with another is of both. What that one has done was counted when it ended, but not where its process was
   * killed; nor is it to be counted where it ended before the first look. `wasCut`: it was killed, and nobody has told that it had begun.
   */
  #countedOf(id: string, report: Counted | null, wasCut: boolean): Amounts {
    const { resumed } = report ?? {}
    const first = resumed?.run ?? id
    const before = this.#counted.get(first) ?? (resumed && !wasCut ? amountsOf(resumed) : NONE)
    this.#counted.delete(first)
    if (report?.status === 'success') return before
    this.#counted.set(first, report === null ? before : amountsOf(report))
    if (this.#counted.size > MOST_KNOWN) this.#counted.delete(this.#counted.keys().next().value!)
    return before
  }

  /** The newest, as far back as something is known of. */
  async #runs(): Promise<readonly RunRecord[]> {
    for (let limit = RECENT_RUNS; ; limit *= 4) {
      const runs = await this.#setup.history(limit)
      const goesOn = !this.#first && runs.length === limit && limit * 4 <= MOST_KNOWN
      if (!goesOn || runs.some(({ run_id }) => this.#known.has(run_id))) return runs
    }
  }
}

type Amounts = Pick<RunReport, 'rowsRead' | 'rowsWritten' | 'bytes' | 'dirtyRows'>

/** A run, or the copy of one of its tables. */
type Counted = Partial<Amounts & Pick<RunReport, 'resumed'>> & { readonly status?: string }

/** As the history has it; of a run that was killed, no more than its tables that were done. */
type TaskReport = Partial<RunReport> & {
  readonly tables?: readonly (Pick<TableReport, 'runId' | 'status'> & { readonly counts?: TableCounts })[]
}

const NONE: Amounts = { rowsRead: 0, rowsWritten: 0, bytes: 0, dirtyRows: 0 }

/** Reports of earlier versions lack some of it. */
function amountsOf({
  rowsRead = 0,
  rowsWritten = rowsRead,
  bytes = 0,
  dirtyRows = 0,
}: Partial<Amounts>): Amounts {
  return { rowsRead, rowsWritten, bytes, dirtyRows }
}

function since(report: Partial<Amounts>, before: Amounts): Amounts {
  return both(amountsOf(report), before, (all, some) => Math.max(0, all - some))
}

function sumOf(one: Amounts, other: Amounts): Amounts {
  return both(one, other, (a, b) => a + b)
}

function both(one: Amounts, other: Amounts, of: (a: number, b: number) => number): Amounts {
  return {
    rowsRead: of(one.rowsRead, other.rowsRead),
    rowsWritten: of(one.rowsWritten, other.rowsWritten),
    bytes: of(one.bytes, other.bytes),
    dirtyRows: of(one.dirtyRows, other.dirtyRows),
  }
}

interface Instruments {
  /** Shows 0 of a task that nothing has happened to: of a counter that begins at 1, Prometheus sees no increase. */
  begin(task: number): void
  /** `report`: null: its process was killed. `own`: what it has done itself; null: only the time of the last success counts. */
  count(record: RunRecord, report: Partial<RunReport> | null, own: Amounts | null): void
  gauge(live: LiveRuns): void
}

function instruments(prometheus: typeof import('prom-client'), registry: Registry): Instruments {
  const registers = [registry]
  const counter = (name: string, help: string, ...labels: string[]) =>
    new prometheus.Counter({ name: `rowshift_${name}`, help, labelNames: ['task', ...labels], registers })
  const gauge = (name: string, help: string) =>
    new prometheus.Gauge({ name: `rowshift_${name}`, help, labelNames: ['task'], registers })
  const runs = counter('runs_total', 'Runs that have ended', 'status')
  const rows = counter('rows_total', 'Rows read and written', 'what')
  const bytes = counter('bytes_total', 'Bytes read, in the wire format')
  const seconds = counter('run_seconds_total', 'Seconds that runs took')
  const busy = counter('busy_seconds_total', 'Seconds that worker threads had a split in hand')
  const phaseSeconds = counter(
    'phase_seconds_total',
    'Seconds that worker threads spent in a phase; they may be in two at a time',
    'phase',
  )
  const phaseAlone = counter(
    'phase_alone_seconds_total',
    'Seconds that worker threads spent in a phase, and in no other',
    'phase',
  )
  const retries = counter('retries_total', 'Splits that were run again', 'code')
  const rejected = counter('rejected_rows_total', 'Rows that were rejected')
  const success = gauge('last_success_timestamp_seconds', 'When the last run that succeeded ended')
  const lag = gauge('increment_lag_seconds', 'How far the last increment was behind when it ended')
  const liveRows = gauge('live_rows', 'Rows of the run that is under way')
  const liveRate = gauge('live_rows_per_second', 'Speed of the run that is under way')
  return {
    begin: (id) => {
      const task = String(id)
      for (const status of STATUSES) runs.inc({ task, status }, 0)
      for (const what of ['read', 'written']) rows.inc({ task, what }, 0)
      for (const phase of phases)
        for (const spent of [phaseSeconds, phaseAlone]) spent.inc({ task, phase }, 0)
      for (const each of [bytes, seconds, busy, rejected]) each.inc({ task }, 0)
    },
    count: (record, report, own) => {
      const task = String(record.task_id)
      const ended = record.end_time === null ? 0 : Date.parse(`${record.end_time.replace(' ', 'T')}Z`) / 1000
      if (record.status === 'success' && ended > 0) success.set({ task }, ended)
      if (own === null) return
      runs.inc({ task, status: record.status })
      // Its process was killed.
      if (report === null) return
      rows.inc({ task, what: 'read' }, own.rowsRead)
      rows.inc({ task, what: 'written' }, own.rowsWritten)
      bytes.inc({ task }, own.bytes)
      rejected.inc({ task }, own.dirtyRows)
      for (const phase of phases) {
        const { seconds: spent = 0, alone = 0 } = report.timeSpent?.phases[phase] ?? {}
        phaseSeconds.inc({ task, phase }, spent)
        phaseAlone.inc({ task, phase }, alone)
      }
      seconds.inc({ task }, report.seconds ?? 0)
      busy.inc(
        { task },
        (report.busySeconds ?? []).reduce((sum, some) => sum + some, 0),
      )
      for (const [code, count] of Object.entries(report.retryReasons ?? {}))
        retries.inc({ task, code }, count)
      const behind = lagOf(report)
      if (behind !== null) lag.set({ task }, behind)
    },
    gauge: (live) => {
      liveRows.reset()
      liveRate.reset()
      for (const { hello, progress, rowsPerSecond } of live.list()) {
        const task = String(hello.taskId ?? 'none')
        liveRows.set({ task }, progress?.rows ?? 0)
        liveRate.set({ task }, rowsPerSecond)
      }
    },
  }
}

/** Seconds from the end of the window of a run by time to the end of the run; null: it has no such window. */
function lagOf({ mode, status, secondsBehind, seconds = 0 }: Partial<RunReport>): number | null {
  if (mode !== 'increment' || status !== 'success' || secondsBehind === undefined) return null
  return secondsBehind + seconds
}

/** For a look at the store by whoever has it. */
export function storeOf(
  use: <T>(work: (store: TaskStore) => Promise<T>) => Promise<T>,
): Pick<Setup, 'history' | 'run' | 'tasks'> {
  return {
    history: (limit) => use((store) => store.history(null, limit)),
    run: (runId) =>
      use(async (store) => {
        const record = await store.run(runId)
        return record === null ? [] : [record]
      }),
    tasks: () => use(async (store) => (await store.list()).map(({ id }) => id)),
  }
}
