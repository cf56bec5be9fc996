/** SQL that users put into our statements, checked before it stands in any of them. */
import { RowshiftError } from '../contract/errors.js'
import { failureOf, withoutStop } from './error-classes.js'
import { enclosed } from './fragment.js'
import type { SqlSession } from './session.js'

/**
 * Throws PARAMS_INVALID unless `where` is a condition on the table's rows by itself. Without brackets around it the database takes no
 * bracket, quote or comment that is not closed in it; within them nothing that would end a condition, as ORDER BY does.
 */
export async function checkCondition(session: SqlSession, table: string, where: string): Promise<void> {
  const from = `SELECT 1 FROM ${session.dialect.table(table)} WHERE`
  await checking(session, `the condition params.where on table ${table}`, async () => {
    await session.check(`${from} ${where}\n`)
    await session.query(`${from} ${enclosed(where)} LIMIT 0`)
  })
}

/** The same for an expression that gives one value per row. */
export async function checkExpression(session: SqlSession, table: string, sql: string): Promise<void> {
  const from = `FROM ${session.dialect.table(table)} WHERE 1 = 0`
  const rows = await checking(session, `"sql" on table ${table}`, async () => {
    await session.check(`SELECT 1, ${sql}\n ${from}`)
    const found = await session.query(`SELECT ${enclosed(sql)} ${from}`)
    // A window function would see the rows of one split only; no condition takes one.
    if (found.length === 0) await session.query(`SELECT 1 ${from} AND ${enclosed(sql)} IS NULL`)
    return found
  })
  if (rows.length > 0)
    throw new RowshiftError(
      'PARAMS_INVALID',
      '"sql" gives one value for all rows together; put the aggregate into a subquery',
    )
}

async function checking<T>(session: SqlSession, doing: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (thrown) {
    const error = session.dialect.error(thrown, doing)
    // These say nothing about the SQL itself.
    if (error.retryable || error.code === 'ACCESS_DENIED') throw error
    if (error !== thrown) throw new RowshiftError('PARAMS_INVALID', error.message, {}, thrown)
    throw failureOf({ code: 'PARAMS_INVALID' }, doing, withoutStop(error.message), {}, thrown)
  }
}
