/** Single rows of a target, by their identity. */
import type { Column } from '../contract/table-schema.js'
import type { PlannedWrite, Removal } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import { forEachRow } from '../wire/each-row.js'
import type { SqlSession } from './session.js'

/** Rows of one statement. */
const MOST_ROWS = 100

/** Deletes the rows whose identity is that of a row of the batch, byte for byte whatever a column's collation. */
export function removeRows(session: SqlSession, spec: PlannedWrite, rows: Batch): Promise<number> {
  return changeRows(session, spec, rows, (table) => `DELETE FROM ${table}`)
}

/** Those that a split is to remove, in the transaction that is under way. */
export async function removeAll(session: SqlSession, { spec, rows, onRemoved }: Removal): Promise<void> {
  let removed = 0
  for (const batch of rows()) removed += await removeRows(session, spec, batch)
  onRemoved(removed)
}

/** Sets the flag of the same rows. */
export function flagRows(
  session: SqlSession,
  spec: PlannedWrite,
  rows: Batch,
  flag: Column,
): Promise<number> {
  const { dialect } = session
  const set: Partial<Record<Column['kind'], string>> = { integer: '1', boolean: 'TRUE' }
  const value = set[flag.kind] ?? dialect.now(flag)
  return changeRows(
    session,
    spec,
    rows,
    (table) => `UPDATE ${table} SET ${dialect.identifier(flag.name)} = ${value}`,
  )
}

async function changeRows(
  session: SqlSession,
  spec: PlannedWrite,
  rows: Batch,
  change: (table: string) => string,
): Promise<number> {
  const { dialect } = session
  const identity = spec.identity!.map((name) => spec.columns.findIndex(({ target }) => target.name === name))
  const conditions: string[] = []
  forEachRow(rows, (cells) => {
    const parts = identity.flatMap((i) => dialect.sameValue(spec.columns[i]!, cells[i]!))
    conditions.push(`(${parts.join(' AND ')})`)
  })
  const statement = change(dialect.table(spec.table.table))
  let changed = 0
  for (let at = 0; at < conditions.length; at += MOST_ROWS) {
    changed += await session.run(`${statement} WHERE ${conditions.slice(at, at + MOST_ROWS).join(' OR ')}`)
  }
  return changed
}
