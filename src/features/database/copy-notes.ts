/** What a copy between two URLs notes in its target: which tables are done, for whoever goes on with it. Of a task, the history knows that. */
import { setTimeout } from 'node:timers/promises'
import { RowshiftError } from '../../contract/errors.js'
import type { Checkpoints } from '../../contract/plugin.js'
import { log } from '../../log.js'
import type { CopyNote, FoundNote } from './copy-note.js'
import {
  asksForAllOf,
  endsOf,
  findNotes,
  FORMAT,
  ifThere,
  isWhole,
  listNotes,
  OF_DATABASE,
  subjectOf,
  updateAll,
  using,
  withDone,
} from './copy-note.js'
import type { DoneTable } from './done-table.js'
import { rowsDigest } from './done-table.js'
import { DoneTables } from './done-tables.js'
import type { DatabaseReport, TableReport } from './report.js'
import type { DatabaseRequest } from './request.js'
import { repeatsWork } from './request.js'
import { leavesSchema } from './schema-left.js'
import type { SelectedTable } from './selection.js'

const ATTEMPTS = 3
const PAUSE_MS = 500

type Copy = (request: DatabaseRequest, onTable: (table: TableReport) => void) => Promise<DatabaseReport>

/** Copies, and goes on with copies of the same databases that have not come to their end. Throws what keeps their notes from being read. */
export async function withNotes(
  request: DatabaseRequest,
  signal: AbortSignal,
  copy: Copy,
): Promise<DatabaseReport> {
  if (!mayEnd(request)) return copy(request, () => {})
  const earlier = await earlierNotes(request, signal)
  const notes = new CopyNotes(request, earlier)
  if (!isNoted(request)) {
    if (earlier.length === 0) return copy(request, () => {})
    const begun = { ...request, beforeRows: (tables: readonly SelectedTable[]) => notes.withdraw(tables) }
    const ended = await copy(begun, () => {})
    return ended.status === 'success' ? whenForgotten(ended, await notes.forget([])) : ended
  }
  const done = doneTables(request, earlier, (all) => notes.write(all))
  const beforeRows = async (tables: readonly SelectedTable[]) => {
    done.forget(tables)
    await notes.withdraw(tables)
    await notes.begin(done.all)
    done.begun()
  }
  const ofTable = (table: SelectedTable) => ({
    memory: { succeeded: async () => false, keep: (run: string) => notes.keep(run, table) },
  })
  const asked = { ...goingOn(request, earlier, done), beforeRows, ofTable }
  const report = await copy(asked, (table) => done.add(table))
  await done.end()
  if (report.status === 'success') return whenForgotten(report, await notes.forget(done.all))
  if (earlier.length === 0 && !report.targetChanged) await notes.forget([])
  else await notes.write(done.all, leftOf(request, report))
  return report
}

/** A note that stays would make the next copy leave out tables that this one has copied. */
function whenForgotten(report: DatabaseReport, failure: RowshiftError | null): DatabaseReport {
  if (failure === null) return report
  const message = `All is copied, but the note of what was done could not be removed: ${failure.message} The same command again removes it; until then a copy leaves these tables out.`
  const error = new RowshiftError(failure.code, message, failure.details).report()
  return { ...report, status: 'failed', error }
}

function leftOf(request: DatabaseRequest, report: DatabaseReport): readonly string[] | null {
  if (leavesSchema(report)) return null
  const { tables } = report
  const left = tables.filter(({ status }) => status !== 'success')
  return left.map(({ table: from, to }) => subjectOf(request, { from, to }).ends)
}

/** The same for whoever wants to know what a copy would do. */
export async function asNoted(request: DatabaseRequest, signal: AbortSignal): Promise<DatabaseRequest> {
  if (!isNoted(request)) return request
  const earlier = await earlierNotes(request, signal)
  return goingOn(
    request,
    earlier,
    doneTables(request, earlier, async () => {}),
  )
}

