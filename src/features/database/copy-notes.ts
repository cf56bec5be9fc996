/** What a copy between two URLs notes in its target: which tables are done, for whoever goes on with it. Of a task, the history knows that. */
import { setTimeout } from 'node:timers/promises'
import { placeOf } from '../../config/plugins.js'
import { RowshiftError } from '../../contract/errors.js'
import { closeAll, openAll } from '../../contract/opening.js'
import type { Checkpoints, Definer } from '../../contract/plugin.js'
import { endpointsOf, writersOf } from '../../engine/endpoints.js'
import { log } from '../../log.js'
import type { CopySubject, DoneTable } from './done-table.js'
import { rowsDigest, subjectDigest } from './done-table.js'
import { DoneTables } from './done-tables.js'
import type { DatabaseReport, TableReport } from './report.js'
import type { DatabaseRequest } from './request.js'
import { repeatsWork } from './request.js'
import type { SelectedTable, SelectionRequest } from './selection.js'

/** Stands for a table in the row of the copy, among the checkpoints of the target. */
const OF_DATABASE = 'rowshift_database'
const FORMAT = 1
const ATTEMPTS = 3
const PAUSE_MS = 500

/** What a copy was asked for, and has done. Without secrets. */
export interface CopyNote {
  readonly format: typeof FORMAT
  /** A digest of the databases. */
  readonly ends: string
  readonly selection: SelectionRequest
  readonly creates: boolean
  readonly objects: Definer | null
  readonly done: readonly DoneTable[]
  /** Tables of a run that has ended that are not done; null: it has not ended, or was killed. */
  readonly left: readonly string[] | null
}

export interface FoundNote extends CopyNote {
  readonly run: string
}

type Copy = (request: DatabaseRequest, onTable: (table: TableReport) => void) => Promise<DatabaseReport>

/** Copies, and goes on with a copy of the same databases that has not come to its end. */
export async function withNotes(
  request: DatabaseRequest,
  signal: AbortSignal,
  copy: Copy,
): Promise<DatabaseReport> {
  if (!isNoted(request)) return copy(request, () => {})
  const earlier = await earlierNotes(request, signal)
  const notes = new CopyNotes(request, earlier)
  const done = doneTables(request, earlier, (all) => notes.write(all))
  done.beginLater()
  const memory = { succeeded: async () => false, keep: (run: string) => notes.keep(run) }
  const asked: DatabaseRequest = { ...goingOn(request, earlier, done), ofTable: () => ({ memory }) }
  const report = await copy(asked, (table) => done.add(table))
  await done.end()
  const isDone = (name: string) => done.all.some(({ table }) => table === name)
  const [last] = earlier
  const isWhole = last === undefined || holdsAll(request.selection, last, isDone)
  if (report.status === 'success' && isWhole) await notes.forget()
  else if (done.all.length > 0)
    await notes.write(
      done.all,
      leftOf(report, last).filter((name) => !isDone(name)),
    )
  return report
}

/** Of some tables, the others of the earlier copy may be left. */
function holdsAll(
  asked: SelectionRequest,
  { selection, left }: CopyNote,
  isDone: (table: string) => boolean,
): boolean {
  const isSame = JSON.stringify(asked) === JSON.stringify(selection)
  return isSame || asked.tables.length + asked.exclude.length === 0 || left?.every(isDone) === true
}

function leftOf({ tables }: DatabaseReport, last: FoundNote | undefined): readonly string[] {
  return [...new Set([...tables.map(({ table }) => table), ...(last?.left ?? [])])]
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
  return earlier.length === 0 ? request : { ...request, doneBefore: (table) => done.earlier(table) }
}

/** Whatever keeps them from being read keeps the copy from beginning, too, which says so. */
async function earlierNotes(request: DatabaseRequest, signal: AbortSignal): Promise<readonly FoundNote[]> {
  return request.restart ? [] : findNotes(request, signal).catch(() => [])
}

function doneTables(
  request: DatabaseRequest,
  [last]: readonly FoundNote[],
  write: (done: readonly DoneTable[]) => Promise<void>,
): DoneTables {
  const subjectOf = ({ from, to }: SelectedTable): CopySubject => ({
    ends: subjectDigest([endsOf(request), from, to]),
    rows: rowsDigest(request.params),
  })
  const done: DoneTables = new DoneTables('init', last?.done ?? null, subjectOf, () => write(done.all))
  return done
}

