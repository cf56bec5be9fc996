import { RowshiftError } from '../contract/errors.js'
import type { Reader, Snapshot } from '../contract/plugin.js'
import { onAbort } from '../contract/waiting.js'
import type { JobPool } from './job-pool.js'
import type { ThreadReady } from './messages.js'

type Pool = Pick<JobPool<unknown, unknown>, 'workingThreads' | 'retire' | 'tell' | 'withRoom'>

/** For `consistency: snapshot`: how the threads of a copy come to see the same moment. */
export class SnapshotStart {
  readonly #pool: Pool
  readonly #signal: AbortSignal
  #ready = 0
  #onReady: () => void = () => {}
  #onFailed: (error: RowshiftError) => void = () => {}
  /** Of a thread that failed before anybody waited for it. */
  #failure: RowshiftError | null = null

  /** `signal` aborts when the run is to stop. */
  constructor(pool: Pool, signal: AbortSignal) {
    this.#pool = pool
    this.#signal = signal
  }

  /**
   * Nobody may write to these tables of the source until every thread, and the readers that compute the splits, see the same moment. Resolves
   * when writers may go on; `end` of what it resolves to is for when all is read. `open` gives the readers, once all threads are ready.
   */
  async begin(open: () => Promise<readonly Reader[]>, tables: readonly string[]): Promise<Snapshot> {
    // Threads take long to start, and writers should not have to wait for that.
    await this.#allReady()
    const readers = await open()
    const skill = readers[0]!.skills.snapshot!
    const snapshot = await this.#pool.withRoom(() => skill.begin(tables, this.#signal), this.#signal)
    try {
      // Not before it has begun: it may have had to wait for transactions, and all must see what they wrote.
      this.#ready = 0
      const joined = this.#allReady()
      this.#pool.tell({ type: 'snapshot', token: snapshot.token })
      await Promise.all([...readers.map(({ skills }) => skills.snapshot!.join(snapshot.token)), joined])
    } catch (thrown) {
      // Nobody else would let go of what it holds; that this fails too says no more.
      await snapshot.end?.().catch(() => {})
      throw thrown
    } finally {
      await snapshot.release()
    }
    return snapshot
  }

  /** A thread is ready, or says why it is not. */
  receive({ error, gaveUp }: ThreadReady): void {
    if (error === null) this.#ready++
    else if (gaveUp !== null) this.#pool.retire(gaveUp, error)
    else this.#fail(RowshiftError.fromReport(error))
    if (this.#ready >= this.#pool.workingThreads) this.#onReady()
  }

  /** A thread has died, and no other takes its place: it will never say that it is ready. */
  died({ message }: Error): void {
    const said = `A worker thread ended before all saw the same moment: ${message}. No row was copied.`
    this.#fail(new RowshiftError('THREAD_LOST', said))
  }

  #fail(error: RowshiftError): void {
    this.#failure ??= error
    this.#onFailed(this.#failure)
  }

  /** Resolves when every thread has said that it is ready; rejects when one cannot be, or the run is stopped. */
  #allReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const release = onAbort(this.#signal, () => reject(RowshiftError.from(this.#signal.reason)))
      const done = (settle: () => void) => () => {
        release()
        settle()
      }
      this.#onReady = done(resolve)
      this.#onFailed = (error) => done(() => reject(error))()
      // They may have said so before anybody waited.
      if (this.#failure) this.#onFailed(this.#failure)
      else if (this.#ready >= this.#pool.workingThreads) this.#onReady()
    })
  }
}