function goingOn(request: DatabaseRequest, earlier: readonly FoundNote[], done: DoneTables): DatabaseRequest {
  const goesOn = earlier.length > 0 && request.restart !== true
  return goesOn ? { ...request, doneBefore: (table) => done.earlier(table) } : request
}

/** A fault that passes is not to be taken for a target without notes. What stays keeps the copy from beginning, too, which says so. */
async function earlierNotes(request: DatabaseRequest, signal: AbortSignal): Promise<readonly FoundNote[]> {
  return findNotes(request, signal).catch((thrown: unknown) => {
    const error = RowshiftError.from(thrown)
    if (error.retryable || error.code === 'INTERNAL' || signal.aborted) throw error
    return []
  })
}

function doneTables(
  request: DatabaseRequest,
  earlier: readonly FoundNote[],
  write: (done: readonly DoneTable[]) => Promise<unknown>,
): DoneTables {
  // The newest comes last, and counts.
  const before = request.restart === true ? [] : earlier.toReversed().flatMap(({ done }) => done)
  const done: DoneTables = new DoneTables(
    'init',
    before,
    (table) => subjectOf(request, table),
    async () => void (await write(done.all)),
  )
  return done
}

/** A full copy of rows, whose success another one may have waited for. */
function mayEnd({ params, only, fromTarget }: DatabaseRequest): boolean {
  return only === undefined && !fromTarget && params.mode === 'init'
}

/** A full copy that would fail on rows that are there, or repeat them. What repeats nothing brings the rows as they are now. */
function isNoted(request: DatabaseRequest): boolean {
  return mayEnd(request) && repeatsWork(request.params)
}

class CopyNotes {
  readonly #request: DatabaseRequest
  /** Of copies that are to go on after this one. */
  readonly #others: readonly FoundNote[]
  /** Of copies whose place this one takes. */
  #replaced: readonly FoundNote[]
  /** Runs of tables that are done, by the ends of these, until that is noted; null: an earlier copy has noted it. */
  readonly #remnants: Map<string, string | null>
  #begun = false

  constructor(request: DatabaseRequest, earlier: readonly FoundNote[]) {
    this.#request = request
    this.#others = earlier.filter((note) => !asksForAllOf(request, note))
    this.#replaced = earlier.filter((note) => asksForAllOf(request, note))
    this.#remnants = new Map(earlier.flatMap(({ remnants }) => remnants.map((run) => [run, null])))
  }

  keep(run: string, table: SelectedTable): void {
    this.#remnants.set(run, subjectOf(this.#request, table).ends)
  }

