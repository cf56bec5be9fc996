import type { TableReport } from './report.js'

/** How often what is done is noted while tables end one after another. */
const NOTE_MS = 1_000

/** What a history says of a run: while it lasts, and in its report. Earlier reports, and those of one table, have none of it. */
interface Noted {
  readonly mode?: string
  readonly tables?: readonly Pick<TableReport, 'table' | 'status' | 'runId'>[]
  readonly doneBefore?: readonly string[]
}

/** The tables that a run has copied so far, noted for whoever goes on with it. */
export class DoneTables {
  readonly #mode: string
  readonly #before: ReadonlySet<string>
  readonly #note: (noted: object) => Promise<void>
  readonly #tables: NonNullable<Noted['tables']>[number][] = []
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()
  #last = -Infinity

  /** `before`: those that an earlier run had copied. */
  constructor(mode: string, before: ReadonlySet<string>, note: (noted: object) => Promise<void>) {
    this.#mode = mode
    this.#before = before
    this.#note = note
  }

  add({ table, status, runId }: TableReport): void {
    if (status !== 'success') return
    this.#tables.push({ table, status, runId })
    const wait = this.#last + NOTE_MS - performance.now()
    this.#timer ??= setTimeout(() => this.#write(), Math.max(0, wait))
  }

  /** Resolves when nothing is being noted any more: the report of the run says the same. */
  async end(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#writing
  }

  #write(): void {
    this.#timer = null
    this.#last = performance.now()
    const noted = { mode: this.#mode, tables: [...this.#tables], doneBefore: [...this.#before] }
    this.#writing = this.#writing.then(() => this.#note(noted))
  }

  /** Tables that were copied by the end of a run, or by its last note. */
  static namesIn(report: string | null): ReadonlySet<string> {
    const { mode, doneBefore = [] } = parsed(report)
    return mode === 'init'
      ? new Set([...doneBefore, ...succeeded(report).map(({ table }) => table)])
      : new Set()
  }

  /** The runs of these tables. */
  static runsIn(report: string | null): ReadonlySet<string> {
    return new Set(succeeded(report).flatMap(({ runId }) => runId ?? []))
  }
}

function succeeded(report: string | null): NonNullable<Noted['tables']> {
  return (parsed(report).tables ?? []).filter(({ status }) => status === 'success')
}

function parsed(report: string | null): Noted {
  return report === null ? {} : (JSON.parse(report) as Noted)
}
