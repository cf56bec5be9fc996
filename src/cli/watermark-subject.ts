/**
 * What a watermark is about: which rows of which table go where. It stands beside the watermark, under a name of its own, since a run
 * of a task that was changed meanwhile must not go on from there: rows before it may be missing in the target by now.
 */
import { createHash } from 'node:crypto'
import type { CopyRequest } from '../engine/job.js'
import { RowshiftError } from '../errors.js'
import type { Params } from '../task/params.js'
import type { Task } from '../task/task.js'

type Watermarks = Readonly<Record<string, string>>

/** Longer ones are compared by their digest. */
const MOST_LETTERS = 4_000
const SHOWN_LETTERS = 80

/** Where the subject of a mode's watermark stands. */
export function subjectOf(mode: string): string {
  return `${mode}:about`
}

/** The watermarks that a run leaves, each with what it is about. */
export function withSubjects(watermarks: Watermarks, task: Task, params: Params): Watermarks {
  const subjects = Object.keys(watermarks).map((mode) => [
    subjectOf(mode),
    JSON.stringify(describe(task, params, mode)),
  ])
  return { ...watermarks, ...Object.fromEntries(subjects) }
}

/** Throws PARAMS_INVALID when the task was changed since its watermark was set. One set by hand, or by an earlier version, is about any. */
export function checkSubject({ past, params }: Pick<CopyRequest, 'past' | 'params'>, task: Task): void {
  const { mode } = params
  const watermarks = (past?.watermarks ?? {}) as Watermarks
  const saved = watermarks[subjectOf(mode)]
  if (saved === undefined || watermarks[mode] === undefined) return
  const before = JSON.parse(saved) as Record<string, string>
  const changes = Object.entries(describe(task, params, mode)).filter(
    ([name, now]) => (before[name] ?? 'none') !== now,
  )
  if (changes.length === 0) return
  const named = changes.map(
    ([name, now]) => `${name} was ${shown(before[name] ?? 'none')}, and is ${shown(now)}`,
  )
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Task ${task.id} was changed since its last runs: ${named.join('; ')}. Mode "${mode}" would read from its watermark (${watermarks[mode]}) only, and rows before it may be missing for good. ` +
      `Copy all rows once with --mode init, or with --mode sync. To go on from the watermark after that, or because no row is missing: rowshift watermark ${task.id} --mode ${mode} --set '${watermarks[mode]}'`,
    { taskId: task.id, changed: changes.map(([name]) => name) },
  )
}

/** Only what decides which rows are read, which of their columns, and where they go. */
function describe(task: Task, params: Params, mode: string): Record<string, string> {
  const { columns, shard, where, timeZone, key, diffColumn } = params
  const side = (name: 'from' | 'to') =>
    `${task[`${name}_db_type`]} ${task[`${name}_app`]}_${task[`${name}_db`]}.${task[`${name}_table`]}`
  const parts: Record<string, unknown> = {
    source: side('from'),
    target: side('to'),
    where,
    time_zone: timeZone,
    columns,
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

function shown(value: string): string {
  return value.length > SHOWN_LETTERS ? `${value.slice(0, SHOWN_LETTERS)}…` : value
}
