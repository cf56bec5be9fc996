import { counted } from '../wire/counted.js'

/** How long a new number of threads goes on before it is measured: a thread starts, connects and reads its first splits. */
const SETTLE_MS = 1_000
/** Rows per second are those of such a time, in which the count of rows has changed so often for each thread. */
const WINDOW_MS = 1_500
const CHANGES_PER_THREAD = 4
/** One thread more helps when it brings this part of what it could bring at best, and more than chance does. */
const WORTHWHILE = 1 / 3
const CHANCE = 0.05
/** Before the next trial, after one that did not help or a refusal; twice as long after each that follows. */
const FIRST_PAUSE_MS = 15_000
const LONGEST_PAUSE_MS = 240_000

interface Window {
  readonly since: number
  readonly rows: number
  readonly changes: number
}

/**
 * How many threads of a run take splits. Where `first` is below `most`, it follows what is measured: one thread is added for a trial, and stays
 * if more rows per second arrive; otherwise it rests, and the next trial comes later each time. A target that refuses work (lock conflicts,
 * more to do than `speed` allows) takes one thread away, and a server without connections sets the limit. Times are in milliseconds.
 */
export class ThreadCount {
  readonly #first: number
  readonly #adapts: boolean
  #most: number
  #now: number
  /** Nothing is measured before; null: no row has arrived yet. */
  #settledAt: number | null = null
  #window: Window | null = null
  #rows = 0
  /** Rows per second before the thread on trial began; null: there is none. */
  #before: number | null = null
  #nextTrial = 0
  #pause = FIRST_PAUSE_MS
  /** By number of threads: rows per second, as measured last. */
  readonly #measured = new Map<number, number>()
  #refusals = 0

  constructor({ first, most }: { readonly first: number; readonly most: number }) {
    this.#first = first
    this.#adapts = first < most
    this.#most = most
    this.#now = first
  }

  get now(): number {
    return this.#now
  }

  /** What to tell about it after the run; null: the number was never changed. */
  get reason(): string | null {
    if (this.#measured.size < 2 && this.#now === this.#first) return null
    const numbers = [...this.#measured].sort(([a], [b]) => a - b)
    const rates = numbers.map(([threads, rate]) => `${threads} wrote ${counted(Math.round(rate), 'row')}/s`)
    const refused =
      this.#refusals === 0 ? [] : [`the servers refused work ${counted(this.#refusals, 'time')}`]
    return `began with ${counted(this.#first, 'thread')} and ended with ${this.#now}: ${[...rates, ...refused].join(', ')}`
  }

  /** Called whenever something has happened. `rows`: how many have arrived so far. True: there is another number now. */
  look(rows: number, at = performance.now()): boolean {
    if (!this.#adapts) return false
    if (rows === this.#rows) return false
    const repeated = rows < this.#rows
    this.#rows = rows
    this.#settledAt ??= at + SETTLE_MS
    if (at < this.#settledAt) return false
    // A split that is copied again takes its rows back, so the window tells nothing.
    if (this.#window === null || repeated) {
      this.#window = { since: at, rows, changes: 0 }
      return false
    }
    const { since, rows: before } = this.#window
    const changes = this.#window.changes + 1
    this.#window = { since, rows: before, changes }
    if (at - since < WINDOW_MS || changes < CHANGES_PER_THREAD * this.#now) return false
    this.#window = { since: at, rows, changes: 0 }
    return this.#judge(at, ((rows - before) * 1_000) / (at - since))
  }

  /** A server had more to do than it can, or may. True: there is another number now. */
  refused(at = performance.now()): boolean {
    if (!this.#adapts) return false
    // Refusals come in bursts, and are about the same moment.
    const sameBurst = this.#refusals > 0 && this.#settledAt !== null && at < this.#settledAt
    if (sameBurst) return false
    this.#refusals++
    this.#postpone(at)
    return this.#become(Math.max(1, this.#now - 1), at)
  }

  /** A server takes no more connections than these threads have. True: there is another number now. */
  limit(threads: number, at = performance.now()): boolean {
    if (!this.#adapts) return false
    this.#most = Math.max(1, Math.min(this.#most, threads))
    return this.#now > this.#most && this.#become(this.#most, at)
  }

  #judge(at: number, rate: number): boolean {
    this.#measured.set(this.#now, rate)
    if (this.#before !== null) {
      const gain = Math.max(CHANCE, WORTHWHILE / (this.#now - 1))
      if (rate < this.#before * (1 + gain)) {
        this.#postpone(at)
        return this.#become(this.#now - 1, at)
      }
      this.#pause = FIRST_PAUSE_MS
      this.#before = null
    }
    if (this.#now >= this.#most || at < this.#nextTrial) return false
    const changed = this.#become(this.#now + 1, at)
    this.#before = rate
    return changed
  }

  #postpone(at: number): void {
    this.#nextTrial = at + this.#pause
    this.#pause = Math.min(LONGEST_PAUSE_MS, this.#pause * 2)
  }

  #become(threads: number, at: number): boolean {
    const changed = threads !== this.#now
    this.#now = threads
    this.#before = null
    this.#window = null
    this.#settledAt = at + SETTLE_MS
    return changed
  }
}
