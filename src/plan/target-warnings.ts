/** What the plan says about the target as it is. */
import type { ColumnMapping, TableSchema, WritePlan } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import { RowshiftError } from '../contract/plugin.js'
import type { Params } from '../task/params.js'
import type { MappingResult } from './mapping.js'

/** What to do about a target that holds rows whose keys may come again. */
export function targetRowsWarnings(plan: Pick<RunPlan, 'read' | 'write'>): string[] {
  const { write } = plan
  const emptiedBy = collidesBy(plan)
  if (emptiedBy === null) return []
  const { table } = write.table
  const fate =
    write.errorLimit.record > 0
      ? 'each row whose key is there is rejected'
      : 'the first row whose key is there ends the run'
  return [
    `target ${table} holds rows already, and write_mode is "insert": ${fate}. Empty it with "pre_sql": ["${emptiedBy}"], ` +
      'leave rows that are there alone with "write_mode": "ignore", update them with "upsert", or use "mode": "sync"',
  ]
}

/** The statement that empties a target in which rows of this run may find their keys taken; null: there is no such danger. */
export function collidesBy({ read, write }: Pick<RunPlan, 'read' | 'write'>): string | null {
  const { writeMode, create, preSql, table, columns, emptiedBy } = write
  // Nobody knows what is left after pre_sql; and rows of a row file are to join those that are there.
  if (writeMode !== 'insert' || create !== null || preSql.length > 0 || read.table.computed) return null
  if (!table.keys.some((key) => isFed(key, columns))) return null
  return emptiedBy ?? null
}

/** What a run adds to the error of a row whose key is there: the one place that says what to do. */
export function wayOn(plan: RunPlan, diffColumn: string | null): string[] {
  const { write, mode } = plan
  if (write.writeMode !== 'insert') return []
  if (collidesBy(plan) === null)
    return [
      'write_mode "insert" never changes a row that is there: leave it alone with "write_mode": "ignore", or update it with "upsert".',
    ]
  return [
    `Target ${write.table.table} held rows before this run: of an earlier run, for instance of one that was killed. To go on, leave them alone with ` +
      '"write_mode": "ignore", update them with "upsert", or make both tables equal with "mode": "sync".',
    ...(diffColumn === null || mode !== 'init'
      ? []
      : [
          `diff_column (${diffColumn}) does nothing in mode "init". To copy what has changed since the last run, set "mode": "increment" in the params, or run with --mode increment.`,
        ]),
  ]
}

/** New ids, and keys that the target gives, do not collide. */
function isFed({ columns }: TableSchema['keys'][number], mapped: readonly ColumnMapping[]): boolean {
  return columns.every((name) =>
    mapped.some(({ target, computedBy }) => target.name === name && computedBy !== 'id'),
  )
}

/** What a trigger does to a row, nobody can know here. */
export function triggerWarnings(target: TableSchema, { triggers = [] }: WritePlan, params: Params): string[] {
  if (triggers.length === 0) return []
  const names = triggers.join(', ')
  if (params.allowTriggers) return [`triggers of target ${target.table} run for every row: ${names}`]
  throw new RowshiftError(
    'LOSSY',
    `Target ${target.table} has triggers that run for every row written and may change it or drop it: ${names}. ` +
      'Drop them for the time of the copy, or accept them with "allow_triggers": true. Nothing was written.',
    { table: target.table, triggers },
  )
}

/** What two databases compute of the same values need not be the same. */
export function generatedReasons({ generated }: MappingResult): string[] {
  if (generated.length === 0) return []
  const names = generated.map(({ target }) => target.name).join(', ')
  return [
    `the target computes its generated columns itself and may come to other values than the source, which verify would find: ${names}`,
  ]
}

export function keylessWarnings(target: TableSchema): string[] {
  if (target.keys.length > 0) return []
  return [`target ${target.table} has no unique key: this run would duplicate the rows that it already holds`]
}
