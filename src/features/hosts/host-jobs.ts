/** The jobs of a run that the queue has, or that other hosts have in hand. */
import type { Queue } from 'bullmq'
import type { JobOwner } from '../../engine/job-queue.js'
import type { Failure } from '../../engine/messages.js'
import { hasStopped, lost, vanished } from './host-failures.js'

interface InHand<Result> {
  readonly settle: (result: Result | Failure) => void
  readonly reject: () => void
  readonly owner: JobOwner | undefined
  /** The queue has it. */
  queued: boolean
}

export class HostJobs<Result extends object> {
  readonly #jobs = new Map<string, InHand<Result>>()
  #next = 0

  get any(): boolean {
    return this.#jobs.size > 0
  }

  has(id: string): boolean {
    return this.#jobs.has(id)
  }

  isQueued(id: string): void {
    const job = this.#jobs.get(id)
    if (job) job.queued = true
  }

  /** `done`: what the job results in; rejects when nobody waits for that any more. */
  add(owner: JobOwner | undefined): { readonly id: string; readonly done: Promise<Result | Failure> } {
    const id = `job-${this.#next++}`
    const done = new Promise<Result | Failure>((settle, reject) =>
      this.#jobs.set(id, { settle, reject: () => reject(hasStopped()), owner, queued: false }),
    )
    done.catch(() => {})
    return { id, done }
  }

  delete(id: string): void {
    this.#jobs.delete(id)
  }

  settle(id: string, result: unknown): void {
    const value: unknown = typeof result === 'string' ? JSON.parse(result) : result
    this.#jobs.get(id)?.settle(value as Result | Failure)
  }

  /** An event may be lost with a connection, and a job with the memory of a server that keeps nothing on its disk. */
  async find(queue: Queue, where: string): Promise<void> {
    for (const [id, { queued }] of this.#jobs) {
      const state = queued ? await queue.getJobState(id) : 'waiting'
      if (state !== 'completed' && state !== 'failed' && state !== 'unknown') continue
      const job = state === 'unknown' ? undefined : await queue.getJob(id)
      if (state === 'completed' && job?.returnvalue) this.settle(id, job.returnvalue)
      else this.settle(id, state === 'failed' ? lost(job?.failedReason ?? '') : vanished(where))
    }
  }

  /** `owner` undefined: all. */
  rejectAll(owner: JobOwner | undefined): void {
    for (const [, { reject }] of this.#ownedBy(owner)) reject()
  }

  /** Those that wait for their table, or for the run, to begin. */
  rejectUnqueued(owner: JobOwner | undefined): void {
    for (const [id, { queued, reject }] of this.#ownedBy(owner)) {
      if (queued) continue
      reject()
      this.#jobs.delete(id)
    }
  }

  /** Those that are not there any more. */
  async rejectUnless(isThere: (id: string) => Promise<boolean>, owner: JobOwner | undefined): Promise<void> {
    for (const [id, { reject }] of this.#ownedBy(owner)) if (!(await isThere(id))) reject()
  }

  #ownedBy(owner: JobOwner | undefined): readonly (readonly [id: string, job: Readonly<InHand<Result>>])[] {
    return [...this.#jobs].filter(([, job]) => owner === undefined || job.owner === owner)
  }
}
