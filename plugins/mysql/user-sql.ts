/** SQL that users put into our statements, checked before it stands in any of them. */
import type { Endpoint, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { enclosed, wordsOf } from '../../src/sql/fragment.js'
import type { Session } from './connection.js'
import type { ResultField } from './driver.js'
import { mapError } from './errors.js'
import { identifier, text } from './sql.js'
import { zoneWarnings } from './zones.js'

/** What says nothing about the SQL itself. */
const NOT_ITS_FAULT = new Set(['ACCESS_DENIED', 'CONNECTION_LOST', 'LOCK_CONFLICT'])

/**
 * Throws PARAMS_INVALID unless `where` is a condition on the table's rows by itself. Without brackets around it the server takes no
 * bracket, quote or comment that is not closed in it; within them nothing that would end a condition, as ORDER BY does. Resolves to
 * warnings.
 */
export async function checkWhere(
  session: Session,
  endpoint: Endpoint,
  schema: TableSchema,
  where: string,
): Promise<string[]> {
  const { table } = schema
  const name = 'params.where'
  const doing = `the condition ${name} on table ${table}`
  const from = `SELECT 1 FROM ${identifier(table)} WHERE`
  await prepare(session, `${from} ${where}\n`, doing)
  await ask(session, `${from} ${enclosed(where)} LIMIT 0`, doing)
  refuseAssignment(where, name)
  return zoneWarnings(session, endpoint, schema, [['where', where]])
}

/** The same for an expression that gives one value per row. Resolves to what the server says of its values. */
export async function checkExpression(
  session: Session,
  { table }: TableSchema,
  sql: string,
): Promise<ResultField> {
  const doing = `"sql" on table ${table}`
  const from = `FROM ${identifier(table)} WHERE 1 = 0`
  await prepare(session, `SELECT 1, ${sql}\n ${from}`, doing)
  let fields: readonly ResultField[] = []
  const rows = await ask(session, `SELECT ${enclosed(sql)} ${from}`, doing, (found) => (fields = found))
  if (rows.length > 0)
    throw invalid('"sql" gives one value for all rows together; put the aggregate into a subquery')
  // A window function would see the rows of one split only; no condition takes one.
  await ask(session, `SELECT 1 ${from} AND ${enclosed(sql)} IS NULL`, doing)
  refuseAssignment(sql, '"sql"')
  return fields[0]!
}

/** It would count rows as threads and splits happen to come to them. */
function refuseAssignment(sql: string, name: string): void {
  if (!wordsOf(sql).includes(':=')) return
  throw invalid(
    `${name} sets a variable (:=), but rows are read in several statements and by several connections; set variables in "session"`,
  )
}

/** Does nothing but parse and resolve the statement. */
async function prepare(session: Session, sql: string, doing: string): Promise<void> {
  await ask(session, `PREPARE rowshift_probe FROM ${text(sql)}`, doing)
  await session.query('DEALLOCATE PREPARE rowshift_probe')
}

function ask(
  session: Session,
  sql: string,
  doing: string,
  onFields?: (fields: readonly ResultField[]) => void,
) {
  return session.query(sql, onFields).catch((thrown: unknown) => {
    const error = mapError(thrown, doing)
    throw NOT_ITS_FAULT.has(error.code) ? error : invalid(error.message)
  })
}

function invalid(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
