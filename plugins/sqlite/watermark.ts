/** What rows a watermark leaves behind. */
import type { IncrementalRequest, Column, TableSchema } from '../../src/contract/plugin.js'
import { idsBegunAnew } from '../../src/sql/begun-anew.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'
import { findRowidColumn } from './schema.js'

/**
 * Without AUTOINCREMENT the next id is one above the highest that is there, so those of deleted rows come again; with it, ids go back
 * only when the table is created again. A row that has such an id is below the watermark, and no run would read it.
 */
export function checkNextId(
  database: Database,
  { table }: TableSchema,
  column: Column,
  watermark: string,
): void {
  if (findRowidColumn(database, database.file, table) !== column.name) return
  const counters = database.value("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'")
  const counted =
    counters && database.value('SELECT seq FROM sqlite_sequence WHERE name = ? COLLATE NOCASE', table)
  const highest = database.value(`SELECT max(${quoteName(column.name)}) FROM ${quoteName(table)}`)
  const next =
    [counted, highest].reduce<bigint>(
      (most, value) => (typeof value === 'bigint' && value > most ? value : most),
      0n,
    ) + 1n
  if (next <= BigInt(watermark)) throw idsBegunAnew(table, column.name, String(next), watermark)
}

/** What the user has to see to. */
export function userCares(
  database: Database,
  { table: { table }, column, kind }: IncrementalRequest,
): string[] {
  if (kind !== 'key' || findRowidColumn(database, database.file, table) !== column.name) return []
  const sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"
  const made = database.value(sql, table) as string | undefined
  if (made === undefined || /\bautoincrement\b/i.test(made)) return []
  return [
    `${column.name} has no AUTOINCREMENT, so ids of deleted newest rows are given again: a row that gets one that was copied before is not seen`,
  ]
}

/** What a run may miss because the file does not show it. */
export function missedRows(
  database: Database,
  { table: { table }, column, kind, lag }: IncrementalRequest,
  usualLag: number,
): string[] {
  const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE"
  const isView = database.prepare(sql).get(table) !== undefined
  const isTimed = kind !== 'key' && kind !== 'version'
  return [
    ...(isView
      ? [
          `source ${table} is a view: a row that comes into it, or changes, because of another table or another definition is read only when its ${column.name} rises`,
        ]
      : []),
    ...(isTimed
      ? [
          `a file does not show its open transactions: rows of one that takes longer than ${lag ?? usualLag} s (lag) are missed`,
        ]
      : []),
  ]
}
