import type { SplitCounts } from '../src/engine/messages.js'
import { settled } from '../src/engine/progress.js'
import type { ErrorReport } from '../src/contract/errors.js'
import { RowshiftError } from '../src/contract/errors.js'
import type { Split } from '../src/contract/plugin.js'

/** A thread that took the place of one that died: it would read another moment. */
export function outsideSnapshot({ index }: Split): RowshiftError {
  const message = `Split ${index}: the thread that should copy it has not seen the snapshot begin. Run again.`
  return new RowshiftError('INTERNAL', message, { split: index })
}

export function mismatch(split: number, counts: SplitCounts): RowshiftError {
  const message = `Split ${split}: ${counts.rowsRead} rows were read, but the writer accounts for ${settled(counts)}.`
  return new RowshiftError('COUNT_MISMATCH', message, { split })
}

/** `table`: the one that the split is of, where the source is several; null: it is one. */
export function reportOf(
  { code, message, details }: RowshiftError,
  split: number,
  table: string | null,
): ErrorReport {
  if (table === null) return { code, message, details: { split, ...details } }
  const whole = `${message} It is about rows of ${table}.`
  return { code, message: whole, details: { split, sourceTable: table, ...details } }
}
