import { threadId } from 'node:worker_threads'
import type { ErrorReport } from '../src/contract/errors.js'
import { RowshiftError } from '../src/contract/errors.js'
import type { Failure, ThreadMessage, ThreadSetup } from '../src/engine/messages.js'
import { mayPass } from '../src/contract/waiting.js'
import type { ControlHandlers } from './control.js'
import { follow } from './control.js'
import { ThreadConnections } from './connections.js'

/** What a thread of any pool does: it opens its endpoints when they are first needed, follows the control channel, and closes them. */
export abstract class PoolThread<Endpoints, Message = never> {
  protected readonly connections: ThreadConnections
  readonly #post: (message: ThreadMessage | Message) => void
  readonly #abort = new AbortController()
  #endpoints: Promise<Endpoints> | null = null
  #jobs = 0

  constructor(setup: ThreadSetup, post: (message: ThreadMessage | Message) => void) {
    this.connections = new ThreadConnections(setup.connected, () =>
      post({ type: 'connected', thread: threadId }),
    )
    this.#post = post
    const control = follow(setup.control, {
      abort: ({ run }) => {
        if (run === null) this.abort()
      },
      close: () => {
        control.close()
        void this.close()
      },
      giveUp: ({ thread }) => {
        if (thread === threadId) this.#giveUp()
      },
      ...this.handlers(),
    })
  }

  /** What the thread does about other messages. Default: nothing. */
  protected handlers(): ControlHandlers {
    return {}
  }

  /** Leaves nothing open when it throws. */
  protected abstract open(): Promise<Endpoints>

  /** Never throws. */
  protected abstract closeEndpoints(endpoints: Endpoints): Promise<void>

  /** Aborts when the run is to stop. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  post(message: Message): void {
    this.#post(message)
  }

  protected abort(): void {
    this.#abort.abort()
  }

  /** As long as it has a job in hand, it does not close. */
  protected async busy<T>(job: () => Promise<T>): Promise<T> {
    this.#jobs++
    try {
      return await job()
    } finally {
      this.#jobs--
      this.#closeIfDone()
    }
  }

  opened(): Promise<Endpoints> {
    if (this.connections.gaveUp) return Promise.reject(takesNoMoreJobs())
    if (this.#endpoints === null) {
      this.#post({ type: 'opened', thread: threadId })
      const opened = this.open().catch((error: unknown) => {
        // Another job may try again.
        if (this.#endpoints === opened) this.#endpoints = null
        this.#post({ type: 'closed', thread: threadId })
        throw error
      })
      this.#endpoints = opened
    }
    return this.#endpoints
  }

  /**
   * What is said of a job that failed. `undone`: it has left nothing that running it again would not put right. `knowable`: that is not known, but
   * the next attempt will find out.
   */
  failure(
    error: RowshiftError,
    report: ErrorReport,
    { undone, knowable = false }: { readonly undone: boolean; readonly knowable?: boolean },
  ): Failure {
    const again = error.code === 'CONNECTION_LIMIT' ? this.connections.isRepeatable(error) : mayPass(error)
    const repeatable = knowable || (undone && again)
    const gaveUp = repeatable && this.connections.givesUp(error) ? threadId : null
    return { outcome: 'failed', error: report, repeatable, gaveUp }
  }

  /** Because a connection is needed for something else. */
  #giveUp(): void {
    this.connections.giveUp()
    this.#closeIfDone()
  }

  /** A thread that gave up, when it has no job in hand any more. */
  #closeIfDone(): void {
    if (this.connections.gaveUp && this.#jobs === 0) void this.close()
  }

  /** After the last job, or when others are to go on. */
  async close(): Promise<void> {
    const opened = this.#endpoints
    this.#endpoints = null
    if (opened === null) return
    const endpoints = await opened.catch(() => null)
    if (endpoints === null) return
    this.connections.leave()
    await this.closeEndpoints(endpoints)
    this.#post({ type: 'closed', thread: threadId })
  }
}

/** The pool runs the job in another thread. */
function takesNoMoreJobs(): RowshiftError {
  return new RowshiftError('CONNECTION_LIMIT', 'A thread gave up its connections and takes no more jobs.')
}
