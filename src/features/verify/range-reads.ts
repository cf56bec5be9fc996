/** Several tables that are compared together: a range is of all of them. */
import type { Batch, Reader, Split, SplitSize } from '../../contract/plugin.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { Resuming } from '../sources/resumed-splits.js'
import { allSplits } from '../sources/resumed-splits.js'
import type { TableRead } from '../sources/table-reads.js'
import { tableReads } from '../sources/table-reads.js'

export function splitRanges(
  readers: readonly Reader[],
  source: SourceSpec,
  size: SplitSize,
  resuming: Resuming,
): AsyncIterable<Split> {
  const { reader, spec } = largest(tableReads(readers, source))
  return allSplits(reader, spec, size, resuming)
}

export function divideRange(
  readers: readonly Reader[],
  source: SourceSpec,
  range: Split,
  size: SplitSize,
  signal: AbortSignal,
): AsyncIterable<Split> {
  const { reader, spec } = largest(tableReads(readers, source))
  return reader.divide(spec, range, size, signal)
}

/** The rows of all tables. */
export async function* readRange(
  readers: readonly Reader[],
  source: SourceSpec,
  range: Split,
  signal: AbortSignal,
): AsyncGenerator<Batch> {
  for (const { reader, spec } of tableReads(readers, source)) yield* reader.read(spec, range, signal)
}

/** Bounds are taken from the table that seems to have the most rows. */
function largest(reads: readonly TableRead[]): TableRead {
  const rows = ({ spec }: TableRead) => spec.table.estimatedRows ?? 0
  return reads.reduce((most, read) => (rows(read) > rows(most) ? read : most))
}
