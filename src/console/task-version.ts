/** Which version of a task somebody has seen, so that two who change it at the same time do not overwrite each other. */
import { createHash } from 'node:crypto'
import { RowshiftError } from '../contract/errors.js'
import type { Task, TaskFields } from '../contract/task-store.js'

const FIELDS = [
  'from_app',
  'from_db_type',
  'from_db',
  'from_table',
  'to_app',
  'to_db_type',
  'to_db',
  'to_table',
  'params',
  'online_status',
  'task_desc',
  'owner',
] as const satisfies readonly (keyof TaskFields)[]

/** Of each field: long enough that no two texts that people write have the same. */
const LENGTH = 8

/** A part for each field, in order. Made of a task as it is shown, so that it says nothing of what is hidden. */
export function versionOf(shown: Task): string {
  return FIELDS.map((name) => digest(shown[name])).join('')
}

/** Between two versions. */
export function changedFields(before: string, now: string): readonly (keyof TaskFields)[] {
  const part = (version: string, i: number) => version.slice(i * LENGTH, (i + 1) * LENGTH)
  return FIELDS.filter((_, i) => part(before, i) !== part(now, i))
}

function digest(value: string | number | null): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, LENGTH)
}

/** As an HTTP header says it. A proxy that packs answers makes a weak one of it. */
export function etagOf(shown: Task): string {
  return `"${versionOf(shown)}"`
}

/** null: any will do. */
export function versionIn(ifMatch: string | undefined): string | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null
  return ifMatch.trim().replace(/^(?:W\/)?"(.*)"$/, '$1')
}

export function taskChanged(taskId: number, fields: readonly string[]): RowshiftError {
  return new RowshiftError(
    'TASK_CHANGED',
    `Somebody has changed ${fields.join(' and ')} of task ${taskId} since you read it, so nothing was saved. Look at the task again, then change it.`,
    { taskId, fields },
  )
}
