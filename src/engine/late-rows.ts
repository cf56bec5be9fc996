/**
 * Rows before the watermark that a run reads because of its overlap have been read by earlier runs, unless they came late. They have splits of
 * their own, so that those of them that are written can be counted.
 */
import type { Reader, SplitSize, Window } from '../contract/plugin.js'
import type { SourceSpec, SourceSplit } from '../contract/source-spec.js'
import type { TableRead } from '../features/sources/table-reads.js'
import { divideTable, splitTables, tableReadOf } from '../features/sources/table-reads.js'

/** Which parts of the windows have splits of their own, in the order of reading. */
export function partsOf({ window, sources }: SourceSpec): readonly boolean[] {
  const windows = [window, ...(sources ?? []).map((table) => table.window)]
  return windows.some((one) => one?.late) ? [true, false] : [false]
}

/** All splits of a run, with an index in their part only. `readers`: one for each database. */
export async function* splitSource(
  readers: readonly Reader[],
  source: SourceSpec,
  size: SplitSize,
  signal: AbortSignal,
): AsyncGenerator<SourceSplit> {
  for (const late of partsOf(source)) {
    for await (const split of splitTables(readers, specOfPart(source, { late }), size, signal))
      yield { ...split, late }
  }
}

/** The same of one split. */
export async function* divideSplit(
  readers: readonly Reader[],
  source: SourceSpec,
  split: SourceSplit,
  size: SplitSize,
  signal: AbortSignal,
): AsyncGenerator<SourceSplit> {
  const { late = false } = split
  for await (const part of divideTable(readers, specOfPart(source, split), split, size, signal))
    yield { ...part, late }
}

/** Who reads the rows of a split, and how. */
export function readOf(readers: readonly Reader[], source: SourceSpec, split: SourceSplit): TableRead {
  return tableReadOf(readers, specOfPart(source, split), split)
}

/** What is to be read of one part of the windows: of what is before the watermark, or of the rest. */
function specOfPart(source: SourceSpec, { late = false }: Pick<SourceSplit, 'late'>): SourceSpec {
  const sources = source.sources?.map((table) => ({ ...table, window: part(table.window, late) })) ?? null
  return { ...source, window: part(source.window, late), sources }
}

function part(window: Window | null, late: boolean): Window | null {
  if (window === null) return null
  if (window.late === null) return late ? { ...window, rows: 0 } : window
  return { ...window, sql: late ? window.late.sql : window.late.rest }
}
