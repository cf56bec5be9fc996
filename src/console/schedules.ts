/** Runs that `serve` starts by the `cron` of their tasks: one at a time per task, and what was missed by rule. */
import type { RunRecord, Task } from '../contract/task-store.js'
import { log } from '../log.js'
import type { CronRule } from '../task/cron.js'
import { cronOf } from '../task/cron.js'
import type { Alert } from './alert-text.js'
import type { Alerts } from './alerts.js'
import type { ConsoleService } from './console-service.js'
import { utc } from './run-records.js'

const REFRESH_MS = 15_000
const TICK_MS = 250
const RECENT_RUNS = 500

interface Entry {
  readonly params: string
  readonly rule: CronRule
  task: Task
  /** When the next run begins; null: never. */
  next: Date | null
  /** Since when a run that was due has not succeeded; null: none is. */
  due: Date | null
  toldLate: boolean
  running: boolean
}

export class Schedules {
  readonly #console: ConsoleService
  readonly #alerts: Alerts | null
  readonly #audit: (entry: Readonly<Record<string, unknown>>) => void
  readonly #entries = new Map<number, Entry>()
  readonly #timers: NodeJS.Timeout[]
  #refreshing = false

  /** `audit` gets a line for each run that begins. */
  constructor(
    console: ConsoleService,
    alerts: Alerts | null,
    audit: (entry: Readonly<Record<string, unknown>>) => void,
  ) {
    this.#console = console
    this.#alerts = alerts
    this.#audit = audit
    const refresh = () => void this.#refresh()
    console.on('changed', refresh)
    refresh()
    this.#timers = [setInterval(refresh, REFRESH_MS), setInterval(() => this.#tick(new Date()), TICK_MS)]
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #refresh(): Promise<void> {
    if (this.#refreshing) return
    this.#refreshing = true
    try {
      const { tasks, runs } = await this.#console.use(async (store) => ({
        tasks: await store.list(),
        runs: await store.history(null, RECENT_RUNS),
      }))
      const online = tasks.filter(({ online_status, params }) => online_status === 1 && params !== null)
      for (const id of this.#entries.keys())
        if (!online.some((task) => task.id === id)) this.#entries.delete(id)
      for (const task of online)
        await this.#take(
          task,
          runs.filter(({ task_id }) => task_id === task.id),
        )
    } catch (thrown) {
      log.warn(`the schedules cannot be read: ${String(thrown)}`)
    } finally {
      this.#refreshing = false
    }
  }

  async #take(task: Task, runs: readonly RunRecord[]): Promise<void> {
    const now = new Date()
    const known = this.#entries.get(task.id)
    if (known?.params === task.params) {
      known.task = task
      this.#look(known, runs, now)
      await this.#alerts?.flush(task.id)
      return
    }
    const rule = await cronOf(task.params).catch((thrown: unknown) => {
      log.warn({ taskId: task.id }, `its cron cannot be used: ${String(thrown)}`)
      return null
    })
    this.#entries.delete(task.id)
    if (rule === null) return
    const next = wasMissed(rule, runs, now) ? now : later(rule, now)
    const entry = { params: task.params!, rule, task, next, due: null, toldLate: false, running: false }
    this.#entries.set(task.id, entry)
  }

  #tick(now: Date): void {
    for (const entry of this.#entries.values()) {
      if (entry.next === null || entry.next > now) continue
      entry.due ??= entry.next
      entry.next = later(entry.rule, now)
      // One that takes longer than its interval leaves out what is due meanwhile.
      if (!entry.running) void this.#start(entry)
    }
  }

  async #start(entry: Entry): Promise<void> {
    entry.running = true
    const { id } = entry.task
    try {
      const args = ['run', String(id), '--skip-running', ...this.#console.configArgs]
      const { run, child } = await this.#console.children.startRun(args)
      this.#audit({
        action: 'schedule',
        task: id,
        ...(run === null ? {} : { run: run.hello.runId }),
        status: 200,
      })
      await child.ended
    } catch (thrown) {
      this.#audit({ action: 'schedule', task: id, status: 500 })
      log.warn({ taskId: id }, `a scheduled run could not be started: ${String(thrown)}`)
    } finally {
      entry.running = false
    }
  }

  /** Whether what was due has succeeded, and if not, whether it is late. */
  #look(entry: Entry, runs: readonly RunRecord[], now: Date): void {
    const { due, rule, task } = entry
    if (due === null || rule.late === null) return
    if (
      runs.some(({ status, end_time }) => status === 'success' && end_time !== null && end_time >= utc(due))
    ) {
      entry.due = null
      entry.toldLate = false
    } else if (!entry.toldLate && now.getTime() - due.getTime() > rule.late * 1000) {
      entry.toldLate = true
      void this.#alerts?.raise(lateAlert(task, due, this.#console.configArgs.join(' ')))
    }
  }
}

/** The time after `now`, and a little later by chance. */
function later(rule: CronRule, now: Date): Date | null {
  const next = rule.next(now)
  return next && new Date(next.getTime() + Math.random() * rule.jitter * 1000)
}

/** A run was due while nobody was there. A task that has never run is new, and waits for its time. */
function wasMissed(rule: CronRule, [newest]: readonly RunRecord[], now: Date): boolean {
  if (rule.missed === 'skip' || newest === undefined) return false
  const due = rule.previous(now)
  return due !== null && newest.start_time < utc(due)
}

function lateAlert(task: Task, due: Date, args: string): Alert {
  return {
    event: 'late',
    taskId: task.id,
    runId: null,
    at: utc(new Date()),
    task: task.task_desc ?? `${task.from_table} -> ${task.to_table}`,
    rows: 0,
    seconds: 0,
    rejected: 0,
    code: null,
    reason: `No run has succeeded since ${utc(due)} UTC, when one was due.`,
    command: `rowshift run ${task.id} ${args}`.trim(),
  }
}
