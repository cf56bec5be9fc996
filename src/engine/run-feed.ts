/**
 * What a run tells about itself to whoever watches it on this machine, as lines of JSON through a socket beside the one of `run-control.ts`, and how it is
 * asked to stop. It costs a run nothing while nobody watches.
 */
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { RowshiftError } from '../contract/errors.js'
import type { TimeSpent } from '../contract/time-spent.js'
import { roundedTimes } from '../contract/time-spent.js'
import { log } from '../log.js'
import type { Progress } from './progress.js'
import { moved } from './progress.js'
import { controlFolder, removeDead } from './run-control.js'

const SUFFIX = '.live'
const INTERVAL_MS = 500
const MOST_ACTIVE = 64
/** Of several, those that are shown. */
export const MOST_TABLES = 100
const FIRST_SAMPLE_MS = 1_000
const MOST_SAMPLES = 120

/** Who runs. */
export interface FeedHello {
  readonly type: 'hello'
  readonly runId: string
  readonly taskId: number | null
  readonly pid: number
  /** `copy`, `verify` or `repair`. */
  readonly kind: string
  /** Without secrets. */
  readonly from: string
  readonly to: string
  /** Milliseconds since 1970. */
  readonly since: number
}

export interface FeedPlan {
  readonly type: 'plan'
  /** As the command line shows it. */
  readonly text: string
  /** Rows; null: nobody knows. */
  readonly expected: number | null
}

export interface FeedProgress {
  readonly type: 'progress'
  readonly seconds: number
  readonly rows: number
  readonly bytes: number
  readonly splits: number
  readonly splitsDone: number
  readonly retries: number
  readonly threads: number
  readonly waiting: string | null
  readonly step: string | null
  /** Splits under way, the first of them, each with rows read and written. */
  readonly active: ActiveSplits
  readonly spent: TimeSpent
  /** null: the run is of one table. */
  readonly tables: FeedTables | null
}

type ActiveSplits = readonly (readonly [split: number, read: number, written: number])[]

/** Several tables of a run. */
export interface FeedTables {
  readonly all: number
  readonly ended: number
  /** Those under way, and some that have ended, the last one first. */
  readonly shown: readonly FeedTable[]
}

export interface FeedTable {
  readonly table: string
  /** `running`, or how it has ended. */
  readonly status: string
  /** Written, committed or not yet. */
  readonly rows: number
  /** By statistics; null: nobody knows. */
  readonly expected: number | null
  /** What it is at after its last split, in words; null: splits are copied, or it has ended. */
  readonly step: string | null
  readonly splits: number
  readonly splitsDone: number
  readonly active: ActiveSplits
}

export type FeedLine = FeedHello | FeedPlan | FeedProgress
export type Sample = readonly [seconds: number, rows: number, bytes: number]

/** The end of a run that tells. */
export class RunFeed {
  readonly #hello: FeedHello
  readonly #stop = new AbortController()
  readonly #watchers = new Set<Socket>()
  readonly #samples: Sample[] = []
  #close = () => {}
  #sampleMs = FIRST_SAMPLE_MS
  #plan: FeedPlan | null = null
  #progress: Progress | null = null
  #tables: FeedTables | null = null
  #changed = false

  constructor(who: Omit<FeedHello, 'type' | 'pid' | 'since'>) {
    this.#hello = { type: 'hello', ...who, pid: process.pid, since: Date.now() }
    this.#listen()
  }

  /** Aborted when somebody who watches asks for it. */
  get stop(): AbortSignal {
    return this.#stop.signal
  }

