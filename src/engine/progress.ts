import type { SplitCounts } from './messages.js'
import type { TimeSpent } from '../contract/time-spent.js'
import { addTimes, noTime } from '../contract/time-spent.js'
import { addCounts, nothingWritten } from '../contract/plugin.js'
import { noCounts } from './messages.js'

/** Everything known about how far a run is; a value, never changed in place. */
export interface Progress {
  /** Splits planned so far. */
  readonly splits: number
  readonly splitsDone: number
  /** How often a split was run again, or the next one looked for again, by the code of the error. */
  readonly retries: Readonly<Record<string, number>>
  /** Totals of the splits that are done, hence committed. */
  readonly done: SplitCounts
  /** Splits under way, by index. */
  readonly active: ReadonlyMap<number, SplitCounts>
  /** Threads that take splits. */
  readonly threads: number
  /** What they have done with their time; of this process, not of earlier attempts. */
  readonly spent: TimeSpent
  /** Why splits do not go on for the time being, in words; null: they do. */
  readonly waiting: string | null
  /** What is done after the last split, in words. Default: splits are copied. */
  readonly step?: string
}

export type ProgressEvent =
  /** `insteadOf`: with others, it is planned for a range that was too large, and no longer counts. */
  | { readonly type: 'planned'; readonly split: number; readonly insteadOf?: number | undefined }
  | { readonly type: 'moved'; readonly split: number; readonly counts: SplitCounts }
  | { readonly type: 'done'; readonly split: number; readonly counts: SplitCounts }
  /** `committed`: what of it is in a target of several tables all the same. */
  | { readonly type: 'failed'; readonly split: number; readonly committed?: SplitCounts['shards'] }
  /** It failed with an error of this code, and starts anew. null: it is the next split that could not be found. */
  | { readonly type: 'retried'; readonly split: number | null; readonly code: string }
  /** Why splits do not begin, or one of them is not tried again yet; null: they go on. */
  | { readonly type: 'waiting'; readonly reason: string | null }
  | { readonly type: 'spent'; readonly time: TimeSpent }
  /** So many take splits from now on. */
  | { readonly type: 'threads'; readonly threads: number }

export const noProgress: Progress = {
  splits: 0,
  splitsDone: 0,
  retries: {},
  done: noCounts,
  active: new Map(),
  threads: 0,
  spent: noTime,
  waiting: null,
}

/** Of a run that goes on with what earlier attempts have done. */
export function progressAfter({ splits, counts }: { splits: number; counts: SplitCounts }): Progress {
  return { ...noProgress, splits, splitsDone: splits, done: counts }
}

export function advance(progress: Progress, event: ProgressEvent): Progress {
  const active = new Map(progress.active)
  switch (event.type) {
    case 'planned': {
      const replaces = event.insteadOf !== undefined && active.delete(event.insteadOf)
      active.set(event.split, noCounts)
      return { ...progress, splits: progress.splits + (replaces ? 0 : 1), active }
    }
    case 'moved':
      // A late message of a split that has ended already counts for nothing.
      if (active.has(event.split)) active.set(event.split, event.counts)
      return { ...progress, active }
    case 'done':
      active.delete(event.split)
      return {
        ...progress,
        splitsDone: progress.splitsDone + 1,
        done: addSplitCounts(progress.done, event.counts),
        active,
      }
    case 'failed':
      active.delete(event.split)
      return {
        ...progress,
        done: event.committed ? addSplitCounts(progress.done, partOf(event.committed)) : progress.done,
        active,
      }
    case 'retried':
      if (event.split !== null) active.set(event.split, noCounts)
      return { ...progress, retries: addByName(progress.retries, { [event.code]: 1 }, sum), active }
    case 'waiting':
      return { ...progress, waiting: event.reason }
    case 'spent':
      return { ...progress, spent: addTimes(progress.spent, event.time) }
    case 'threads':
      return { ...progress, threads: event.threads }
    default:
      return event satisfies never
  }
}

/** As if nothing else had been read. */
function partOf(shards: NonNullable<SplitCounts['shards']>): SplitCounts {
  const counts = { ...noCounts, ...Object.values(shards).reduce(addCounts, nothingWritten), shards }
  return { ...counts, rowsRead: settled(counts) }
}

/** Totals including what is under way and not yet committed. */
export function current(progress: Progress): SplitCounts {
  return [...progress.active.values()].reduce(addSplitCounts, progress.done)
}

/** Rows that are written, committed or not yet, or otherwise settled, and the bytes of these very rows. */
export function moved({ done, active }: Progress): { readonly rows: number; readonly bytes: number } {
  let rows = settled(done)
  let { bytes } = done
  for (const counts of active.values()) {
    const written = settled(counts)
    rows += written
    if (counts.rowsRead > 0) bytes += counts.bytes * Math.min(1, written / counts.rowsRead)
  }
  return { rows, bytes }
}

export function addSplitCounts(a: SplitCounts, b: SplitCounts): SplitCounts {
  const shards = addByName(a.shards, b.shards, addCounts)
  const sources = addByName(a.sources, b.sources, sum)
  return {
    rowsRead: a.rowsRead + b.rowsRead,
    rowsFiltered: a.rowsFiltered + b.rowsFiltered,
    rowsAdded: a.rowsAdded + b.rowsAdded,
    lookupMisses: a.lookupMisses + b.lookupMisses,
    ...addCounts(a, b),
    ...(shards ? { shards } : {}),
    ...(sources ? { sources } : {}),
    rowsDeferred: a.rowsDeferred + b.rowsDeferred,
    rowsLate: a.rowsLate + b.rowsLate,
    rowsDeleted: a.rowsDeleted + b.rowsDeleted,
    bytes: a.bytes + b.bytes,
  }
}

type ByName<T> = Readonly<Record<string, T>>

function sum(a: number, b: number): number {
  return a + b
}

export function addByName<T>(a: ByName<T>, b: ByName<T>, add: (a: T, b: T) => T): ByName<T>
export function addByName<T>(
  a: ByName<T> | undefined,
  b: ByName<T> | undefined,
  add: (a: T, b: T) => T,
): ByName<T> | undefined
export function addByName<T>(
  a: ByName<T> | undefined,
  b: ByName<T> | undefined,
  add: (a: T, b: T) => T,
): ByName<T> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  // Names may be those of every object's own properties.
  const sums = new Map(Object.entries(a))
  for (const [name, value] of Object.entries(b)) {
    const sum = sums.get(name)
    sums.set(name, sum === undefined ? value : add(sum, value))
  }
  return Object.fromEntries(sums)
}

/** The rows read that are accounted for, whatever became of them. */
export function settled(counts: SplitCounts): number {
  const { rowsWritten, rowsUnchanged, rowsSkipped, dirtyRows, rowsDeferred, rowsFiltered, rowsAdded } = counts
  return rowsWritten + rowsUnchanged + rowsSkipped + dirtyRows + rowsDeferred + rowsFiltered - rowsAdded
}
