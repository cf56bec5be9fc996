/** The note of one copy between two URLs: a row among the checkpoints of the target. */
import { placeOf } from '../../config/plugins.js'
import { RowshiftError } from '../../contract/errors.js'
import { closeAll, openAll } from '../../contract/opening.js'
import type { Checkpoints, Definer } from '../../contract/plugin.js'
import { endpointsOf, writersOf } from '../../engine/endpoints.js'
import type { CopySubject, DoneTable } from './done-table.js'
import { rowsDigest, subjectDigest } from './done-table.js'
import type { Params } from '../../task/params.js'
import type { DatabaseRequest } from './request.js'
import type { SelectedTable, SelectionRequest } from './selection.js'

/** Stands for a table in the row of the copy, among the checkpoints of the target. */
export const OF_DATABASE = 'rowshift_database'
export const FORMAT = 2

/** What a copy was asked for, and has done. Without secrets. It stands until that copy, or one that asks for all of it, has come to its end. */
export interface CopyNote {
  readonly format: typeof FORMAT
  /** A digest of the databases. */
  readonly ends: string
  readonly selection: SelectionRequest
  /** As in `CopySubject`. */
  readonly rows: string
  readonly consistency: Params['consistency']
  readonly creates: boolean
  readonly objects: Definer | null
  readonly done: readonly DoneTable[]
  /** Runs of tables that are done, whose checkpoints go when that is noted. A run that is killed before leaves that to whoever goes on. */
  readonly remnants: readonly string[]
  /** The ends of tables that are not done, of a run that has ended; null: it has not ended, was killed, or has left more than tables. */
  readonly left: readonly string[] | null
}

export interface FoundNote extends CopyNote {
  readonly run: string
}

/** What copies of these databases have noted that have not come to their end, the last one first. */
export async function findNotes(
  request: DatabaseRequest,
  signal: AbortSignal,
): Promise<readonly FoundNote[]> {
  return using(request, signal, (checkpoints) => listNotes(checkpoints, request))
}

export async function listNotes(
  checkpoints: Checkpoints,
  request: DatabaseRequest,
): Promise<readonly FoundNote[]> {
  const ends = endsOf(request)
  return (await checkpoints.list(OF_DATABASE)).flatMap(({ run, state }) => {
    const note = JSON.parse(state) as CopyNote
    return note.format === FORMAT && note.ends === ends ? [{ ...note, run }] : []
  })
}

export function subjectOf(request: DatabaseRequest, { from, to }: SelectedTable): CopySubject {
  return { ends: subjectDigest([endsOf(request), from, to]), rows: rowsDigest(request.params) }
}

/** Whether who asks for this gets all that the earlier copy was asked for. */
export function asksForAllOf(
  { selection: { tables, exclude, rename } }: DatabaseRequest,
  { selection }: CopyNote,
) {
  const [own, other] = [
    [tables, exclude],
    [selection.tables, selection.exclude],
  ].map((one) => JSON.stringify(one))
  const isSame = own === other || tables.length + exclude.length === 0
  return isSame && JSON.stringify(rename) === JSON.stringify(selection.rename)
}

/** What a user of the source sees may depend on who that is; who may not write goes on as another user. */
export function endsOf({ from, to }: DatabaseRequest): string {
  return subjectDigest([
    from.loaded.plugin.describeConnection(from.connection),
    placeOf(to.loaded.plugin, to.connection),
  ])
}

/** Under the same names, what one copy has done need not be done by the other. */
export function withDone(
  note: FoundNote,
  done: readonly DoneTable[],
  { selection }: DatabaseRequest,
): FoundNote {
  if (JSON.stringify(selection.rename) !== JSON.stringify(note.selection.rename)) return note
  const known = new Map([...note.done, ...done].map((one) => [one.ends, one]))
  return { ...note, done: [...known.values()] }
}

/** Of a run that was killed, nobody knows what it has left; keys of its tables are made by who goes on with all of them. */
export function isWhole({ left, rows, done }: CopyNote): boolean {
  if (left === null || left.length === 0) return false
  return left.every((ends) => done.some((one) => one.ends === ends && one.rows === rows))
}

/** Writes those that change. Resolves to all, as they are then. */
export async function updateAll(
  checkpoints: Checkpoints,
  notes: readonly FoundNote[],
  change: (note: FoundNote) => FoundNote,
): Promise<readonly FoundNote[]> {
  const after = notes.map(change)
  for (const [i, { run, ...note }] of after.entries()) {
    const state = JSON.stringify(note)
    const { run: _, ...before } = notes[i]!
    if (state === JSON.stringify(before)) continue
    await ifThere(checkpoints.update({ run, attempt: 1, state }), async () => {})
  }
  return after
}

export async function ifThere(update: Promise<void>, otherwise: () => Promise<void>): Promise<void> {
  await update.catch((thrown: unknown) => {
    if (RowshiftError.from(thrown).code !== 'RUN_TAKEN') throw thrown
    return otherwise()
  })
}

export async function using<T>(
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
