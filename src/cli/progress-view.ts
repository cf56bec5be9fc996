import { SingleBar } from 'cli-progress'
import type { Progress } from '../engine/progress.js'
import type { Pace } from '../engine/pace.js'
import { paceAt, secondsLeft } from '../engine/pace.js'
import { moved } from '../engine/progress.js'
import type { ReadSpec, TableSchema } from '../contract/plugin.js'
import { formatBytes, formatCount, formatRows, formatThreads, isQuiet } from './output.js'

const PLAIN_INTERVAL_MS = 5_000
const BAR_INTERVAL_MS = 100

/** What says how many rows to expect. */
type Counted = Pick<ReadSpec, 'where' | 'window'> & { readonly table: Pick<TableSchema, 'estimatedRows'> }

/** Shows how far a run is: a bar on a terminal, a line now and then elsewhere. Writes to stderr only. */
export interface ProgressView {
  /** `text`: the plan, for whoever watches from elsewhere. */
  start(read: Counted, text?: string): void
  /** `note`: what else there is to say. */
  update(progress: Progress, note?: string): void
  /** Leaves what is shown as it is; later updates show nothing. */
  stop(): void
}

export function progressView(): ProgressView {
  if (isQuiet()) return NO_VIEW
  return process.stderr.isTTY ? new BarView() : new LineView()
}

const NO_VIEW: ProgressView = { start: () => {}, update: () => {}, stop: () => {} }

/** Figures of a moment. Rows, rows per second and bytes are of the same rows: those that are written, committed or not yet. */
class Figures {
  readonly #started = performance.now()
  /** null: nobody knows. */
  readonly expected: number | null
  rows = 0
  #bytes = 0
  #pace: Pace | null = null
  #waiting: string | null = null
  #threads = 0
  #note: string | null = null
  #step: string | undefined

  constructor(read: Counted) {
    this.expected = expectedRows(read)
  }

  take(progress: Progress, note: string | null = null): void {
    this.#note = note
    const { rows, bytes } = moved(progress)
    this.rows = rows
    this.#bytes = bytes
    this.#waiting = progress.waiting
    this.#threads = progress.threads
    this.#step = progress.step
    this.#pace = paceAt(this.#pace, performance.now(), rows)
  }

  get text(): string {
    if (this.#step !== undefined) return `${formatRows(this.rows)}, ${this.#step}`
    const seconds = Math.max((performance.now() - this.#started) / 1000, 0.001)
    const left = secondsLeft(this.#pace, this.expected)
    const parts = [formatRows(this.rows), `${formatCount(this.rows / seconds)} rows/s`]
    if (this.#bytes > 0) parts.push(`${formatBytes(this.#bytes / seconds)}/s`)
    if (this.#threads > 0) parts.push(formatThreads(this.#threads))
    if (left !== null) parts.push(`ETA ${formatEta(left)}`)
    if (this.#note !== null) parts.push(this.#note)
    if (this.#waiting !== null) parts.push(`waiting: ${this.#waiting}`)
    return parts.join(', ')
  }
}

/** A guess has no tenths. */
export function formatEta(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** null: nobody knows. */
export function expectedRows({ where, table, window }: Counted): number | null {
  const counted = window && window.rows < window.countedTo ? window.rows : null
  return window || where !== null ? counted : table.estimatedRows
}

class BarView implements ProgressView {
  #bar: SingleBar | null = null
  #figures: Figures | null = null

  start(read: Counted): void {
    const figures = (this.#figures = new Figures(read))
    this.#bar = new SingleBar({
      format: figures.expected === null ? '{text}' : '{bar} {percentage}% {text}',
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      fps: 1000 / BAR_INTERVAL_MS,
      hideCursor: true,
      gracefulExit: false,
      stream: process.stderr,
    })
    this.#bar.start(figures.expected ?? 1, 0, { text: '' })
  }

  update(progress: Progress, note?: string): void {
    this.#figures!.take(progress, note)
    this.#draw()
  }

  stop(): void {
    this.#draw()
    this.#bar?.stop()
    this.#bar = null
  }

  #draw(): void {
    if (this.#bar === null) return
    const { rows, expected, text } = this.#figures!
    // Statistics are estimates; what is already there counts at least.
    this.#bar.setTotal(Math.max(expected ?? 1, rows))
    this.#bar.update(rows, { text })
  }
}

class LineView implements ProgressView {
  #figures: Figures | null = null
  #timer: NodeJS.Timeout | undefined

  start(read: Counted): void {
    this.#figures = new Figures(read)
    this.#timer = setInterval(() => process.stderr.write(`${this.#figures!.text}\n`), PLAIN_INTERVAL_MS)
  }

  update(progress: Progress, note?: string): void {
    this.#figures!.take(progress, note)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
