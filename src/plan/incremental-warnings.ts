import type { PlannedWrite, SplitKey, TableMarks, TableSchema } from '../contract/plugin.js'
import type { PipelinePlan } from '../contract/pipeline.js'
import type { Mode } from '../contract/run-plan.js'
import type { Reading } from '../features/sources/plan.js'
import { staleWatermark } from './source-mark.js'
import { computedCells } from '../contract/pipeline.js'
import type { SavedWatermarks } from './window.js'

interface Incremental {
  readonly mode: Mode
  readonly source: TableSchema
  readonly write: PlannedWrite
  readonly pipeline: PipelinePlan | null
  readonly marks: TableMarks
}

/** What is kept of the tables as they are before the run. */
export function marksOf(write: PlannedWrite, { marks }: Reading): TableMarks {
  return {
    sources: marks,
    columns: write.columns.map(({ target }) => target.name),
    filled: write.emptiedBy !== undefined,
  }
}

/** Which rows an incremental run leaves behind for good. `key` is the source's, by which `append` goes. Throws WATERMARK_STALE. */
export function incrementalWarnings(
  plan: Incremental,
  key: SplitKey | null,
  savedWatermarks: SavedWatermarks | null,
): string[] {
  const { mode } = plan
  if (mode !== 'append' && mode !== 'increment') return []
  return [
    ...(mode === 'append' ? unrisingWarnings(plan, key) : []),
    ...skipWarnings(plan),
    ...emptyWarnings(plan, savedWatermarks),
    ...newColumnWarnings(plan, savedWatermarks),
  ]
}

/** Numbers and times mostly rise, and nothing else does unless it is made so. */
function unrisingWarnings({ source }: Incremental, key: SplitKey | null): string[] {
  const [column] = key?.columns ?? []
  if (column === undefined || !['text', 'bytes', 'json', 'float'].includes(column.kind)) return []
  return [
    `mode "append" reads rows whose ${column.name} is above the highest one of earlier runs, and values of type ${column.type} need not rise: rows of ${source.table} that come below it ` +
      'are never read. Values that begin with their time (UUIDv7, ULID) rise; for others, use mode "increment" with a diff_column, or "sync"',
  ]
}

function skipWarnings({ pipeline }: Incremental): string[] {
  const skipping = (pipeline === null ? [] : computedCells(pipeline)).flatMap((cell) =>
    cell.type === 'lookup' && cell.lookup.missing.rule === 'skip' ? [cell.name] : [],
  )
  if (skipping.length === 0) return []
  return [
    `rows whose ${skipping.join(', ')} a lookup does not find are left out ("missing": "skip"), and no later run reads them again unless they change: use "error" with an error_limit to keep them, or copy them with --mode sync`,
  ]
}

/** A target that held rows when the watermark was set, and holds none now, has lost those that no run reads again. */
function emptyWarnings(
  { mode, write, marks }: Incremental,
  savedWatermarks: SavedWatermarks | null,
): string[] {
  const { table, create, preSql, postSql } = write
  const saved = savedWatermarks?.watermarks[mode]
  // Nobody knows what the user's own statements leave.
  if (saved === undefined || create !== null || marks.filled || preSql.length + postSql.length > 0) return []
  const { marks: before, task } = savedWatermarks!
  const sources = Object.values(marks.sources)
  const isSourceEmpty = sources.length > 0 && sources.every(({ rows }) => rows.length === 0)
  if (before?.filled === false || (before && isSourceEmpty)) return []
  if (before && task)
    throw staleWatermark(`Target ${table.table} is empty, and held rows after the last runs`, task, mode)
  return [
    `target ${table.table} is empty, but this run reads only what is new since earlier runs. If the target was emptied or created again, ` +
      'rows are missing for good: copy all of them with --mode init',
  ]
}

function newColumnWarnings(
  { mode, write, marks }: Incremental,
  savedWatermarks: SavedWatermarks | null,
): string[] {
  const before = savedWatermarks?.watermarks[mode] === undefined ? null : savedWatermarks.marks
  const added = before ? marks.columns.filter((name) => !before.columns.includes(name)) : []
  if (added.length === 0) return []
  return [
    `${added.join(', ')} of target ${write.table.table} ${added.length === 1 ? 'is' : 'are'} copied since this run: rows of earlier runs keep what stands there now, ` +
      'the default of a new column as a rule. Fill them with --mode sync, or with "rowshift verify --repair"',
  ]
}
