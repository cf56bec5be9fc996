/** Runs that `serve` starts by the `cron` of their tasks: one at a time per task, and what was missed by rule. */
import { redact, RowshiftError } from '../contract/errors.js'
import type { RunRecord, RunReport, Task } from '../contract/task-store.js'
import { log } from '../log.js'
import type { CronRule } from '../task/cron.js'
import { cronOf } from '../task/cron.js'
import { type Alert, alertOf } from './alert-text.js'
import type { Alerts } from './alerts.js'
import { statusOf } from './answers.js'
import { type Ended, errorIn } from './children.js'
import type { ConsoleService } from './console-service.js'
import { utc } from './run-records.js'

const REFRESH_MS = 15_000
const TICK_MS = 250
/** Of one task; its newest success is looked for among them. */
const RECENT_RUNS = 50
/** Others that are due wait: people need commands too, and processes that begin all at once get in each other's way. */
const MOST_RUNS = 40
const MOST_PER_TICK = 2
/** A run that no process could be started for: tried so often, so long after each other, before that is told. */
const MOST_TRIES = 20
const AGAIN_MS = 30_000
const KILLED = 'Its process was killed, for lack of memory perhaps, and told nothing.'

interface Entry {
  readonly params: string
  readonly rule: CronRule
  task: Task
  /** When the next run begins; null: never. */
  next: Date | null
  /** Since when a run that was due has not succeeded; null: none is. */
  due: Date | null
  toldLate: boolean
  /** How often in a row no process could be started. */
  tries: number
}

