/** SQL that users put into our statements, checked before it stands in any of them. */
import { RowshiftError } from '../../src/contract/plugin.js'
import { enclosed } from '../../src/sql/fragment.js'
import type { Database } from './driver.js'
import { sqliteCode } from './errors.js'
import { quoteName } from './names.js'

/**
 * Throws PARAMS_INVALID unless `where` is a condition on the table's rows by itself. Without brackets around it SQLite takes no
 * bracket or quote that is not closed in it; within them nothing that would end a condition, as ORDER BY does, and no
 * open comment.
 */
export function checkWhere(database: Database, table: string, where: string): void {
  const from = `SELECT 1 FROM ${quoteName(table)} WHERE`
  checking(`The condition params.where on table ${table}`, () => {
    prepareWhole(database, `${from} ${where}\n`)
    database.prepare(`${from} ${enclosed(where)} LIMIT 0`).all()
  })
}

/** The same for an expression that gives one value per row. Returns its declared type: that of a column. */
export function checkExpression(database: Database, table: string, sql: string): string | null {
  const from = `FROM ${quoteName(table)} WHERE 0`
  return checking(`"sql" on table ${table}`, () => {
    prepareWhole(database, `SELECT 1, ${sql}\n ${from}`)
    const statement = database.prepare(`SELECT ${enclosed(sql)} ${from}`)
    if (statement.all().length > 0)
      throw invalid('"sql" gives one value for all rows together; put the aggregate into a subquery')
    // A window function would see the rows of one split only; no condition takes one.
    database.prepare(`SELECT 1 ${from} AND ${enclosed(sql)} IS NULL`)
    return statement.columns()[0]!.type
  })
}

/** Looks for what the driver takes without a word: more after the statement or after a NUL, and parameters, which would be NULL. */
function prepareWhole(database: Database, sql: string): void {
  const { sourceSQL, expandedSQL } = database.prepare(sql)
  if (sql.slice(sourceSQL.length).trim() !== '') throw new SyntaxError('there is more than one statement')
  if (expandedSQL !== sourceSQL)
    throw new SyntaxError('there is a parameter, and nothing to put into its place')
}

function checking<T>(what: string, check: () => T): T {
  try {
    return check()
  } catch (thrown) {
    if (sqliteCode(thrown) === null && !(thrown instanceof SyntaxError)) throw thrown
    throw invalid(`${what} failed: ${(thrown as Error).message}.`)
  }
}

function invalid(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
