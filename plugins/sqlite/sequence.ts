import type { Sequence } from '../../src/contract/plugin.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'

const CREATE =
  'CREATE TABLE IF NOT EXISTS rowshift_sequence (name TEXT PRIMARY KEY, next_value INTEGER NOT NULL)'

/** Inside a transaction. Makes the sequence, or moves it above what the tables hold; it never goes back. */
export function openSequence(database: Database, { name, above }: Sequence): void {
  database.exec(CREATE)
  let next = 1n
  for (const { table, column } of above) {
    const sql = `SELECT CAST(max(${quoteName(column)}) AS INTEGER) FROM ${quoteName(table)}`
    const highest = database.value(sql) as bigint | null
    if (highest !== null && highest >= next) next = highest + 1n
  }
  database
    .prepare(
      `INSERT INTO rowshift_sequence (name, next_value) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET next_value = max(next_value, excluded.next_value)`,
    )
    .run(name, next)
}

/** Inside a transaction. */
export function takeBlock(database: Database, { name }: Sequence, count: number): string {
  const sql = `UPDATE rowshift_sequence SET next_value = next_value + ${count} WHERE name = ? RETURNING next_value - ${count}`
  return String(database.value(sql, name))
}
