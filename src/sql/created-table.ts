import type { DesignRequest, TableDesign } from '../contract/design.js'
import { RowshiftError } from '../contract/errors.js'
import type { SqlSession } from './session.js'
import type { SqlSink } from './sql-sink.js'

/** Why one of the statements that make a table failed. */
export function creationError(thrown: unknown, sql: string): RowshiftError {
  const { code, message, details, retryable, cause } = RowshiftError.from(thrown)
  const kept = code === 'ACCESS_DENIED' || retryable ? code : 'CREATE_FAILED'
  return new RowshiftError(kept, `${message} The statement was:\n${sql}`, details, cause)
}

/** How a target table would be made. */
export async function designTable<S extends SqlSession>(
  session: S,
  sink: SqlSink<S>,
  request: DesignRequest,
): Promise<TableDesign> {
  const { source, definition, existing } = request
  const own = definition?.family === sink.family
  if (own && definition.ddl === null && existing !== null) {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `${source.table} is not a table but a view, which may read ${existing.table}; so ${existing.table} is not dropped. Use another schema_save_mode.`,
      { table: source.table },
    )
  }
  return sink.design(session, request, own ? [] : await request.wide())
}
