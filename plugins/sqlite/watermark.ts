/** What rows a watermark leaves behind. */
import type { BoundRequest, Column, TableSchema } from '../../src/plugin.js'
import { idsBegunAnew } from '../../src/sql/watermark.js'
import type { TextEncoding } from './cells.js'
import type { Database } from './driver.js'
import { literal } from './keys.js'
import { quoteName } from './names.js'
import { findRowidColumn } from './schema.js'

/** Whether a run that begins at the watermark passes by a row. */
export function holdsBelow(
  database: Database,
  { table, column, kind, watermark }: BoundRequest,
  encoding: TextEncoding,
): boolean {
  if (watermark === null) return false
  const below = `${quoteName(column.name)} ${kind === 'key' ? '<=' : '<'} ${literal(column, watermark, encoding)}`
  const sql = `SELECT EXISTS (SELECT 1 FROM ${quoteName(table.table)} WHERE ${below})`
  return database.prepare(sql).pluck().get() === 1
}

/**
 * Without AUTOINCREMENT the next id is one above the highest that is there, so those of deleted rows come again; with it, ids go back
 * only when the table is made anew. A row that has such an id is below the watermark, and no run would read it.
 */
export function checkNextId(
  database: Database,
  { table }: TableSchema,
  column: Column,
  watermark: string,
): void {
  if (findRowidColumn(database, database.name, table) !== column.name) return
  const counters = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").get()
  const counted =
    counters &&
    database.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck().safeIntegers().get(table)
  const name = quoteName(column.name)
  const highest = database
    .prepare(`SELECT max(${name}) FROM ${quoteName(table)}`)
    .pluck()
    .safeIntegers()
    .get()
  const next =
    [counted, highest].reduce<bigint>(
      (most, value) => (typeof value === 'bigint' && value > most ? value : most),
      0n,
    ) + 1n
  if (next <= BigInt(watermark)) throw idsBegunAnew(table, column.name, String(next), watermark)
}
