import { RawRows } from '../../wire/raw-rows.js'
import { cellsOf, readRowName } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { ExecutionMarker } from './execution-marker.js'
import { counted } from '../../wire/counted.js'

const LOOK_MS = 200
/** How long a function may go on when the run is to stop. */
const STOP_MS = 5_000

export interface WatchOptions {
  readonly plan: RunPlan
  readonly isAlive: (thread: number) => boolean
  /** A thread will not come back by itself. */
  readonly onOverdue: (thread: number) => void
}

interface Watched {
  readonly slot: ExecutionMarker
  entered: number | null
  since: number
  /** It has been in the function for too long. */
  overdue: RowshiftError | null
}

/** Looks after the threads while they are in a user's function: one that is in it for too long can only be ended from outside. */
export class TransformWatch {
  readonly #options: WatchOptions
  readonly #limit: number
  readonly #threads = new Map<number, Watched>()
  readonly #timer: NodeJS.Timeout
  #stopping: number | null = null
  /** All jobs that a thread had in hand fail with the same thing, each in its turn. */
  #last: { readonly death: unknown; readonly error: RowshiftError } | null = null

  constructor(options: WatchOptions) {
    this.#options = options
    this.#limit = options.plan.pipeline!.transform!.timeout * 1000
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  add(thread: number, memory: SharedArrayBuffer): void {
    this.#threads.set(thread, { slot: new ExecutionMarker(memory), entered: null, since: 0, overdue: null })
  }

  /** The run is to stop. */
  requestStop(): void {
    this.#stopping ??= performance.now()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Why a thread died, if a user's function had a part in it. */
  attribute(death: unknown): RowshiftError {
    if (this.#last !== null && this.#last.death === death) return this.#last.error
    const dead = [...this.#threads].find(([thread]) => !this.#options.isAlive(thread))
    const error = dead?.[1].overdue ?? this.#ended(death, dead?.[1].slot)
    this.#last = { death, error }
    // Others may die too.
    if (dead) this.#threads.delete(dead[0])
    return error
  }

  #ended(death: unknown, slot: ExecutionMarker | undefined): RowshiftError {
    const reason = death instanceof Error ? death.message : String(death)
    const at = slot && slot.entered !== null ? this.#currentRow(slot) : null
    const where = at === null ? '' : ` while its function was ${at.text}`
    return new RowshiftError(
      'TRANSFORM_FAILED',
      `A thread with the transform ${this.#module} ended${where}: ${reason}. ${adviceFor(reason)} What was not committed is rolled back.`,
      { module: this.#module, ...at?.details },
      death,
    )
  }

  get #module(): string {
    return this.#options.plan.pipeline!.transform!.module
  }

  #look(): void {
    const now = performance.now()
    for (const [thread, watched] of this.#threads) {
      const { entered } = watched.slot
      if (entered !== watched.entered) {
        watched.entered = entered
        watched.since = now
      }
      if (entered === null || watched.overdue || !this.#overdue(watched.since, now)) continue
      watched.overdue = this.#tooLong(watched.slot)
      this.#options.onOverdue(thread)
    }
  }

  #overdue(since: number, now: number): boolean {
    const stopping = this.#stopping !== null && now - Math.max(since, this.#stopping) > STOP_MS
    return stopping || now - since > this.#limit
  }

  #tooLong(slot: ExecutionMarker): RowshiftError {
    const at = this.#currentRow(slot)
    return new RowshiftError(
      'TRANSFORM_TIMEOUT',
      `The transform ${this.#module} did not come back within ${this.#limit / 1000} s while it was ${at.text}. Its thread was ended; what was not ` +
        'committed is rolled back. Look for a loop that does not end, or raise transform_timeout.',
      { module: this.#module, timeout: this.#limit / 1000, ...at.details },
    )
  }

  /** Which row it is, as well as can be known. */
  #currentRow(slot: ExecutionMarker): { text: string; details: Record<string, number | readonly string[]> } {
    const { plan } = this.#options
    const { split, batch, row } = slot.call
    if (split < 0) return { text: 'being loaded', details: {} }
    const of = `split ${split} of ${plan.read.table.table}`
    if (batch === null) return { text: `at ${of}`, details: { split } }
    const rows = new RawRows(plan.pipeline!.reads.length)
    rows.take(batch)
    const key = readRowName(plan, cellsOf(rows.row(row ?? 0)))
    const text = row === null ? `at ${counted(batch.rows, 'row')} from that` : 'at the row'
    return { text: `${text} with ${key.join(', ')}, in ${of}`, details: { split, key } }
  }
}

function adviceFor(reason: string): string {
  return reason.includes('memory')
    ? 'Let the function keep less, give threads more (NODE_OPTIONS=--max-old-space-size=MEGABYTES), or make splits smaller ("read_batch").'
    : 'Look for process.exit(), and for errors that are thrown in timers or by promises that nobody waits for.'
}
