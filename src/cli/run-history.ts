import { hostname } from 'node:os'
import { RowshiftError } from '../contract/errors.js'
import { failpoint } from '../failpoint.js'
import { log } from '../log.js'
import { withoutRuns } from '../features/database/report.js'
import type { RunRecord, RunReport, RunStatus, TaskStore } from '../contract/task-store.js'
import { anyOf, pause } from '../contract/waiting.js'
import type { RunMemory } from '../features/resume/run-memory.js'
import { reported } from './execution.js'
import { printNotice } from './output.js'
import { describeRun, TaskLock } from './task-lock.js'

/** How long a task store that is lost is waited for at the end of a run, also after Ctrl-C. */
const STORE_WAIT_MS = 60_000
const STORE_WAIT_INTERRUPTED_MS = 5_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 8_000
/** How many runs of a task are looked through for one that succeeded. */
const MOST_RUNS = 1_000

/** Runs under the lock of the task and keeps the history. Throws TASK_RUNNING when another run is under way. */
export async function recorded(
  store: TaskStore,
  { run_id: runId, task_id: taskId, mode }: Pick<RunRecord, 'run_id' | 'task_id' | 'mode'>,
  signal: AbortSignal,
  run: (signal: AbortSignal, history: RunHistory) => Promise<RunReport>,
): Promise<RunReport> {
  const history = await RunHistory.begin(store, taskId, mode, runId)
  const stop = anyOf(signal, history.lockLost)
  return history.end(await reported(runId, taskId, () => run(stop, history)), signal)
}

/** What one run leaves in the task store: its lock while it lasts, its record, and the status of its task. */
export class RunHistory {
  readonly #store: TaskStore
  readonly #lock: TaskLock
  readonly #record: RunRecord
  readonly #warnings: string[] = []
  /** What is left of runs that succeeded until the history has that: of each table one, where a task copies several one by one. */
  readonly #remnants: string[] = []
  /** Nobody has to go on with the run to save them. */
  #watermarksSaved = false
  forget: (runs: readonly string[]) => Promise<void> = async () => {}
  /** What is kept of the watermarks that the run leaves. */
  remembered = ({ watermarks }: RunReport): RunReport['watermarks'] => watermarks

  private constructor(store: TaskStore, lock: TaskLock, record: RunRecord) {
    this.#store = store
    this.#lock = lock
    this.#record = record
  }

  /** Throws TASK_RUNNING when another run of the task is under way; nothing is recorded then. */
  static async begin(store: TaskStore, taskId: number, mode: string, runId: string): Promise<RunHistory> {
    const record: RunRecord = {
      run_id: runId,
      task_id: taskId,
      mode,
      status: 'running',
      start_time: utcText(new Date()),
      end_time: null,
      rows_read: 0,
      rows_written: 0,
      host: hostname(),
      pid: process.pid,
      report: null,
    }
    const history = new RunHistory(store, await TaskLock.take(store, record), record)
    for (const dead of await store.interruptRuns(taskId)) {
      history.#warn(`An earlier run of task ${taskId} did not end; marked interrupted: ${describeRun(dead)}.`)
    }
    await store.startRun(record)
    failpoint('history-begun')
    await history.#setStatus('running')
    history.#lock.watch()
    return history
  }

  get memory(): RunMemory {
    return {
      succeeded: async (executions) => {
        const runs = await this.#store.history(this.#record.task_id, MOST_RUNS)
        return runs.some(({ run_id, status }) => status === 'success' && executions.includes(run_id))
      },
      keep: (run) => void this.#remnants.push(run),
    }
  }

