/** A worker: takes part in every run that it hears of, with the same threads. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Config } from '../../config/config.js'
import { RowshiftError } from '../../contract/errors.js'
import { pause, within } from '../../contract/waiting.js'
import { findConnections } from './connection-needs.js'
import type { HostBeat } from './host-beat.js'
import { BEAT_MS, EVERY_RUN } from './host-beat.js'
import { hashOf, readRecord, type RunRecord } from './run-record.js'
import { ServedRun, type ServedOptions } from './served-run.js'
import { passes } from './store-errors.js'
import type { CoordinatorBeat, HostStore } from './store.js'
import { threadSetup } from './thread-setup.js'

/** A run that is cancelled is to be given up within two seconds. */
const LOOK_MS = 500
/** A coordinator that has been silent for so long has died. */
const FORGOTTEN_MS = 120_000
/** When its last beat has expired, or the store has lost it, it has so long for another one before nothing new begins. */
const REST_MS = 5_000
const LEAVE_MS = 2_000
/** A database that could not be reached is tried again. */
const AGAIN_MS = 5_000

export interface ServeOptions {
  readonly store: HostStore
  readonly threads: number
  readonly lockMs: number
  /** Read when a run needs it. */
  readonly config: () => Config
  /** What is to be told to whoever looks after the worker. */
  readonly onNotice: (text: string) => void
}

/** Until the signal aborts. Throws what keeps the worker from hearing of runs. */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const host = new Host(options)
  try {
    while (!signal.aborted) {
      await host.look()
      await pause(LOOK_MS, signal)
    }
  } finally {
    await host.close()
  }
}

interface Served {
  /** null: this worker takes no part in it, or not yet. */
  run: ServedRun | null
  readonly planHash: string
  /** Why it takes no part; null: it does, or that is not known yet. */
  refused: RowshiftError | null
  /** Ends the attempts to take part. */
  readonly end: AbortController
  /** By `performance`; when its coordinator was heard last, while the store was there. */
  heardAt: number
  /** What that said. */
  tables: CoordinatorBeat['tables']
}

class Host {
  readonly #options: ServeOptions
  readonly #id = `${process.pid}-${randomBytes(3).toString('hex')}`
  readonly #name = `${hostname()}:${process.pid}`
  readonly #served = new Map<string, Served>()
  readonly #closing = new Set<Promise<void>>()
  #greetAt = 0
  #wasLost = false

  constructor(options: ServeOptions) {
    this.#options = options
  }

