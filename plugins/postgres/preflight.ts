/** What is looked at before a row moves, beyond what a plan needs to know to be made. Nothing is changed. */
import type { Message, PlannedWrite, ReadSpec } from '../../src/contract/plugin.js'
import { boundQuery } from '../../src/sql/key-probe.js'
import { postgresError } from './errors.js'
import { locationProbe } from './location.js'
import type { PostgresSession } from './session.js'
import { expressionOf, tableSql } from './sql.js'

/** Rows. */
const SMALL = 50_000

/** Throws when the copy cannot work; resolves to warnings. */
export async function checkSource(
  session: PostgresSession,
  spec: ReadSpec,
  _write: PlannedWrite,
  allColumns: boolean,
): Promise<Message[]> {
  const { table } = spec.table
  const columns = allColumns ? '*' : spec.columns.map(expressionOf).join(', ')
  await session.check(`SELECT ${columns} FROM ${tableSql(table)}`).catch((error: unknown) => {
    throw postgresError(error, `reading table ${table} of ${session.where}`, { table })
  })
  return splitWarnings(session, spec)
}

/** Where finding the bounds of a split is as much work as reading the table. */
async function splitWarnings(session: PostgresSession, spec: ReadSpec): Promise<Message[]> {
  const sql = locationProbe(session, spec) === null ? boundQuery(session, spec) : null
  // A small table is read whole and sorted, whatever index there is.
  if (sql === null || (spec.table.estimatedRows ?? 0) <= SMALL) return []
  const plan = await session.query(`EXPLAIN ${sql}`)
  const key = spec.key!.columns.map(({ name }) => name).join(', ')
  return plan.some(([line]) => /^\s*(->\s*)?Sort\b/.test(line!))
    ? [{ text: 'splitting {table} by {key} sorts the table for every split', slots: { key } }]
    : []
}
