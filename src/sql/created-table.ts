import type { CreateTableRequest, CreateTablePlan } from '../contract/create-table.js'
import { RowshiftError } from '../contract/errors.js'
import type { SqlSession } from './session.js'
import type { SqlSink } from './sql-sink.js'

/** Why one of the statements that make a table failed. */
export function creationError(thrown: unknown, sql: string): RowshiftError {
  const { code, message, details, retryable, cause } = RowshiftError.from(thrown)
  const finalCode = code === 'ACCESS_DENIED' || retryable ? code : 'CREATE_FAILED'
  return new RowshiftError(finalCode, `${message} The statement was:\n${sql}`, details, cause)
}

/** Why a table cannot be made: the database would cut the name of it, or of one of its columns (null: its own), or refuse it. `why`: in words. */
export function unfitName(table: string, column: string | null, why: string): RowshiftError {
  const message =
    column === null
      ? `The target cannot have a table ${table}: ${why}. Give it another name (--rename, or table= in --to).`
      : `The target cannot have column ${column} of ${table}: ${why}. Make the table yourself, and say which column goes where with "columns".`
  return new RowshiftError('PARAMS_INVALID', `${message} Nothing was written.`, { table })
}

/** How a target table would be made. */
export async function planCreateTable<S extends SqlSession>(
  session: S,
  sink: SqlSink<S>,
  request: CreateTableRequest,
): Promise<CreateTablePlan> {
  const { source, sourceDdl, existing } = request
  const own = sourceDdl?.family === sink.family
  if (own && sourceDdl.statements === null && existing !== null) {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `${source.table} is not a table but a view, which may read ${existing.table}; so ${existing.table} is not dropped. Use another schema_save_mode.`,
      { table: source.table },
    )
  }
  return sink.planCreateTable(session, request, own ? [] : await request.wideColumns())
}

/** Nothing happens where it is not there, but that a user who may not drop tables is told. */
export async function dropTable(session: SqlSession, table: string): Promise<void> {
  await session.run(`DROP TABLE IF EXISTS ${session.dialect.table(table)}`)
}
