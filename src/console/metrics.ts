/** `/metrics`: what the console has seen since it started, and what the history says, for Prometheus. */
import type { Registry } from 'prom-client'
import type { RunRecord, RunReport, TaskStore } from '../contract/task-store.js'
import { log } from '../log.js'
import type { LiveRuns } from './live-runs.js'
import { reportOf } from './run-records.js'

const RECENT_RUNS = 500
/** Of the ids of runs that were counted. */
const MOST_KNOWN = 5_000

interface Setup {
  readonly live: LiveRuns
  readonly history: (limit: number) => Promise<readonly RunRecord[]>
}

export class Metrics {
  readonly contentType: string
  readonly #registry: Registry
  readonly #setup: Setup
  readonly #count: (record: RunRecord, report: Partial<RunReport> | null) => void
  readonly #gauge: () => void
  readonly #known = new Set<string>()
  /** Runs that had ended before the first look are not counted: a counter begins at 0. */
  #first = true

  private constructor(registry: Registry, setup: Setup, make: Instruments) {
    this.#registry = registry
    this.#setup = setup
    this.contentType = registry.contentType
    this.#count = (record, report) => make.count(record, report)
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
    const runs = await this.#setup.history(RECENT_RUNS)
    for (const record of runs.toReversed()) {
      if (record.status === 'running' || this.#known.has(record.run_id)) continue
      this.#known.add(record.run_id)
      const [oldest] = this.#known
      if (this.#known.size > MOST_KNOWN) this.#known.delete(oldest!)
      this.#count(record, this.#first ? null : reportOf(record))
    }
    this.#first = false
  }
}

interface Instruments {
  /** `report`: null, where only the time of the last success counts. */
  count(record: RunRecord, report: Partial<RunReport> | null): void
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
  const retries = counter('retries_total', 'Splits that were run again', 'code')
  const rejected = counter('rejected_rows_total', 'Rows that were rejected')
  const success = gauge('last_success_timestamp_seconds', 'When the last run that succeeded ended')
  const lag = gauge('increment_lag_seconds', 'How far the last increment was behind when it ended')
  const liveRows = gauge('live_rows', 'Rows of the run that is under way')
  const liveRate = gauge('live_rows_per_second', 'Speed of the run that is under way')
  return {
    count: (record, report) => {
      const task = String(record.task_id)
      const ended = record.end_time === null ? 0 : Date.parse(`${record.end_time.replace(' ', 'T')}Z`) / 1000
      if (record.status === 'success' && ended > 0) success.set({ task }, ended)
      if (report === null) return
      runs.inc({ task, status: record.status })
      rows.inc({ task, what: 'read' }, report.rowsRead ?? 0)
      rows.inc({ task, what: 'written' }, report.rowsWritten ?? 0)
      bytes.inc({ task }, report.bytes ?? 0)
      seconds.inc({ task }, report.seconds ?? 0)
      busy.inc(
        { task },
        (report.busySeconds ?? []).reduce((sum, some) => sum + some, 0),
      )
      rejected.inc({ task }, report.dirtyRows ?? 0)
      for (const [code, count] of Object.entries(report.retryReasons ?? {}))
        retries.inc({ task, code }, count)
      const behind = lagOf(report, ended)
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
function lagOf({ mode, status, watermark }: Partial<RunReport>, ended: number): number | null {
  if (mode !== 'increment' || status !== 'success' || !watermark?.to) return null
  const to = Date.parse(`${watermark.to.replace(' ', 'T')}Z`) / 1000
  return Number.isNaN(to) || ended === 0 ? null : Math.max(0, ended - to)
}

/** For a look at the store by whoever has it. */
export function historyOf(use: <T>(work: (store: TaskStore) => Promise<T>) => Promise<T>): Setup['history'] {
  return (limit) => use((store) => store.history(null, limit))
}
