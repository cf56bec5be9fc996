import type { CopyJob, SplitCounts } from '../src/engine/messages.js'
import type { CopierHost } from './copier-host.js'

const INTERVAL_MS = 250

/** Tells the coordinator how far splits of one run are. A message costs about 0.1 ms of CPU on its two ends, so not every batch sends one. */
export class ProgressTeller {
  readonly #run: string
  readonly #host: Pick<CopierHost, 'post'>
  #toldAt = 0

  constructor(run: string, host: Pick<CopierHost, 'post'>) {
    this.#run = run
    this.#host = host
  }

  of({ index: split }: CopyJob): (counts: SplitCounts) => void {
    return (counts) => {
      const now = performance.now()
      if (now - this.#toldAt < INTERVAL_MS) return
      this.#toldAt = now
      this.#host.post({ type: 'progress', run: this.#run, split, counts })
    }
  }
}
