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
