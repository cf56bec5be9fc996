/** The runs that are under way on this machine, as they tell about themselves. */
import { EventEmitter } from 'node:events'
import type { FeedHello, FeedLine, FeedProgress, Sample, Watcher } from '../engine/run-feed.js'
import { runsToWatch, watchRun } from '../engine/run-feed.js'
import { log } from '../log.js'

const LOOK_MS = 1_000
const LOOK_SOON_MS = 100
const MOST_SAMPLES = 600
const MOST_RUNS = 500
/** Of the speed that is shown. */
const RATE_SECONDS = 5

/** What is known of one. */
export interface LiveRun {
  readonly hello: FeedHello
  readonly plan: string | null
  /** Rows; null: nobody knows. */
  readonly expected: number | null
  readonly progress: FeedProgress | null
  readonly samples: readonly Sample[]
  readonly rowsPerSecond: number
  /** Seconds; null: nobody can tell. */
  readonly left: number | null
}

interface Entry {
  readonly watcher: Watcher
  hello: FeedHello | null
  plan: string | null
  expected: number | null
  progress: FeedProgress | null
  samples: Sample[]
  sampleSeconds: number
  recent: Sample[]
}

interface Events {
  began: [run: LiveRun]
  moved: [run: LiveRun]
  ended: [runId: string]
}

export class LiveRuns extends EventEmitter<Events> {
  readonly #entries = new Map<string, Entry>()
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #told = false

  constructor() {
    super()
    this.setMaxListeners(0)
    this.#look(LOOK_MS)
  }

  list(): LiveRun[] {
    return [...this.#entries.values()].flatMap((entry) => liveOf(entry) ?? [])
  }

  get(runId: string): LiveRun | null {
    const entry = this.#entries.get(runId)
    return entry ? liveOf(entry) : null
  }

  byPid(pid: number): LiveRun | null {
    return this.list().find(({ hello }) => hello.pid === pid) ?? null
  }

  /** A run is about to begin. */
  lookSoon(): void {
    clearTimeout(this.#timer)
    this.#look(LOOK_SOON_MS)
  }

  /** False: it is not under way here. What it has committed stays. */
  stop(runId: string): boolean {
    const entry = this.#entries.get(runId)
    entry?.watcher.stop()
    return entry !== undefined
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const { watcher } of this.#entries.values()) watcher.close()
  }

  #look(milliseconds: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      for (const runId of this.#known())
        if (!this.#entries.has(runId) && this.#entries.size < MOST_RUNS) this.#watch(runId)
      this.#look(LOOK_MS)
    }, milliseconds).unref()
  }

  /** Without the folder, nobody can be watched; what runs and schedules do goes on. */
  #known(): string[] {
    try {
      return runsToWatch()
    } catch (thrown) {
      if (!this.#told) log.error(`no run can be watched: ${(thrown as Error).message}`)
      this.#told = true
      return []
    }
  }

  #watch(runId: string): void {
    const onEnd = () => {
      const known = this.#entries.get(runId)?.hello != null
      this.#entries.delete(runId)
      if (known && !this.#closed) this.emit('ended', runId)
    }
    const watcher = watchRun(runId, (line) => this.#take(runId, line), onEnd)
    const nothing = { hello: null, plan: null, expected: null, progress: null }
    this.#entries.set(runId, { watcher, ...nothing, samples: [], sampleSeconds: 0, recent: [] })
  }

  #take(runId: string, line: FeedLine): void {
    const entry = this.#entries.get(runId)
    if (!entry) return
    if (line.type === 'hello') {
      entry.hello = line
      this.emit('began', liveOf(entry)!)
      return
    }
    if (line.type === 'plan') {
      entry.plan = line.text
      entry.expected = line.expected
    } else sample(entry, line)
    const live = liveOf(entry)
    if (live) this.emit('moved', live)
  }
}

function sample(entry: Entry, progress: FeedProgress): void {
  entry.progress = progress
  const now: Sample = [Math.round(progress.seconds * 10) / 10, progress.rows, progress.bytes]
  entry.recent = [...entry.recent.filter(([seconds]) => seconds >= now[0] - RATE_SECONDS), now]
  if (now[0] < (entry.samples.at(-1)?.[0] ?? -1) + entry.sampleSeconds) return
  entry.samples.push(now)
  if (entry.samples.length < MOST_SAMPLES) return
  entry.samples = entry.samples.filter((_, i) => i % 2 === 1)
  entry.sampleSeconds = Math.max(1, entry.sampleSeconds * 2)
}

function liveOf(entry: Entry): LiveRun | null {
  const { hello, plan, expected, progress, samples, recent } = entry
  if (hello === null) return null
  const [first, last] = [recent[0], recent.at(-1)]
  const seconds = first && last ? last[0] - first[0] : 0
  const recentRate = seconds > 0 ? Math.max(0, last![1] - first![1]) / seconds : 0
  const rowsPerSecond =
    seconds > 1 ? recentRate : progress === null ? 0 : progress.rows / Math.max(progress.seconds, 0.1)
  const rows = progress?.rows ?? 0
  const left =
    expected === null || expected <= rows || rowsPerSecond <= 0 ? null : (expected - rows) / rowsPerSecond
  return { hello, plan, expected, progress, samples, rowsPerSecond, left }
}
