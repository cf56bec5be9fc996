import { RowshiftError } from '../../contract/errors.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { closeEndpoints } from '../../engine/open-endpoints.js'

/** Most tables that are under way side by side: each has a connection of the coordinator to either end. */
const MOST = 8

/** The connections of the coordinator, which go from table to table. */
export class Lanes {
  readonly #open: () => Promise<OpenEndpoints>
  readonly #all = new Set<OpenEndpoints>()
  readonly #free: OpenEndpoints[] = []
  #most = MOST

  constructor(open: () => Promise<OpenEndpoints>) {
    this.#open = open
  }

  /** Whether one is free, or may be opened. */
  get hasRoom(): boolean {
    return this.#free.length > 0 || this.#all.size < this.#most
  }

  /** Whether all were forsaken. */
  get none(): boolean {
    return this.#most <= 0
  }

  /** null: a server takes no more connections, so that the others must do. */
  async take(): Promise<OpenEndpoints | null> {
    const free = this.#free.pop()
    if (free) return free
    try {
      const opened = await this.#open()
      this.#all.add(opened)
      return opened
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      if (error.code !== 'CONNECTION_LIMIT' || this.#all.size === 0) throw error
      this.#most = this.#all.size
      return null
    }
  }

  give(lane: OpenEndpoints): void {
    this.#free.push(lane)
  }

  /** It is of no more use, and closed with the others. */
  forsake(): void {
    this.#most--
  }

  /** Opens all that there will be, so that they can begin together. */
  async fill(most: number): Promise<readonly OpenEndpoints[]> {
    this.#most = Math.min(this.#most, most)
    const taken: OpenEndpoints[] = []
    while (this.hasRoom) {
      const lane = await this.take()
      if (lane !== null) taken.push(lane)
    }
    for (const lane of taken) this.give(lane)
    return taken
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map(closeEndpoints))
  }
}
