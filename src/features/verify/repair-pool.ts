import type { ErrorReport } from '../../contract/errors.js'
import type { JobPool } from '../../engine/job-pool.js'
import type { ControlMessage } from '../../engine/messages.js'
import type { VerifyJob, VerifyResult } from './messages.js'

type Pool = JobPool<VerifyJob, VerifyResult>

/**
 * Other hosts compare, and this process repairs: what a repair changes has no checkpoint, which would keep a worker that was suspended from
 * changing it later, when the run has ended and the rows are others.
 */
export class RepairPool implements Pool {
  readonly replaces = true
  readonly #hosts: Pool
  readonly #own: Pool

  constructor(hosts: Pool, own: Pool) {
    this.#hosts = hosts
    this.#own = own
  }

  run(job: VerifyJob, inPlace: boolean): Promise<VerifyResult> {
    const repairs = 'settle' in job || job.repaired
    return (repairs ? this.#own : this.#hosts).run(job, inPlace)
  }

  get workingThreads(): number {
    return this.#hosts.workingThreads
  }

  get gaveUp(): string | null {
    return this.#own.gaveUp
  }

  allow(threads: number): void {
    this.#hosts.allow(threads)
  }

  retire(thread: number, error: ErrorReport): void {
    this.#own.retire(thread, error)
  }

  withRoom<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#own.withRoom(connect, signal)
  }

  tell(message: ControlMessage): void {
    this.#own.tell(message)
  }

  isAlive(thread: number): boolean {
    return this.#own.isAlive(thread)
  }

  terminate(thread: number): Promise<void> {
    return this.#own.terminate(thread)
  }

  abort(): void {
    this.#hosts.abort()
    this.#own.abort()
  }

  async close(): Promise<void> {
    await Promise.all([this.#hosts.close(), this.#own.close()])
  }
}
