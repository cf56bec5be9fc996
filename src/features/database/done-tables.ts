import type { CopySubject, DoneTable, EarlierCopy } from './done-table.js'
import { countsOf, type TableCounts, type TableReport } from './report.js'
import type { SelectedTable } from './selection.js'

/** How often what is done is noted while tables end one after another. */
const NOTE_MS = 1_000

/** What a history says of a run: while it lasts, and in its report. Earlier reports, and those of one table, have none of it. */
interface Noted {
  readonly mode?: string
  readonly tables?: readonly (Pick<TableReport, 'table' | 'status' | 'runId' | 'rows'> & {
    readonly counts?: TableCounts
  })[]
  readonly done?: readonly DoneTable[]
}

/** The tables that a run has copied so far, noted for whoever goes on with it. */
export class DoneTables {
  readonly #mode: string
  /** null: there is no earlier run to go on with. */
  readonly #before: ReadonlyMap<string, DoneTable> | null
  readonly #subjectOf: (table: SelectedTable) => CopySubject
  readonly #note: (noted: object) => Promise<void>
  readonly #tables: NonNullable<Noted['tables']>[number][] = []
  /** Like `#before`, by the ends of each table: under another name in the target it is not done. */
  readonly #done: Map<string, DoneTable>
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()
  #last = -Infinity

  /** `before`: those that an earlier run had copied; null: there is none to go on with. */
  constructor(
    mode: string,
    before: readonly DoneTable[] | null,
    subjectOf: (table: SelectedTable) => CopySubject,
    note: (noted: object) => Promise<void>,
  ) {
    this.#mode = mode
    this.#before = before && new Map(before.map((one) => [one.ends, one]))
    this.#done = new Map(this.#before)
    this.#subjectOf = subjectOf
    this.#note = note
  }

  /** All that are done by now, in earlier runs, too. */
  get all(): readonly DoneTable[] {
    return [...this.#done.values()]
  }

  /** Of a full copy: it may be killed before its first table, and a run after it is not to go on with the one before. */
  async begin(): Promise<void> {
    if (this.#mode !== 'init') return
    this.#write()
    await this.#writing
  }

  /** It was noted elsewhere that the run has begun: what it has done meanwhile is noted a while later. */
  begun(): void {
    this.#last = performance.now()
  }

  /** Before rows of these tables are written: who is killed on the way is not to leave them as done, however many rows they have by then. */
  forget(tables: readonly SelectedTable[]): boolean {
    return tables.filter((table) => this.#done.delete(this.#subjectOf(table).ends)).length > 0
  }

  /** null: there is no earlier run. One that has noted nothing of the table may have written to it all the same. */
  earlier(table: SelectedTable): EarlierCopy | null {
    if (this.#before === null) return null
    const { ends, rows } = this.#subjectOf(table)
    const found = this.#before.get(ends)
    if (found === undefined) return { written: null, isSame: true }
    return { written: found.written, isSame: found.rows === rows }
  }

  add({ table, to, status, runId, rows: written, run }: TableReport): void {
    if (status !== 'success') return
    this.#tables.push({ table, status, runId, rows: written, ...(run && { counts: countsOf(run) }) })
    const subject = this.#subjectOf({ from: table, to })
    // One that only got its indexes has the rows that an earlier run has noted.
    if (run !== null) this.#done.set(subject.ends, { table, written, ...subject })
    this.#noteSoon()
  }

  #noteSoon(): void {
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
    const noted: Noted = { mode: this.#mode, tables: [...this.#tables], done: this.all }
    this.#writing = this.#writing.then(() => this.#note(noted))
  }

  /** Tables that were copied by the end of a run, or by its last note. */
  static of(report: string | null): readonly DoneTable[] {
    const { mode, done = [] } = parsed(report)
    return mode === 'init' ? done : []
  }

  /** The runs of these tables. */
  static runsIn(report: string | null): ReadonlySet<string> {
    const { tables = [] } = parsed(report)
    return new Set(tables.flatMap(({ status, runId }) => (status === 'success' ? (runId ?? []) : [])))
  }
}

function parsed(report: string | null): Noted {
  return report === null ? {} : (JSON.parse(report) as Noted)
}
