import { createContext, Script } from 'node:vm'

/** Runs what may not end, such as a regular expression that backtracks, and stops it in this very thread. */
export class TimeLimit {
  readonly seconds: number
  readonly #context: { work: () => void }
  readonly #call = new Script('work()')

  constructor(seconds: number) {
    this.seconds = seconds
    this.#context = createContext({ work: () => {} }) as { work: () => void }
  }

  /** False when it took longer; it has stopped anywhere then. */
  run(work: () => void): boolean {
    this.#context.work = work
    try {
      this.#call.runInContext(this.#context, { timeout: Math.ceil(this.seconds * 1000) })
      return true
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
      throw thrown
    }
  }
}