export class Schedules {
  readonly #console: ConsoleService
  readonly #alerts: Alerts | null
  readonly #audit: (entry: Readonly<Record<string, unknown>>) => void
  readonly #entries = new Map<number, Entry>()
  /** Ids of tasks. */
  readonly #running = new Set<number>()
  /** Ids of tasks that were told to have failed, which their own runs do not know. */
  readonly #failed = new Set<number>()
  readonly #timers: NodeJS.Timeout[]
  #refreshing = false
  #closed = false
  /** Only then a run may have been missed: a rule that somebody adds or changes later is about what comes. */
  #first = true

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
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #refresh(): Promise<void> {
    if (this.#refreshing) return
    this.#refreshing = true
    try {
      void this.#alerts?.flush()
      const tasks = await this.#console.use((store) => store.list())
      const online = tasks.filter(({ online_status, params }) => online_status === 1 && params !== null)
      for (const id of this.#entries.keys())
        if (!online.some((task) => task.id === id)) this.#entries.delete(id)
      for (const task of online) await this.#take(task)
      this.#first = false
    } catch (thrown) {
      if (!this.#closed) log.warn(`the schedules cannot be read: ${String(thrown)}`)
    } finally {
      this.#refreshing = false
    }
  }

  async #take(task: Task): Promise<void> {
    const known = this.#entries.get(task.id)
    if (known?.params === task.params) {
      known.task = task
      if (known.due !== null && known.rule.late !== null) this.#look(known, await this.#runs(task.id))
      return
    }
    const rule = await cronOf(task.params).catch((thrown: unknown) => {
      log.warn({ taskId: task.id }, `its cron cannot be used: ${String(thrown)}`)
      return null
    })
    if (rule === null) {
      this.#entries.delete(task.id)
      return
    }
    const runs = this.#first ? await this.#runs(task.id) : []
    const now = new Date()
    // A run that is due, or put off by chance, comes also where something else about the task was changed.
    const stays = known !== undefined && isSameRule(known.rule, rule)
    this.#entries.set(task.id, {
      params: task.params!,
      rule,
      task,
      next: stays ? known.next : wasMissed(rule, runs, now) ? now : later(rule, now),
      due: known ? known.due : dueBefore(rule, runs, now),
      toldLate: known?.toldLate ?? false,
      tries: known?.tries ?? 0,
    })
  }

  #runs(taskId: number): Promise<readonly RunRecord[]> {
    return this.#console.use((store) => store.history(taskId, RECENT_RUNS))
  }

  #tick(now: Date): void {
    let begun = 0
    for (const entry of this.#entries.values()) {
      if (entry.next === null || entry.next > now) continue
      entry.due ??= entry.next
      // One that takes longer than its interval leaves out what is due meanwhile.
      const begins = !this.#running.has(entry.task.id)
      if (begins && (begun >= MOST_PER_TICK || this.#isFull)) continue
      entry.next = later(entry.rule, now)
      if (!begins) continue
      begun++
      void this.#start(entry.task.id)
    }
  }

  get #isFull(): boolean {
    return this.#running.size >= MOST_RUNS || this.#console.children.isFull
  }

  async #start(task: number): Promise<void> {
    this.#running.add(task)
    let run: string | null = null
    const audit = (end: object) =>
      this.#audit({ action: 'schedule', task, ...(run === null ? {} : { run }), ...end })
    try {
      const args = ['run', String(task), '--skip-running', ...this.#console.configArgs]
      const begun = await this.#console.children.startRun(args).catch((thrown: unknown) => {
        this.#putOff(task, RowshiftError.from(thrown))
        throw thrown
      })
      const entry = this.#entries.get(task)
      if (entry) entry.tries = 0
      if (begun.run !== null) {
        run = begun.run.hello.runId
        audit({ status: 200 })
      }
      const ended = await begun.child.ended
      await this.#tell(task, ended, run)
      if (begun.run !== null) {
        if (ended.result === null && ended.code !== 0) throw errorIn(ended.errors)
        return
      }
      const { status, runId = null, error = null } = reportOf(ended)
      if (status !== 'skipped') run = runId
      if (status === 'failed' && error !== null) throw RowshiftError.fromReport(error)
      audit({ status: 200, ...(status === 'skipped' ? { skipped: true } : {}) })
    } catch (thrown) {
      const { code, message } = RowshiftError.from(thrown)
      audit({ status: statusOf(thrown), error: code })
      log.error({ taskId: task }, `a scheduled run has failed: ${redact(message)}`)
    } finally {
      this.#running.delete(task)
    }
  }

  /** What the run has not told itself: that it was killed, or that all is well after that. */
  async #tell(task: number, { code, result }: Ended, run: string | null): Promise<void> {
    if (code === null) return this.#fail(task, KILLED, run)
    const report = (result ?? {}) as RunReport
    // One that has failed tells that itself, and so does the success after it.
    if (report.status === 'failed') this.#failed.delete(task)
    if (report.status !== 'success' || !this.#failed.delete(task)) return
    const alert = alertOf(report, 'failed', { task: this.#nameOf(task), args: '', repairs: false })
    if (alert !== null) await this.#alerts?.raise(alert)
  }

  async #fail(task: number, reason: string, run: string | null): Promise<void> {
    if (this.#closed) return
    // Where no run has begun, the status is that of the one before.
    const isKnown = run === null && this.#entries.get(task)?.task.task_status === 'failed'
    if (!isKnown) this.#failed.add(task)
    await this.#alerts?.raise(this.#alert(task, 'failed', reason, run))
  }

  /** No process could be started: what is due is tried again, a bounded number of times. */
  #putOff(task: number, { message }: RowshiftError): void {
    const entry = this.#entries.get(task)
    if (entry === undefined) return
    entry.tries++
    if (entry.tries < MOST_TRIES) {
      const again = new Date(Date.now() + AGAIN_MS)
      if (entry.next === null || entry.next > again) entry.next = again
      return
    }
    entry.tries = 0
    void this.#fail(task, redact(message), null)
  }

  /** Whether what was due has succeeded, and if not, whether it is late. */
  #look(entry: Entry, runs: readonly RunRecord[]): void {
    const { due, rule, task } = entry
    if (due === null || rule.late === null) return
    if (hasSucceeded(runs, due)) {
      entry.due = null
      entry.toldLate = false
    } else if (!entry.toldLate && Date.now() - due.getTime() > rule.late * 1000) {
      entry.toldLate = true
      const reason = `No run has succeeded since ${utc(due)} UTC, when one was due.`
      void this.#alerts?.raise(this.#alert(task.id, 'late', reason, null))
    }
  }

  /** Of what no run can tell about itself. */
  #alert(taskId: number, event: Alert['event'], reason: string, runId: string | null): Alert {
    return {
      event,
      taskId,
      runId,
      at: utc(new Date()),
      task: redact(this.#nameOf(taskId)),
      rows: 0,
      seconds: 0,
      rejected: 0,
      code: null,
      reason,
      command: ['rowshift', 'run', taskId, ...this.#console.configArgs].join(' '),
    }
  }

  #nameOf(taskId: number): string {
    const task = this.#entries.get(taskId)?.task
    return task?.task_desc || (task ? `${task.from_table} -> ${task.to_table}` : '')
  }
}

/** What a run has left that nobody saw while it lasted. */
function reportOf({ result, errors }: Ended): Partial<RunReport> {
  const report = (result ?? {}) as Partial<RunReport>
  if (report.status === undefined) throw errorIn(errors)
  return report
}

function hasSucceeded(runs: readonly RunRecord[], since: Date): boolean {
  return runs.some(
    ({ status, end_time }) => status === 'success' && end_time !== null && end_time >= utc(since),
  )
}

/** The time after `now`, and a little later by chance. Exported for tests. */
export function later(rule: CronRule, now: Date): Date | null {
  const next = rule.next(now)
  return next && new Date(next.getTime() + Math.random() * rule.jitter * 1000)
}

/** But for what is done by it. */
function isSameRule(one: CronRule, other: CronRule): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** A run was due while nobody was there. A task that has never run is new, and waits for its time. */
function wasMissed(rule: CronRule, [newest]: readonly RunRecord[], now: Date): boolean {
  if (rule.missed === 'skip' || newest === undefined) return false
  const due = rule.previous(now)
  return due !== null && newest.start_time < utc(due)
}

/** When a run was due that has not succeeded, for whatever reason. */
function dueBefore(rule: CronRule, runs: readonly RunRecord[], now: Date): Date | null {
  const due = runs.length === 0 ? null : rule.previous(now)
  return due === null || hasSucceeded(runs, due) ? null : due
}
