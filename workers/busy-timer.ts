import { performance } from 'node:perf_hooks'
import type { TimeSpent } from '../src/contract/time-spent.js'

/** For how long at least one split was in hand, and how much of that the thread was at work. */
export class BusyTimer {
  /** A database works inside the thread. */
  #inside = false
  #active = 0
  #since = 0
  #workSince = 0
  #taken = { seconds: 0, computing: 0 }
  #all = 0

  /** From now on nobody can tell what the thread does itself. */
  databaseInside(): void {
    this.#inside = true
  }

  enter(): void {
    if (this.#active++ > 0) return
    this.#since = performance.now()
    this.#workSince = workOfThread()
  }

  leave(): void {
    if (--this.#active === 0) this.#count()
  }

  /** Since it was last asked. */
  take(): Pick<TimeSpent, 'inHand' | 'computing'> {
    if (this.#active > 0) this.#count()
    const { seconds, computing } = this.#taken
    this.#taken = { seconds: 0, computing: 0 }
    return { inHand: seconds, computing: this.#inside ? null : computing }
  }

  /** Of all that was in hand until now. */
  get seconds(): number {
    return this.#all
  }

  #count(): void {
    const [now, work] = [performance.now(), workOfThread()]
    const seconds = (now - this.#since) / 1000
    this.#all += seconds
    this.#taken.seconds += seconds
    this.#taken.computing += Math.min(seconds, Math.max(0, work - this.#workSince))
    this.#since = now
    this.#workSince = work
  }
}

/** Seconds in which the thread did not wait for anything. */
function workOfThread(): number {
  return performance.eventLoopUtilization().active / 1000
}
