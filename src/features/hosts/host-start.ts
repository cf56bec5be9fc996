import type { JobOwner } from '../../engine/job-queue.js'

interface Attempt {
  readonly by: JobOwner | undefined
  readonly done: Promise<void>
}

/** What the first job of a run begins for all of them. */
export class HostStart {
  readonly #start: (owner: JobOwner | undefined) => Promise<void>
  #attempt: Attempt | null = null

  constructor(start: (owner: JobOwner | undefined) => Promise<void>) {
    this.#start = start
  }

  /** One that fails is that of its table alone: other tables that have waited for it begin anew. `check` throws where no more is to begin. */
  async begin(owner: JobOwner | undefined, check: () => void): Promise<void> {
    for (;;) {
      const attempt = (this.#attempt ??= { by: owner, done: this.#start(owner) })
      try {
        return await attempt.done
      } catch (thrown) {
        if (this.#attempt === attempt) this.#attempt = null
        if (attempt.by?.run === owner?.run) throw thrown
        check()
      }
    }
  }
}
