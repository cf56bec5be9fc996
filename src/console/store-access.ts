import type { TaskStore } from '../contract/task-store.js'
import { RowshiftError } from '../contract/errors.js'

/** A store that nobody asks for so long is closed. */
const IDLE_MS = 60_000

/** The task store for many askers, one after the other, over a connection that is opened when it is needed and again after an error. */
export class StoreAccess {
  readonly #open: () => Promise<TaskStore>
  #store: TaskStore | null = null
  #last: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined

  constructor(open: () => Promise<TaskStore>) {
    this.#open = open
  }

  /** `again`: whether work may be done twice, where a connection is lost in the middle. */
  use<T>(work: (store: TaskStore) => Promise<T>, again = true): Promise<T> {
    const result = this.#last.then(() => this.#attempt(work, again))
    this.#last = result.catch(() => {})
    return result
  }

  /** A connection that was lost while nobody asked is no reason to fail. */
  async #attempt<T>(work: (store: TaskStore) => Promise<T>, again: boolean): Promise<T> {
    clearTimeout(this.#idle)
    const fresh = this.#store === null
    const store = (this.#store ??= await this.#open())
    try {
      const result = await work(store)
      this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
      return result
    } catch (thrown) {
      const { code } = RowshiftError.from(thrown)
      if (code !== 'CONNECTION_LOST' && code !== 'CONNECTION_FAILED') throw thrown
      this.#store = null
      await store.close().catch(() => {})
      if (fresh || !again) throw thrown
      return this.#attempt(work, false)
    }
  }

  close(): Promise<void> {
    clearTimeout(this.#idle)
    const closed = this.#last.then(async () => {
      const store = this.#store
      this.#store = null
      await store?.close()
    })
    this.#last = closed.catch(() => {})
    return closed
  }
}
