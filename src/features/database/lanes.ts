import { RowshiftError } from '../../contract/errors.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { closeEndpoints } from '../../engine/open-endpoints.js'
import { log } from '../../log.js'

/** Most tables that are under way side by side: each has a connection of the coordinator to either end. */
const MOST = 8

/** After one could not be opened: the others do meanwhile. */
const PAUSE_MS = 5_000

/** The connections of the coordinator, which go from table to table. */
export class Lanes {
  readonly #open: () => Promise<OpenEndpoints>
  readonly #all = new Set<OpenEndpoints>()
  readonly #free: OpenEndpoints[] = []
  #most = MOST
  /** To be closed as soon as they are free: what needs another connection, for a moment, gets that. */
  #surplus = 0
  readonly #closing: Promise<void>[] = []
  /** None is opened before. */
  #pausedUntil = -Infinity

  constructor(open: () => Promise<OpenEndpoints>) {
    this.#open = open
  }

  /** Whether one is free, or may be opened. */
  get hasRoom(): boolean {
    if (this.#free.length > 0) return true
    return this.#all.size < this.#most && performance.now() >= this.#pausedUntil
  }

  /** Whether all were forsaken. */
  get none(): boolean {
    return this.#most <= 0
  }

  /** null: another one cannot be opened, so that those that there are must do. Throws why the first one cannot. */
  async take(): Promise<OpenEndpoints | null> {
    const free = this.#free.pop()
    if (free) return free
    try {
      const opened = await this.#open()
      if (this.#all.size > 0 && !(await this.#leavesRoom(opened))) return null
      this.#all.add(opened)
      return opened
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      if (this.#all.size === 0) throw error
      log.warn(`a table waits for another one: ${error.message}`)
      if (error.code === 'CONNECTION_LIMIT') this.#limit()
      else this.#pausedUntil = performance.now() + PAUSE_MS
      return null
    }
  }

  /** Does `work` with one that is free, or the first. */
  async use(work: (lane: OpenEndpoints) => void): Promise<void> {
    const lane = (await this.take())!
    try {
      work(lane)
    } finally {
      this.give(lane)
    }
  }

  give(lane: OpenEndpoints): void {
    if (this.#surplus === 0) {
      this.#free.push(lane)
      return
    }
    this.#surplus--
    this.#all.delete(lane)
    this.#closing.push(closeEndpoints(lane))
  }

  /** Tables under way may each need another connection, and would wait for each other's. Where there is none, the new lane is closed again. */
  async #leavesRoom(opened: OpenEndpoints): Promise<boolean> {
    try {
      await closeEndpoints(await this.#open())
      return true
    } catch (thrown) {
      await closeEndpoints(opened)
      if (RowshiftError.from(thrown).code !== 'CONNECTION_LIMIT') throw thrown
      this.#most = this.#all.size
      return false
    }
  }

  /** A server takes no more connections than there are. */
  #limit(): void {
    this.#surplus = Math.min(1, this.#all.size - 1)
    this.#most = this.#all.size - this.#surplus
  }

  /** It is of no more use, and closed with the others. */
  forsake(): void {
    this.#most--
  }

  /** Opens all that there will be, so that they can begin together. None is taken. */
  async fill(most: number): Promise<readonly OpenEndpoints[]> {
    this.#most = Math.min(this.#most, most)
    const taken: OpenEndpoints[] = []
    while (this.hasRoom) {
      const lane = await this.take()
      if (lane !== null) taken.push(lane)
    }
    for (const lane of taken) this.give(lane)
    await Promise.all(this.#closing)
    this.#most = this.#all.size
    return [...this.#free]
  }

  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#all].map(closeEndpoints)])
  }
}
