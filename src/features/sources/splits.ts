/**
 * The splits of a source: of one table after another. Rows before the watermark that a run reads because of its overlap have been read by
 * earlier runs, unless they came late; they have splits of their own, which come first, so that those of them that are written can be counted.
 */
import type { Reader, ReadSpec, Split, SplitSize } from '../../contract/plugin.js'
import type { SourceSpec, SourceSplit } from '../../contract/source-spec.js'
import type { Resuming } from './resumed-splits.js'
import { allSplits, partsOfRange } from './resumed-splits.js'
import type { TableRead } from './table-reads.js'
import { tableRead, tableReads } from './table-reads.js'

/** Whether rows before the watermark have splits of their own. */
export function readsLateRows({ window, sources }: SourceSpec): boolean {
  return [window, ...(sources ?? []).map((table) => table.window)].some((one) => one?.late)
}

/** All of them; an index is of its table only. `readers`: one for each database. */
export async function* splitSource(
  readers: readonly Reader[],
  source: SourceSpec,
  size: SplitSize,
  resuming: Resuming,
): AsyncGenerator<SourceSplit> {
  for (const late of readsLateRows(source) ? [true, false] : [false]) {
    for (const [table, { reader, spec }] of tableReads(readers, source).entries()) {
      for await (const split of allSplits(reader, partOf(spec, late), size, resuming))
        yield tagged(split, source, { table, late }, spec)
    }
  }
}

/** One of them in parts. */
export async function* divideSplit(
  readers: readonly Reader[],
  source: SourceSpec,
  split: SourceSplit,
  size: SplitSize,
  resuming: Resuming,
): AsyncGenerator<SourceSplit> {
  const { reader, spec } = readOf(readers, source, split)
  for await (const part of partsOfRange(reader, spec, split, size, resuming))
    yield tagged(part, source, split, spec)
}

/** Who reads the rows of a split, and how. */
export function readOf(readers: readonly Reader[], source: SourceSpec, split: SourceSplit): TableRead {
  const { table = null, late = false } = split
  const { reader, spec } = tableRead(readers, source, table)
  return { reader, spec: partOf(spec, late) }
}

/** Whether a split can be divided is asked of the whole source, whose key this table may do without. */
function tagged(
  split: Split,
  { sources }: SourceSpec,
  { table, late = false }: Pick<SourceSplit, 'table' | 'late'>,
  { key }: ReadSpec,
): SourceSplit {
  if (sources === null) return { ...split, late }
  return { ...split, table: table!, late, ...(key === null ? { indivisible: true } : {}) }
}

/** What is to be read of one part of the window: of what is before the watermark, or of the rest. */
function partOf(spec: ReadSpec, late: boolean): ReadSpec {
  const { window } = spec
  if (window === null || (window.late === null && !late)) return spec
  if (window.late === null) return { ...spec, window: { ...window, rows: 0 } }
  return { ...spec, window: { ...window, sql: late ? window.late.sql : window.late.rest } }
}