  async look(): Promise<void> {
    if (this.#options.store.lostMs > 0) return this.#tellLost(true)
    try {
      await this.#lookNow()
      this.#tellLost(false)
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      if (!passes(error)) throw error
      this.#greetAt = 0
      this.#tellLost(true)
    }
  }

  async #lookNow(): Promise<void> {
    const { store } = this.#options
    const runs = await store.runs()
    // Coordinators may have been cut off as well: they get as much time as we had.
    if (this.#wasLost) for (const served of this.#served.values()) served.heardAt = performance.now()
    for (const [run, beat] of runs) if (beat !== null) await this.#hear(run, beat)
    for (const [run, served] of this.#served) this.#watch(run, served, runs.get(run) ?? null)
    if (performance.now() < this.#greetAt) return
    this.#greetAt = performance.now() + BEAT_MS
    await store.greet(EVERY_RUN, this.#id, this.#beat(this.#options.threads))
    for (const [run, served] of this.#served) {
      const beat = this.#beatOf(served)
      if (beat !== null) await store.greet(run, this.#id, beat)
    }
  }

  /** The jobs in hand come to their end first. */
  async close(): Promise<void> {
    const runs = [...this.#served.keys()]
    for (const run of runs) this.#end(run)
    await Promise.all(this.#closing)
    const { store } = this.#options
    await within(LEAVE_MS, Promise.all([EVERY_RUN, ...runs].map((run) => store.leave(run, this.#id))))
  }

  async #hear(run: string, { state, planHash, tables }: CoordinatorBeat): Promise<void> {
    const known = this.#served.get(run)
    if (known !== undefined && known.planHash === planHash) {
      known.heardAt = performance.now()
      known.tables = tables
      return
    }
    if (known !== undefined) this.#end(run)
    if (state !== 'running') return
    const text = await this.#options.store.record(run)
    // One that is not the one meant is on its way, or gone.
    if (text === null || hashOf(text) !== planHash) return
    const heardAt = performance.now()
    const end = new AbortController()
    const served: Served = { run: null, planHash, refused: null, end, heardAt, tables }
    this.#served.set(run, served)
    this.#untilClosed(this.#take(run, served, text))
  }

  /** Looks at all that the run needs here. Meanwhile other runs go on: databases may take a while to answer, or be away. Never throws. */
  async #take(run: string, served: Served, text: string): Promise<void> {
    const { signal } = served.end
    while (!signal.aborted && served.run === null) {
      try {
        const options = await this.#optionsFor(run, text, served)
        if (signal.aborted) return
        served.run = new ServedRun(options)
        served.refused = null
        this.#options.onNotice(`takes part in run ${run}`)
      } catch (thrown) {
        if (signal.aborted) return
        const refused = RowshiftError.from(thrown)
        if (refused.message !== served.refused?.message)
          this.#options.onNotice(`cannot take part in run ${run}: ${refused.message}`)
        served.refused = refused
      }
      this.#greetAt = 0
      this.#share()
      if (served.refused?.retryable === false) return
      if (served.run === null) await pause(AGAIN_MS, signal)
    }
  }

  async #optionsFor(run: string, text: string, served: Served): Promise<ServedOptions> {
    const { store, threads, lockMs, config } = this.#options
    const { planHash, end } = served
    const record = readRecord(text)
    const found = await findConnections(record.connections, config)
    // Of several tables, the first one may be copied by now, and another one since.
    const looked = record.ofTables ? await this.#recordUnderWay(served) : record
    const setup = await threadSetup(looked, found, threads, end.signal)
    const isAlone = async () => {
      const others = [...(await store.hosts<HostBeat>(run))].filter(([id]) => id !== this.#id)
      return others.every(([, { refused }]) => refused !== null)
    }
    const onRefused = (error: RowshiftError) => {
      this.#options.onNotice(`takes no part in run ${run} any more: ${error.message}`)
      this.#greetAt = 0
      this.#share()
    }
    const greet = (beat: HostBeat) => store.greet(run, this.#id, beat)
    const own = { store, threads, lockMs, name: this.#name, greet, isAlone, onRefused }
    return { ...own, record, planHash, found, setup }
  }

  /** Of a table that is under way; as long as none is, no worker is needed. */
  async #recordUnderWay(served: Served): Promise<RunRecord> {
    const { signal } = served.end
    for (;;) {
      signal.throwIfAborted()
      const table = Object.entries(served.tables).find(([, state]) => state === 'running')?.[0]
      const text = table === undefined ? null : await this.#options.store.record(table).catch(() => null)
      if (text !== null) return readRecord(text)
      await pause(LOOK_MS, signal)
    }
  }

  #watch(run: string, { run: served, end, heardAt }: Served, beat: CoordinatorBeat | null): void {
    if (beat?.state === 'stopping') {
      end.abort()
      return served?.abort()
    }
    if (beat?.state === 'ended') return this.#end(run)
    if (beat !== null) served?.heard(beat.tables)
    const silent = performance.now() - heardAt
    if (silent > FORGOTTEN_MS) return this.#end(run)
    if (beat === null && silent <= REST_MS) return
    if (served === null || served.refused !== null || served.resting === (beat === null)) return
    if (beat === null) served.rest()
    else served.goOn()
    this.#share()
  }

  #end(run: string): void {
    const served = this.#served.get(run)
    this.#served.delete(run)
    served?.end.abort()
    if (!served?.run) return
    this.#untilClosed(served.run.close())
    this.#share()
  }

  #untilClosed(work: Promise<void>): void {
    const closing = work.finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Among the runs that there are. */
  #share(): void {
    const runs = [...this.#served.values()].flatMap(({ run }) => (run && !run.resting ? run : []))
    const threads = Math.max(1, Math.floor(this.#options.threads / Math.max(1, runs.length)))
    for (const run of runs) run.allow(threads)
  }

  /** null: it is not known yet whether this worker takes part. */
  #beatOf({ run, refused }: Served): HostBeat | null {
    if (run !== null) return run.beat()
    return refused && { ...this.#beat(0), refused: refused.report() }
  }

  /** Of a worker that does nothing. */
  #beat(threads: number): HostBeat {
    return { name: this.#name, threads, rowsPerSecond: 0, active: [], refused: null }
  }

  #tellLost(lost: boolean): void {
    if (lost === this.#wasLost) return
    this.#wasLost = lost
    const { store, onNotice } = this.#options
    onNotice(lost ? `has lost ${store.where}, and waits for it` : `has reached ${store.where} again`)
  }
}
