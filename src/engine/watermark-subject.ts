/**
 * What a watermark is about: which rows of which table go where, and what the tables were known by. It stands beside the watermark, under a
 * name of its own, since a run of a task that was changed meanwhile must not go on from there: rows before it may be missing in the
 * target by now.
 */
import { createHash } from 'node:crypto'
import type { CopyRequest } from './copy-request.js'
import { RowshiftError } from '../contract/errors.js'
import { waysOn } from '../plan/source-mark.js'
import type { TableMarks } from '../contract/plugin.js'
import type { Mode } from '../contract/run-plan.js'
import type { Params } from '../task/params.js'
import type { RunReport, Task } from '../contract/task-store.js'

type Watermarks = Readonly<Record<string, string>>

/** Longer ones are compared by their digest. */
const MOST_LETTERS = 4_000
const SHOWN_LETTERS = 80
/** What a task store holds in one value at least. Sources of very many tables are not compared. */
const MOST_BYTES = 60_000

interface Subject {
  readonly parts: Readonly<Record<string, string>>
  readonly marks: TableMarks | null
}

/** Where the subject of a mode's watermark stands. */
export function subjectOf(mode: string): string {
  return `${mode}:about`
}

/** The watermarks that a run leaves, each with what it is about. */
export function withSubjects(report: RunReport, task: Task, params: Params): Watermarks {
  const subjects = Object.keys(report.watermarks).map((mode) => {
    const parts = describe(task, params, mode)
    const whole = JSON.stringify({ ...parts, marks: marksAfter(report) })
    return [subjectOf(mode), Buffer.byteLength(whole) > MOST_BYTES ? JSON.stringify(parts) : whole]
  })
  return { ...report.watermarks, ...Object.fromEntries(subjects) }
}

/** The plan saw the target as it was before. */
function marksAfter({ marks, rowsWritten, rowsUnchanged, rowsSkipped }: RunReport): TableMarks | null {
  return marks && { ...marks, filled: marks.filled || rowsWritten + rowsUnchanged + rowsSkipped > 0 }
}

/**
 * The request of an incremental run with what its watermark is about. Throws PARAMS_INVALID when the task was changed since its watermark
 * was set. One set by hand, or by an earlier version, is about any.
 */
export function withSubject(request: CopyRequest, task: Task): CopyRequest {
  const { savedWatermarks, params } = request
  const { mode } = params
  const watermarks = (savedWatermarks?.watermarks ?? {}) as Watermarks
  const [text, saved] = [watermarks[subjectOf(mode)], watermarks[mode]]
  if (!savedWatermarks || text === undefined || saved === undefined) return request
  const before = readSubject(text)
  if (before === null) throw damaged(task, mode, saved)
  const changes = Object.entries(describe(task, params, mode)).filter(
    ([name, now]) => (before.parts[name] ?? 'none') !== now,
  )
  if (changes.length === 0)
    return { ...request, savedWatermarks: { ...savedWatermarks, marks: before.marks } }
  const named = changes.map(([name, now]) => {
    const was = before.parts[name] ?? 'none'
    const start = shownFrom(was, now)
    return `${name} was ${shown(was, start)}, and is ${shown(now, start)}`
  })
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Task ${task.id} was changed since its last runs: ${named.join('; ')}. Mode "${mode}" would read from its watermark (${saved}) only, and rows before it may be missing for good. ` +
      waysOn(task.id, mode, saved),
    { taskId: task.id, changed: changes.map(([name]) => name) },
  )
}

/** null: it is none. */
function readSubject(text: string): Subject | null {
  try {
    const { marks = null, ...parts } = JSON.parse(text) as Record<string, string> & { marks?: TableMarks }
    const isWhole =
      parts['source'] !== undefined &&
      Object.values(parts).every((part) => typeof part === 'string') &&
      (marks === null || isMarks(marks))
    return isWhole ? { parts, marks } : null
  } catch {
    return null
  }
}

function isMarks({ sources, columns, filled }: TableMarks): boolean {
  return (
    Array.isArray(columns) &&
    typeof filled === 'boolean' &&
    Object.values(sources).every((mark) => Array.isArray(mark.rows) && typeof mark.columns === 'object')
  )
}

function damaged({ id }: Task, mode: Mode, saved: string): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `What the watermark of task ${id} in mode "${mode}" (${saved}) is about cannot be read: the row "${subjectOf(mode)}" of rowshift_watermark is damaged, so nobody knows whether the task was changed since. ` +
      waysOn(id, mode, saved),
    { taskId: id },
  )
}
/** Only what decides which rows are read, which of their columns, and where they go. */
function describe(task: Task, params: Params, mode: string): Record<string, string> {
  const { columns, deletes, shard, where, timeZone, key, diffColumn } = params
  const side = (name: 'from' | 'to') =>
    `${task[`${name}_db_type`]} ${task[`${name}_app`]}_${task[`${name}_db`]}.${task[`${name}_table`]}`
  const parts: Record<string, unknown> = {
    source: side('from'),
    target: side('to'),
    where,
    time_zone: timeZone,
    columns,
    deletes,
    shard,
    ...(mode === 'append'
      ? { pk: key }
      : {
          diff_column:
            diffColumn && [diffColumn.source, diffColumn.type].filter((part) => part !== null).join(' as '),
        }),
  }
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, text(part)]))
}

function text(part: unknown): string {
  if (part === null || part === undefined) return 'none'
  const whole = typeof part === 'string' ? part : JSON.stringify(part)
  if (whole.length <= MOST_LETTERS) return whole
  return `sha256 ${createHash('sha256').update(whole).digest('hex')}`
}

/** Where the difference begins, with some of what is before it; long values mostly begin alike. */
function shownFrom(was: string, now: string): number {
  let equal = 0
  while (equal < Math.min(was.length, now.length) && was[equal] === now[equal]) equal++
  return Math.max(was.length, now.length) <= SHOWN_LETTERS ? 0 : Math.max(0, equal - SHOWN_LETTERS / 2)
}

function shown(value: string, start: number): string {
  const part = value.slice(start, start + SHOWN_LETTERS)
  return `${start > 0 ? '…' : ''}${part}${start + SHOWN_LETTERS < value.length ? '…' : ''}`
}