  /** How the run went so far; the further apart the longer it lasted. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  plan(text: string, expected: number | null): void {
    this.#plan = { type: 'plan', text, expected }
    this.#tell(this.#plan)
  }

  /** `tables`: where each of them is copied by itself. */
  update(progress: Progress, tables: FeedTables | null = null): void {
    this.#progress = progress
    this.#tables = tables
    this.#changed = true
    const elapsed = Date.now() - this.#hello.since
    if (elapsed >= (this.#samples.at(-1)?.[0] ?? 0) * 1000 + this.#sampleMs)
      this.#sample(elapsed / 1000, progress)
  }

  end(): void {
    this.#tellProgress()
    for (const socket of this.#watchers) socket.end()
    this.#close()
  }

  #sample(seconds: number, progress: Progress): void {
    const { rows, bytes } = moved(progress)
    this.#samples.push([Math.round(seconds * 10) / 10, rows, Math.round(bytes)])
    if (this.#samples.length < MOST_SAMPLES) return
    this.#sampleMs *= 2
    const every = this.#samples.filter((_, i) => i % 2 === 1)
    this.#samples.splice(0, this.#samples.length, ...every)
  }

  #listen(): void {
    const server = createServer((socket) => this.#welcome(socket))
    const unable = (thrown: unknown) =>
      log.warn({ runId: this.#hello.runId }, `nobody can watch it: ${RowshiftError.from(thrown).message}`)
    server.on('error', unable)
    const timer = setInterval(() => {
      if (this.#changed && this.#watchers.size > 0) this.#tellProgress()
    }, INTERVAL_MS).unref()
    this.#close = () => {
      clearInterval(timer)
      server.close()
    }
    try {
      server.listen(join(controlFolder(), `${this.#hello.runId}${SUFFIX}`)).unref()
    } catch (thrown) {
      unable(thrown)
    }
  }

  #welcome(socket: Socket): void {
    socket.unref()
    socket.on('error', () => {})
    socket.on('close', () => this.#watchers.delete(socket))
    linesOf(socket, (line) => {
      if (line === 'stop') this.#stop.abort()
    })
    this.#watchers.add(socket)
    for (const line of [this.#hello, this.#plan, this.#progress && this.#figures(this.#progress)])
      if (line) socket.write(textOf(line))
  }

  #tellProgress(): void {
    this.#changed = false
    if (this.#progress !== null) this.#tell(this.#figures(this.#progress))
  }

  #tell(line: FeedLine): void {
    for (const socket of this.#watchers) {
      // Whoever does not read is not waited for.
      if (socket.writableLength > 1_000_000) socket.destroy()
      else socket.write(textOf(line))
    }
  }

  #figures(progress: Progress): FeedProgress {
    const { rows, bytes } = moved(progress)
    return {
      type: 'progress',
      seconds: (Date.now() - this.#hello.since) / 1000,
      rows,
      bytes: Math.round(bytes),
      splits: progress.splits,
      splitsDone: progress.splitsDone,
      retries: Object.values(progress.retries).reduce((sum, count) => sum + count, 0),
      threads: progress.threads,
      waiting: progress.waiting,
      step: progress.step ?? null,
      active: activeSplits(progress),
      spent: roundedTimes(progress.spent),
      tables: this.#tables ?? partsOf(progress),
    }
  }
}

export function activeSplits({ active }: Pick<Progress, 'active'>): ActiveSplits {
  const first = [...active].slice(0, MOST_ACTIVE)
  return first.map(([split, { rowsRead, rowsWritten }]) => [split, rowsRead, rowsWritten])
}

/** The tables of a source or target that is several, with the rows of splits that are done; null: both are one table. */
function partsOf({ done: { sources = {}, shards = {} } }: Progress): FeedTables | null {
  const rows = [
    ...Object.entries(sources),
    ...Object.entries(shards).map(([name, { rowsWritten }]) => [name, rowsWritten] as const),
  ]
  if (rows.length === 0) return null
  const nothing = { status: 'running', expected: null, step: null, splits: 0, splitsDone: 0, active: [] }
  const shown = rows.slice(0, MOST_TABLES).map(([table, count]) => ({ table, rows: count, ...nothing }))
  return { all: rows.length, ended: 0, shown }
}

function textOf(line: FeedLine): string {
  return `${JSON.stringify(line)}\n`
}

/** Ids of the runs that can be watched, unless their processes died. */
export function runsToWatch(): string[] {
  return readdirSync(controlFolder()).flatMap((name) =>
    name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : [],
  )
}

/** An end that is gone, with lines unread, is an error of the reader too, and one that nobody listens to ends the process. */
function linesOf(socket: Socket, onLine: (line: string) => void): void {
  createInterface(socket)
    .on('line', onLine)
    .on('error', () => {})
}

/** null: the run was cut off in the middle of it. */
function lineOf(text: string): FeedLine | null {
  try {
    return JSON.parse(text) as FeedLine
  } catch {
    return null
  }
}

/** One who watches. */
export interface Watcher {
  stop(): void
  close(): void
}

/** Listens to a run; `onEnd` is called once, also where there is no such run. */
export function watchRun(runId: string, onLine: (line: FeedLine) => void, onEnd: () => void): Watcher {
  const path = join(controlFolder(), `${runId}${SUFFIX}`)
  const socket = createConnection(path)
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'ECONNREFUSED') removeDead(path)
  })
  socket.on('close', onEnd)
  linesOf(socket, (text) => {
    const line = lineOf(text)
    if (line !== null) onLine(line)
  })
  return { stop: () => socket.write('stop\n'), close: () => socket.destroy() }
}
