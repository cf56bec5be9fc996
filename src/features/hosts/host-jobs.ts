/** The jobs of a run that the queue has, or that other hosts have in hand. */
import type { JobOwner } from '../../engine/job-queue.js'
import type { Failure } from '../../engine/messages.js'
import { hasStopped } from './host-failures.js'

interface InHand<Result> {
  readonly settle: (result: Result | Failure) => void
  readonly reject: () => void
  readonly owner: JobOwner | undefined
}

export class HostJobs<Result extends object> {
  readonly #jobs = new Map<string, InHand<Result>>()
  #next = 0

  get ids(): readonly string[] {
    return [...this.#jobs.keys()]
  }

  /** `done`: what the job results in; rejects when nobody waits for that any more. */
  add(owner: JobOwner | undefined): { readonly id: string; readonly done: Promise<Result | Failure> } {
    const id = `job-${this.#next++}`
    const done = new Promise<Result | Failure>((settle, reject) =>
      this.#jobs.set(id, { settle, reject: () => reject(hasStopped()), owner }),
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

  /** `owner` undefined: all. */
  rejectAll(owner: JobOwner | undefined): void {
    for (const [, { reject }] of this.#ownedBy(owner)) reject()
  }

  /** Those that are not there any more. */
  async rejectUnless(isThere: (id: string) => Promise<boolean>, owner: JobOwner | undefined): Promise<void> {
    for (const [id, { reject }] of this.#ownedBy(owner)) if (!(await isThere(id))) reject()
  }

  #ownedBy(owner: JobOwner | undefined): readonly (readonly [id: string, job: InHand<Result>])[] {
    return [...this.#jobs].filter(([, job]) => owner === undefined || job.owner === owner)
  }
}