  /**
   * Notes what the run has done so far, for whoever goes on with it after its process was killed. What cannot be written is written with the
   * next note.
   */
  async note(done: object): Promise<void> {
    const running = { ...this.#record, report: JSON.stringify(done) }
    await this.#lock
      .use(() => this.#store.finishRun(running))
      .catch((thrown: unknown) => {
        const { task_id: taskId, run_id: runId } = this.#record
        log.warn({ taskId, runId }, `progress could not be noted: ${RowshiftError.from(thrown).message}`)
      })
  }

  /** Aborted, with the error as its reason, when another run has taken the lock. */
  get lockLost(): AbortSignal {
    return this.#lock.lost
  }

  /**
   * Resolves to the report with what is to be said about the lock and earlier runs. A history that cannot be written
   * does not undo the copy: it is said, and the run's own result stands.
   */
  async end(report: RunReport, signal: AbortSignal): Promise<RunReport> {
    const started = performance.now()
    for (let milliseconds = FIRST_PAUSE_MS; ; milliseconds = Math.min(milliseconds * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.#end(report)
      } catch (thrown) {
        const { message, retryable } = RowshiftError.from(thrown)
        const limit = signal.aborted ? STORE_WAIT_INTERRUPTED_MS : STORE_WAIT_MS
        if (!retryable || performance.now() - started + milliseconds > limit) {
          this.#warn(`The end of the run could not be written to the history: ${message}`)
          const unwritten = { ...report, warnings: [...report.warnings, ...this.#warnings] }
          return this.#watermarksSaved ? this.#forgotten(unwritten) : unwritten
        }
        if (milliseconds === FIRST_PAUSE_MS)
          this.#warn(`The task store is lost; its answer is waited for up to ${limit / 1000} s: ${message}`)
        await pause(milliseconds, signal.aborted ? undefined : signal)
      }
    }
  }

  async #end(report: RunReport): Promise<RunReport> {
    const { alone, fate } = await this.#lock.end()
    if (fate !== null && fate !== report.error?.message) this.#warn(fate)
    const whole = { ...report, warnings: [...report.warnings, ...this.#warnings] }
    await this.#write(whole, alone)
    return this.#forgotten(whole)
  }

  /** Only now nobody needs to go on with the run. */
  async #forgotten(report: RunReport): Promise<RunReport> {
    const runs = this.#remnants.splice(0)
    if (runs.length === 0) return report
    try {
      await this.forget(runs)
      return report
    } catch (thrown) {
      const { message } = RowshiftError.from(thrown)
      const warning = `the checkpoints of run ${runs.join(', ')} could not be removed from the target: ${message}`
      printNotice(warning)
      return { ...report, warnings: [...report.warnings, warning] }
    }
  }

  /** A run that was not alone must not move the watermark: the other one may have read what this one overwrote. */
  async #write(report: RunReport, alone: boolean): Promise<void> {
    const { mode, status, rowsRead, rowsWritten } = report
    const end = {
      mode,
      status,
      end_time: utcText(new Date()),
      rows_read: rowsRead,
      rows_written: rowsWritten,
    }
    // Of tables that are copied one by one, those that succeeded keep theirs.
    if ((status === 'success' || 'tables' in report) && alone) {
      failpoint('watermarks-saving')
      await this.#store.saveWatermarks(this.#record.task_id, this.#record.run_id, this.remembered(report))
      this.#watermarksSaved = true
      failpoint('watermarks-saved')
    }
    await this.#store.finishRun({ ...this.#record, ...end, report: JSON.stringify(withoutRuns(report)) })
    failpoint('history-ended')
    // The status of the task is that of the run that has the lock.
    if (!this.lockLost.aborted) await this.#setStatus(status)
  }

  /** A user who may not change the task table can run tasks all the same. */
  async #setStatus(status: RunStatus): Promise<void> {
    const { task_id: taskId } = this.#record
    try {
      await this.#store.setStatus(taskId, status)
    } catch (thrown) {
      if (status !== 'running' && RowshiftError.from(thrown).retryable) throw thrown
      this.#warn(`task_status of task ${taskId} could not be set: ${RowshiftError.from(thrown).message}`)
    }
  }

  /** What is done again is said once. */
  #warn(text: string): void {
    if (this.#warnings.includes(text)) return
    this.#warnings.push(text)
    printNotice(text)
  }
}

/** UTC, as the history has it. */
export function utcText(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ')
}
