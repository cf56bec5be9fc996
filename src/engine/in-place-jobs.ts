import type { ThreadMessage, WorkerMessage, ThreadSetup } from './messages.js'

/** `workers/in-place.ts`, which is reached by URL only. */
interface InPlace<Job, Result> {
  readonly makeRunner: (
    setup: ThreadSetup,
    post: (message: ThreadMessage | WorkerMessage) => void,
    fetch: (run: string) => Promise<object | null>,
  ) => Runner<Job, Result>
}

interface Runner<Job, Result> {
  run(job: Job): Promise<Result>
  close(): Promise<void>
}

export interface InPlaceOptions {
  readonly setup: ThreadSetup
  readonly setupOf?: (run: string) => object | null
}

/** Jobs that run in the coordinator's own thread. */
export class InPlaceJobs<Job, Result> {
  readonly #options: InPlaceOptions
  readonly #receive: (message: ThreadMessage | WorkerMessage) => void
  /** null: there was no job yet. */
  #runner: Promise<Runner<Job, Result>> | null = null
  #jobs = 0

  constructor(options: InPlaceOptions, receive: (message: ThreadMessage | WorkerMessage) => void) {
    this.#options = options
    this.#receive = receive
  }

  get begun(): boolean {
    return this.#runner !== null
  }

  async run(job: Job): Promise<Result> {
    const { setup, setupOf = () => null } = this.#options
    const module = new URL('../../workers/in-place.js', import.meta.url).href
    this.#runner ??= import(module).then(({ makeRunner }: InPlace<Job, Result>) =>
      makeRunner(setup, this.#receive, (run) => Promise.resolve(setupOf(run))),
    )
    this.#jobs++
    try {
      return await (await this.#runner).run(job)
    } finally {
      this.#jobs--
    }
  }

  /** A thread that finds no connections left would otherwise count on those of jobs that are none any more. */
  rest(): void {
    if (this.#jobs === 0) void this.#runner?.then((runner) => runner.close())
  }
}