  /** Before rows of these tables are written: no note is to say that they are done, however many rows they have by then. */
  async withdraw(tables: readonly SelectedTable[]): Promise<void> {
    const ends = new Set(tables.map((table) => subjectOf(this.#request, table).ends))
    const without = (note: FoundNote) => ({ ...note, done: note.done.filter((one) => !ends.has(one.ends)) })
    const earlier = [...this.#others, ...this.#replaced]
    if (earlier.length > 0)
      await this.#must(async (checkpoints) =>
        updateAll(checkpoints, await this.#byNow(checkpoints, earlier), without),
      )
  }

  /** Other copies of the same databases may be at work, and note what they do. */
  async #byNow(checkpoints: Checkpoints, earlier: readonly FoundNote[]): Promise<readonly FoundNote[]> {
    const runs = new Set(earlier.map(({ run }) => run))
    return (await listNotes(checkpoints, this.#request)).filter(({ run }) => runs.has(run))
  }

  /** Before the first row. Throws what keeps it from being noted, but where this user never can. */
  async begin(done: readonly DoneTable[]): Promise<void> {
    await this.#must((checkpoints) => this.#write(checkpoints, done, null))
  }

  /** What cannot be noted does not end the copy. */
  async write(done: readonly DoneTable[], left: readonly string[] | null = null): Promise<void> {
    if (!this.#begun) return
    await this.#try((checkpoints) => this.#write(checkpoints, done, left))
  }

  async #write(
    checkpoints: Checkpoints,
    done: readonly DoneTable[],
    left: readonly string[] | null,
  ): Promise<void> {
    const { runId: run, selection, params, objects = null } = this.#request
    const creates = params.schemaSaveMode !== 'error_when_not_exist'
    const [ends, rows, remnants] = [endsOf(this.#request), rowsDigest(params), this.#remnantsOf(done)]
    const { consistency } = params
    const what = { selection, rows, consistency, creates, objects, done, remnants, left }
    const state = JSON.stringify({ format: FORMAT, ends, ...what } satisfies CopyNote)
    const begin = async () => {
      // Of an attempt whose answer was lost.
      await checkpoints.end(run)
      await checkpoints.begin({ run, table: OF_DATABASE, state, supersedes: false })
    }
    // Another copy of the same databases may have taken it for one that did not end.
    if (this.#begun) await ifThere(checkpoints.update({ run, attempt: 1, state }), begin)
    else await begin()
    this.#begun = true
    await this.#endReplaced(checkpoints)
    for (const each of remnants) await checkpoints.end(each)
    for (const each of remnants) this.#remnants.delete(each)
  }

  /** A table may have ended since it was asked which ones are done. */
  #remnantsOf(done: readonly DoneTable[]): readonly string[] {
    const ends = new Set(done.map((one) => one.ends))
    return [...this.#remnants].flatMap(([run, table]) => (table === null || ends.has(table) ? run : []))
  }

  async #endReplaced(checkpoints: Checkpoints): Promise<void> {
    for (const { run } of this.#replaced) await checkpoints.end(run)
    this.#replaced = []
  }

  /** The copy has come to its end, and all of these are done: others need not copy them. Resolves to why that could not be noted. */
  async forget(done: readonly DoneTable[]): Promise<RowshiftError | null> {
    const own = this.#begun ? [this.#request.runId] : []
    if (this.#others.length + this.#replaced.length + this.#remnants.size + own.length === 0) return null
    return this.#try(async (checkpoints) => {
      const others = await this.#byNow(checkpoints, this.#others)
      const changed = await updateAll(checkpoints, others, (note) => withDone(note, done, this.#request))
      // Without the checkpoints of a table, only the note says that it is done.
      if (this.#begun && this.#remnants.size > 0) await this.#write(checkpoints, done, null)
      for (const run of this.#remnants.keys()) await checkpoints.end(run)
      await this.#endReplaced(checkpoints)
      const ended = changed.filter(isWhole).map(({ run }) => run)
      for (const run of [...ended, ...own]) await checkpoints.end(run)
    })
  }

  /** Whoever may not write notes at all copies without. */
  async #must(work: (checkpoints: Checkpoints) => Promise<unknown>): Promise<void> {
    const failure = await this.#try(work)
    if (failure === null) return
    if (!failure.retryable && this.#others.length + this.#replaced.length === 0) return
    const { code, message, details } = failure
    throw new RowshiftError(code, `${message} No row was copied, since that could not be noted.`, details)
  }

  /**
   * Over a connection of its own, since those of the copy are at work; without a signal, so that Ctrl-C leaves a note. What cannot be noted is tried again, since
   * the next note may be far away. Resolves to why it could not be done.
   */
  async #try(work: (checkpoints: Checkpoints) => Promise<unknown>): Promise<RowshiftError | null> {
    for (let left = ATTEMPTS - 1; ; left--) {
      const failure = await using(this.#request, undefined, async (checkpoints) => {
        await work(checkpoints)
        return []
      }).then(
        () => null,
        (thrown: unknown) => RowshiftError.from(thrown),
      )
      if (failure === null) return null
      log.warn({ runId: this.#request.runId }, `which tables are done could not be noted: ${failure.message}`)
      if (!failure.retryable || left === 0) return failure
      await setTimeout(PAUSE_MS)
    }
  }
}
