/** The queue that runs are shared through: asked when somebody wants to know, over a connection that is opened then. */
import { RowshiftError } from '../contract/errors.js'
import type { PresentHost } from '../features/hosts/present-hosts.js'
import { shownQueue } from '../features/hosts/queue-url.js'
import type { HostStore } from '../features/hosts/store.js'
import { passes } from '../features/hosts/store-errors.js'

/** Nobody has asked for so long: it is closed. */
const IDLE_MS = 60_000

export class QueueAccess {
  /** Without secrets. */
  readonly where: string
  readonly #url: string
  #store: Promise<HostStore> | null = null
  #idle: NodeJS.Timeout | undefined

  constructor(url: string) {
    this.#url = url
    this.where = shownQueue(url)
  }

  /** For runs that work there. It holds a secret. */
  get args(): readonly string[] {
    return [`--workers=${this.#url}`]
  }

  /** Throws CONNECTION_FAILED or CONNECTION_LOST while it cannot be reached, or cannot answer yet. */
  async hosts(): Promise<PresentHost[]> {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
    const { presentHosts } = await import('../features/hosts/present-hosts.js')
    const store = await (this.#store ??= this.#open())
    if (store.lostMs > 0)
      throw new RowshiftError('CONNECTION_LOST', `${this.where} is lost; it is waited for.`)
    return presentHosts(store).catch((thrown: unknown) => {
      const error = RowshiftError.from(thrown)
      throw passes(error) ? new RowshiftError('CONNECTION_LOST', error.message, {}, thrown) : error
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const store = await this.#store?.catch(() => null)
    this.#store = null
    await store?.close()
  }

  /** Loaded when needed, as is what it needs. */
  async #open(): Promise<HostStore> {
    try {
      const { HostStore } = await import('../features/hosts/store.js')
      return await HostStore.open(this.#url)
    } catch (thrown) {
      this.#store = null
      throw thrown
    }
  }
}