/** What copies of these databases have noted that have not come to their end, the last one first. */
export async function findNotes(
  request: DatabaseRequest,
  signal: AbortSignal,
): Promise<readonly FoundNote[]> {
  const ends = endsOf(request)
  const found = await using(request, signal, async (checkpoints) => checkpoints.list(OF_DATABASE))
  return found.flatMap(({ run, state }) => {
    const note = JSON.parse(state) as CopyNote
    return note.format === FORMAT && note.ends === ends ? [{ ...note, run }] : []
  })
}

/** A full copy that would fail on rows that are there, or repeat them. Of a snapshot the moment is gone, and what repeats nothing brings the rows as they are now. */
function isNoted({ params, only, fromTarget }: DatabaseRequest): boolean {
  return (
    only === undefined &&
    !fromTarget &&
    params.mode === 'init' &&
    params.consistency === 'split' &&
    repeatsWork(params)
  )
}

/** What a user of the source sees may depend on who that is; who may not write goes on as another user. */
function endsOf({ from, to }: DatabaseRequest): string {
  return subjectDigest([
    from.loaded.plugin.describeConnection(from.connection),
    placeOf(to.loaded.plugin, to.connection),
  ])
}

class CopyNotes {
  readonly #request: DatabaseRequest
  readonly #earlier: readonly FoundNote[]
  /** Of tables that are done, until that is noted. */
  #remnants: string[] = []
  #begun = false

  constructor(request: DatabaseRequest, earlier: readonly FoundNote[]) {
    this.#request = request
    this.#earlier = earlier
  }

  keep(run: string): void {
    this.#remnants.push(run)
  }

  /** What cannot be noted does not end the copy. */
  write(done: readonly DoneTable[], left: readonly string[] | null = null): Promise<void> {
    const { runId: run, selection, params, objects = null } = this.#request
    const creates = params.schemaSaveMode !== 'error_when_not_exist'
    const [ends, noted] = [endsOf(this.#request), [...this.#remnants]]
    const note = { format: FORMAT, ends, selection, creates, objects, done, left } satisfies CopyNote
    const state = JSON.stringify(note)
    return this.#try(async (checkpoints) => {
      const begin = () => checkpoints.begin({ run, table: OF_DATABASE, state, supersedes: false })
      if (!this.#begun) {
        await begin()
        this.#begun = true
        for (const earlier of this.#earlier) await checkpoints.end(earlier.run)
      } else
        await checkpoints.update({ run, attempt: 1, state }).catch((thrown: unknown) => {
          // Another copy of the same databases has taken it for one that did not end.
          if (RowshiftError.from(thrown).code !== 'RUN_TAKEN') throw thrown
          return begin()
        })
      for (const each of noted) await checkpoints.end(each)
      this.#remnants = this.#remnants.filter((each) => !noted.includes(each))
    })
  }

  /** The copy has come to its end. */
  async forget(): Promise<void> {
    const own = this.#begun ? [this.#request.runId] : []
    const left = [...own, ...this.#earlier.map(({ run }) => run), ...this.#remnants]
    if (left.length === 0) return
    await this.#try(async (checkpoints) => {
      for (const run of left) await checkpoints.end(run)
    })
  }

  /**
   * Over a connection of its own, since those of the copy are at work; without a signal, so that Ctrl-C leaves a note. What cannot be noted is tried again, since
   * the next note may be far away.
   */
  async #try(work: (checkpoints: Checkpoints) => Promise<void>): Promise<void> {
    const attempt = () =>
      using(this.#request, undefined, async (checkpoints) => {
        await work(checkpoints)
        return []
      })
    for (let left = ATTEMPTS; left > 0; left--) {
      const failure = await attempt().then(
        () => null,
        (thrown: unknown) => RowshiftError.from(thrown),
      )
      if (failure === null) return
      log.warn({ runId: this.#request.runId }, `which tables are done could not be noted: ${failure.message}`)
      if (!failure.retryable) return
      await setTimeout(PAUSE_MS)
    }
  }
}

async function using<T>(
  { to, params }: DatabaseRequest,
  signal: AbortSignal | undefined,
  work: (checkpoints: Checkpoints) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const writers = writersOf(to.loaded.plugin, endpointsOf(to, params.session))
  const checkpoints = writers[0]?.skills.checkpoints
  if (checkpoints === undefined) return []
  try {
    await openAll(writers, signal)
    return await work(checkpoints)
  } finally {
    await closeAll(writers)
  }
}
