import { redact } from '../contract/errors.js'
import { noCounts } from '../engine/messages.js'
import type { Pace } from '../engine/pace.js'
import { paceAt, secondsLeft } from '../engine/pace.js'
import type { Progress } from '../engine/progress.js'
import { noProgress } from '../engine/progress.js'
import type { FeedTable, FeedTables, RunFeed } from '../engine/run-feed.js'
import { activeSplits, MOST_TABLES } from '../engine/run-feed.js'
import type { DatabaseProgress, TableProgress } from '../features/database/progress.js'
import type { TableReport } from '../features/database/report.js'
import { counted } from '../wire/counted.js'
import {
  formatBytes,
  formatCount,
  formatRows,
  formatThreads,
  isQuiet,
  printable,
  printNotice,
  printPlan,
} from './output.js'
import { formatEta } from './progress-view.js'

const PLAIN_INTERVAL_MS = 5_000
const DRAW_INTERVAL_MS = 200
/** Tables under way of which a person sees how far they are. */
const SHOWN = 8
/** Up to the first column, and from there to the end. */
const ERASE = '\r\u001B[J'

/**
 * Shows how far a copy of many tables is: one line in all, and the tables under way below it. On a terminal the lines are drawn over, elsewhere
 * they come now and then. Writes to stderr only.
 */
export class DatabaseProgressView {
  readonly #started = performance.now()
  readonly #terminal = process.stderr.isTTY
  readonly #feed: RunFeed
  #progress: DatabaseProgress | null = null
  #pace: Pace | null = null
  #ended: readonly FeedTable[] = []
  #timer: NodeJS.Timeout | undefined
  /** On the terminal, to be drawn over. */
  #drawn = 0

  /** `feed`: for whoever watches from elsewhere. */
  constructor(feed: RunFeed) {
    this.#feed = feed
  }

  /** `text`: the plan; `expected`: rows, by statistics. */
  start(text: string, expected: number | null): void {
    printPlan(text)
    this.#feed.plan(redact(text), expected)
    if (isQuiet()) return
    this.#timer = setInterval(() => this.#draw(), this.#terminal ? DRAW_INTERVAL_MS : PLAIN_INTERVAL_MS)
  }

  update(progress: DatabaseProgress): void {
    this.#progress = progress
    this.#feed.update(asProgress(progress), feedTables(progress, this.#ended))
    this.#pace = paceAt(this.#pace, performance.now(), progress.share?.done ?? progress.rows)
  }

  /** For those who watch: it is among the last ones. */
  ended({ table, status, rows, run }: TableReport): void {
    const { splits = 0, splitsDone = 0 } = run ?? {}
    const last = { table, status, rows, expected: rows, step: null, splits, splitsDone, active: [] }
    this.#ended = [last, ...this.#ended.slice(0, MOST_TABLES - 1)]
  }

  /** A line that stays. */
  notice(text: string): void {
    this.#erase()
    printNotice(text)
  }

  /** Leaves what is shown as it is. */
  stop(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#terminal) this.#draw()
  }

  #draw(): void {
    if (this.#progress === null) return
    const seconds = (performance.now() - this.#started) / 1000
    const lines = progressLines(this.#progress, seconds, this.#pace)
    this.#erase()
    const width = this.#terminal ? process.stderr.columns || 80 : Infinity
    const shown = lines.map((line) => (line.length < width ? line : `${line.slice(0, width - 2)}…`))
    process.stderr.write(`${shown.join('\n')}\n`)
    this.#drawn = this.#terminal ? shown.length : 0
  }

  #erase(): void {
    if (this.#drawn > 0) process.stderr.write(`\u001B[${this.#drawn}A${ERASE}`)
    this.#drawn = 0
  }
}

/** `pace`: of the share that is done, in bytes of the source. */
export function progressLines(progress: DatabaseProgress, seconds: number, pace: Pace | null): string[] {
  const { rows, bytes, tables, tablesEnded, underWay, share, threads, waiting, step } = progress
  const elapsed = Math.max(seconds, 0.001)
  const left = share && secondsLeft(pace, share.all)
  const ended = `${tablesEnded} of ${counted(tables, 'table')}`
  if (step !== null) return [[ended, formatRows(rows), printable(step)].join(', ')]
  const parts = [
    ended,
    ...(share && share.all > 0 ? [`${Math.floor((100 * share.done) / share.all)} %`] : []),
    formatRows(rows),
    `${formatCount(rows / elapsed)} rows/s`,
    ...(bytes > 0 ? [`${formatBytes(bytes / elapsed)}/s`] : []),
    ...(threads > 0 ? [formatThreads(threads)] : []),
    ...(left === null ? [] : [`ETA ${formatEta(left)}`]),
    ...(waiting === null ? [] : [`waiting: ${waiting}`]),
  ]
  const more = underWay.length > SHOWN ? [`  and ${underWay.length - SHOWN} more`] : []
  return [parts.join(', '), ...underWay.slice(0, SHOWN).map(tableLine), ...more]
}

function tableLine({ table, rows, expectedRows, step }: TableProgress): string {
  // Statistics are estimates; what is already there counts at least.
  const of = expectedRows === null || rows > expectedRows ? '' : ` of ~${formatCount(expectedRows)}`
  return `  ${printable(table)}: ${formatRows(rows)}${of}${step === null ? '' : `, ${step}`}`
}

/** In the form in which one table is watched. */
function asProgress({ rows, bytes, threads, splits, waiting, step }: DatabaseProgress): Progress {
  const done = { ...noCounts, rowsRead: rows, rowsWritten: rows, bytes }
  return {
    ...noProgress,
    ...splits,
    done,
    active: new Map(),
    threads,
    waiting,
    ...(step !== null && { step }),
  }
}

function feedTables(
  { tables, tablesEnded, underWay }: DatabaseProgress,
  ended: readonly FeedTable[],
): FeedTables {
  const begun = underWay.map(({ table, rows, expectedRows, step, splits: progress }) => ({
    table,
    status: 'running',
    rows,
    expected: expectedRows,
    step,
    splits: progress.splits,
    splitsDone: progress.splitsDone,
    active: activeSplits(progress),
  }))
  return { all: tables, ended: tablesEnded, shown: [...begun, ...ended].slice(0, MOST_TABLES) }
}
