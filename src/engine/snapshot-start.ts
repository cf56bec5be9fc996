import { RowshiftError } from '../contract/errors.js'
import type { Reader } from '../contract/plugin.js'
import { onAbort } from '../contract/waiting.js'
import type { CopyJob, SplitResult, ThreadReady } from './messages.js'
import type { Scheduler } from './scheduler.js'

export type CopyScheduler = Scheduler<CopyJob, SplitResult>

/** For `consistency: snapshot`: how the threads of a copy come to see the same moment. */
export class SnapshotStart {
  readonly #scheduler: CopyScheduler
  #ready = 0
  #onReady: () => void = () => {}

  constructor(scheduler: CopyScheduler) {
    this.#scheduler = scheduler
  }

  /**
   * Nobody may write to the source until every thread, and the reader that computes the splits, sees the same moment. Resolves to the
   * position of that moment in the source's log of changes; null: it is not known.
   */
  async begin(reader: Reader, table: string): Promise<string | null> {
    const { pool, signal } = this.#scheduler
    // Threads take long to start, and writers should not have to wait for that.
    await this.#allReady()
    const skill = reader.skills.snapshot!
    const snapshot = await pool.withRoom(() => skill.begin(table, signal), signal)
    try {
      // Not before it has begun: it may have had to wait for transactions, and all must see what they wrote.
      const joined = this.#allReady()
      pool.tell({ type: 'snapshot', token: snapshot.token })
      await Promise.all([skill.join(snapshot.token), joined])
    } finally {
      await snapshot.release()
    }
    return snapshot.position
  }

  /** A thread is ready, or says why it is not. */
  receive({ error, gaveUp }: ThreadReady): void {
    const { pool } = this.#scheduler
    if (error === null) this.#ready++
    else if (gaveUp === null) this.#scheduler.fail(RowshiftError.fromReport(error))
    else pool.retire(gaveUp, error)
    if (this.#ready >= pool.workingThreads) this.#onReady()
  }

  /** Resolves when every thread has said that it is ready; rejects when one cannot be, or the run is stopped. */
  #allReady(): Promise<void> {
    const { signal } = this.#scheduler
    return new Promise((resolve, reject) => {
      const release = onAbort(signal, () => reject(RowshiftError.from(signal.reason)))
      this.#ready = 0
      this.#onReady = () => {
        release()
        resolve()
      }
    })
  }
}
