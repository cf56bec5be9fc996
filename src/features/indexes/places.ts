import { RowshiftError } from '../../contract/errors.js'
import type { JobPool } from '../../engine/job-pool.js'
import { stopped } from '../../engine/run-errors.js'

/** Each index that is added reads all rows of its table and sorts them. */
const MOST_CONNECTIONS = 4

/** The connections that add indexes, of all tables of a run together. */
export class IndexPlaces {
  #most: number
  readonly #pool: Pick<JobPool<unknown, unknown>, 'withRoom'> | null
  #taken = 0
  readonly #waiting = new Set<() => void>()

  /** `pool`: of the run, if its threads have connections meanwhile. */
  constructor(workerNum: number, pool: Pick<JobPool<unknown, unknown>, 'withRoom'> | null = null) {
    this.#most = Math.min(workerNum, MOST_CONNECTIONS)
    this.#pool = pool
  }

  get most(): number {
    return this.#most
  }

  /**
   * Does `work` when there is a place; `atWork`: how many are taken then, with its own. Where a server takes no more connections, it waits for
   * another one that adds indexes, and where there is none, a thread gives up its own.
   */
  async hold<T>(work: (atWork: number) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      while (this.#taken >= this.#most && !signal.aborted) await this.#change(signal)
      if (signal.aborted) throw stopped(signal)
      const atWork = ++this.#taken
      try {
        if (atWork > 1 || this.#pool === null) return await work(atWork)
        return await this.#pool.withRoom(() => work(atWork), signal)
      } catch (thrown) {
        const others = this.#taken - 1
        if (RowshiftError.from(thrown).code !== 'CONNECTION_LIMIT' || others === 0) throw thrown
        this.#most = Math.min(this.#most, others)
      } finally {
        this.#taken--
        for (const wake of this.#waiting) wake()
      }
    }
  }

  /** Until a place is given back, or the signal aborts. */
  async #change(signal: AbortSignal): Promise<void> {
    let wake = () => {}
    const changed = new Promise<void>((resolve) => (wake = resolve))
    this.#waiting.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    await changed
    this.#waiting.delete(wake)
    signal.removeEventListener('abort', wake)
  }
}
