import { RowshiftError } from '../errors.js'
import type { RunRecord, RunReport, TaskStore } from '../task/task.js'

/** The record of one run in the task store. */
export class RunHistory {
  readonly #store: TaskStore
  readonly #record: RunRecord

  private constructor(store: TaskStore, record: RunRecord) {
    this.#store = store
    this.#record = record
  }

  static async begin(store: TaskStore, taskId: number, mode: string, runId: string): Promise<RunHistory> {
    const record: RunRecord = {
      run_id: runId,
      task_id: taskId,
      mode,
      status: 'running',
      start_time: utcNow(),
      end_time: null,
      rows_read: 0,
      rows_written: 0,
      report: null,
    }
    await store.startRun(record)
    return new RunHistory(store, record)
  }

  /** A history that cannot be written does not undo the copy: it is said, and the run's own result stands. */
  async end(report: RunReport): Promise<void> {
    const { status, rowsRead, rowsWritten, watermarks } = report
    const end = { status, end_time: utcNow(), rows_read: rowsRead, rows_written: rowsWritten }
    try {
      if (status === 'success') {
        await this.#store.saveWatermarks(this.#record.task_id, this.#record.run_id, watermarks)
      }
      await this.#store.finishRun({ ...this.#record, ...end, report: JSON.stringify(report) })
    } catch (error) {
      const reason = RowshiftError.from(error).message
      process.stderr.write(`rowshift: the end of the run could not be written to the history: ${reason}\n`)
    }
  }
}

function utcNow(): string {
  return new Date().toISOString().slice(0, 19).replace('T', ' ')
}
