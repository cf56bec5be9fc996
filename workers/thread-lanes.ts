/** Where the time of a thread goes. It reads and writes side by side, so it has a lane for each. */
import type { Phase, TimeSpent } from '../src/contract/time-spent.js'
import { byPhase } from '../src/contract/time-spent.js'
import { Mutex } from './mutex.js'

/** What the splits of one run have taken in one thread, since it was last asked. */
export class SplitTimes {
  #phases = zeroes()

  add(phase: Phase, seconds: number, alone: boolean): void {
    this.#phases[phase].seconds += seconds
    if (alone) this.#phases[phase].alone += seconds
  }

  take(): TimeSpent['phases'] {
    const taken = this.#phases
    this.#phases = zeroes()
    return taken
  }
}

function zeroes(): Record<Phase, { seconds: number; alone: number }> {
  return byPhase(() => ({ seconds: 0, alone: 0 }))
}

/** The two lanes of a thread. Time is looked at when one of them changes what it does: a few times for each batch, never for a row. */
export class ThreadLanes {
  readonly reads: Lane
  readonly writes: Lane
  #at = 0

  constructor() {
    const change = () => this.count()
    this.reads = new Lane(change)
    this.writes = new Lane(change)
  }

  /** Gives the time that has passed since the last look to whoever has spent it. */
  count(): void {
    const now = performance.now()
    const seconds = (now - this.#at) / 1000
    this.#at = now
    this.reads.spend(seconds, !this.writes.isActive)
    this.writes.spend(seconds, !this.reads.isActive)
  }
}

/** Lets one job run at a time, in the order in which they came, and knows what that is at. */
export class Lane extends Mutex {
  readonly #change: () => void
  #times: SplitTimes | null = null
  #phase: Phase = 'reading'
  #rests = false

  constructor(change: () => void) {
    super()
    this.#change = change
  }

  get isActive(): boolean {
    return this.#times !== null && !this.#rests
  }

  /** Runs a job that begins in this phase. */
  spending<T>(times: SplitTimes, phase: Phase, job: () => Promise<T>): Promise<T> {
    return this.run(async () => {
      this.#become(times, phase)
      try {
        return await job()
      } finally {
        this.#become(null, phase)
      }
    })
  }

  /** The job under way is in this phase from now on. */
  enter(phase: Phase): void {
    if (this.#phase === phase) return
    this.#change()
    this.#phase = phase
  }

  /** The job under way waits for the other lane. */
  rest(): void {
    this.#change()
    this.#rests = true
  }

  goOn(): void {
    this.#change()
    this.#rests = false
  }

  spend(seconds: number, alone: boolean): void {
    if (this.isActive) this.#times!.add(this.#phase, seconds, alone)
  }

  #become(times: SplitTimes | null, phase: Phase): void {
    this.#change()
    this.#times = times
    this.#phase = phase
    this.#rests = false
  }
}
