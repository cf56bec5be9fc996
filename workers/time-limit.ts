import { setImmediate } from 'node:timers/promises'
import { createContext, Script } from 'node:vm'
import { RowshiftError } from '../src/contract/errors.js'

/** After so long, work is stopped to see whether the run is to end. */
const SLICE_MS = 1_000

/** Runs what may not end, such as a regular expression that backtracks, and stops it in this very thread. */
export class TimeLimit {
  readonly seconds: number
  readonly #signal: AbortSignal
  readonly #context: { work: () => void }
  readonly #call = new Script('work()')

  constructor(seconds: number, signal: AbortSignal) {
    this.seconds = seconds
    this.#signal = signal
    this.#context = createContext({ work: () => {} }) as { work: () => void }
  }

  /**
   * Calls `work` until it has come to its end; it goes on from where `done` has got, since it may be stopped anywhere. False when all
   * of it takes too long. Throws INTERRUPTED when the run is to stop.
   */
  async run(work: () => void, done: () => number): Promise<boolean> {
    const end = performance.now() + this.seconds * 1000
    for (let slice = SLICE_MS; ;) {
      const before = done()
      const left = end - performance.now()
      if (left <= 0) return false
      if (this.#callFor(Math.ceil(Math.min(slice, left)), work)) return true
      // The signal comes as a message.
      await setImmediate()
      if (this.#signal.aborted)
        throw new RowshiftError('INTERRUPTED', 'Interrupted while values were changed.')
      // What takes longer than a slice begins anew, with more time.
      slice = done() === before ? slice * 2 : SLICE_MS
    }
  }

  #callFor(timeout: number, work: () => void): boolean {
    this.#context.work = work
    try {
      this.#call.runInContext(this.#context, { timeout })
      return true
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
      throw thrown
    }
  }
}
