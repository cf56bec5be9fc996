import { BroadcastChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { ControlMessage } from './messages.js'

const CLOSE_TIMEOUT_MS = 5_000

export interface PoolOptions {
  /** File in `workers/`. */
  readonly worker: string
  readonly threads: number
  /** Name of the BroadcastChannel on which all threads listen for {@link ControlMessage}s. */
  readonly control: string
  /** `workerData` of each thread. */
  readonly setup: unknown
}

/** Worker threads that hold connections: one job at a time each, told all together to give up or to close. */
export class WorkerPool<Job, Result> {
  readonly #pool: Piscina<Job, Result>
  readonly #control: BroadcastChannel
  #openThreads = 0
  #aborted = false
  #onClosed: () => void = () => {}

  constructor({ worker, threads, control, setup }: PoolOptions) {
    this.#control = new BroadcastChannel(control)
    this.#pool = new Piscina<Job, Result>({
      filename: new URL(`../../workers/${worker}`, import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: Infinity,
      // Idle threads hold sockets, so they must keep their event loops running.
      atomics: 'disabled',
      workerData: setup,
    })
    this.#pool.on('message', (message: 'opened' | 'closed') => this.#receive(message))
  }

  run(job: Job): Promise<Result> {
    return this.#pool.run(job)
  }

  abort(): void {
    this.#aborted = true
    this.#tell('abort')
  }

  /** Lets the threads close their connections, so that servers do not log them as aborted. */
  async close(): Promise<void> {
    if (this.#openThreads > 0) {
      const closed = new Promise<void>((resolve) => {
        this.#onClosed = resolve
      })
      this.#tell('close')
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      })
      await Promise.race([closed, timeout])
      clearTimeout(timer)
    }
    this.#control.close()
    await this.#pool.destroy()
  }

  #receive(message: 'opened' | 'closed'): void {
    this.#openThreads += message === 'opened' ? 1 : -1
    // A thread that was still starting has not heard an earlier message.
    if (message === 'opened' && this.#aborted) this.#tell('abort')
    if (this.#openThreads === 0) this.#onClosed()
  }

  #tell(message: ControlMessage): void {
    this.#control.postMessage(message)
  }
}
