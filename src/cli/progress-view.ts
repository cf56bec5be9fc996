import { SingleBar } from 'cli-progress'
import type { Progress } from '../engine/progress.js'
import { current, settled } from '../engine/progress.js'
import type { Plan } from '../plugin.js'
import { formatBytes, formatCount, formatSeconds } from './output.js'

const PLAIN_INTERVAL_MS = 5_000
const BAR_INTERVAL_MS = 100

/** What says how many rows to expect. */
type Counted = Pick<Plan, 'where' | 'source'>

/** Shows how far a run is: a bar on a terminal, a line now and then elsewhere. Writes to stderr only. */
export interface ProgressView {
  start(plan: Counted): void
  update(progress: Progress): void
  /** Leaves what is shown as it is; later updates show nothing. */
  stop(): void
}

export function progressView(): ProgressView {
  return process.stderr.isTTY ? new BarView() : new LineView()
}

/** Figures of a moment. */
class Figures {
  readonly #started = performance.now()
  readonly #expected: number | null
  rows = 0
  #bytes = 0

  constructor(plan: Counted) {
    this.#expected = plan.where === null ? plan.source.estimatedRows : null
  }

  take(progress: Progress): void {
    const counts = current(progress)
    // Not those written: a transform may leave nearly all rows out.
    this.rows = settled(counts)
    this.#bytes = counts.bytes
  }

  /** Statistics are estimates; what is already there counts at least. */
  get total(): number | null {
    return this.#expected === null ? null : Math.max(this.#expected, this.rows)
  }

  get text(): string {
    const seconds = Math.max((performance.now() - this.#started) / 1000, 0.001)
    const rate = this.rows / seconds
    const eta =
      this.total !== null && rate > 0 ? `, ETA ${formatSeconds((this.total - this.rows) / rate)}` : ''
    return `${formatCount(this.rows)} rows, ${formatCount(rate)} rows/s, ${formatBytes(this.#bytes / seconds)}/s${eta}`
  }
}

class BarView implements ProgressView {
  #bar: SingleBar | null = null
  #figures: Figures | null = null

  start(plan: Counted): void {
    this.#figures = new Figures(plan)
    this.#bar = new SingleBar({
      format: '{bar} {percentage}% {text}',
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      fps: 1000 / BAR_INTERVAL_MS,
      hideCursor: true,
      gracefulExit: false,
      stream: process.stderr,
    })
    this.#bar.start(this.#figures.total ?? 1, 0, { text: '' })
  }

  update(progress: Progress): void {
    this.#figures!.take(progress)
    this.#draw()
  }

  stop(): void {
    this.#draw()
    this.#bar?.stop()
    this.#bar = null
  }

  #draw(): void {
    if (this.#bar === null) return
    const { rows, total, text } = this.#figures!
    this.#bar.setTotal(total ?? Math.max(rows, 1))
    this.#bar.update(rows, { text })
  }
}

class LineView implements ProgressView {
  #figures: Figures | null = null
  #timer: NodeJS.Timeout | undefined

  start(plan: Counted): void {
    this.#figures = new Figures(plan)
    this.#timer = setInterval(() => process.stderr.write(`${this.#figures!.text}\n`), PLAIN_INTERVAL_MS)
  }

  update(progress: Progress): void {
    this.#figures!.take(progress)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
