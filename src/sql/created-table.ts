import { RowshiftError } from '../contract/errors.js'

/** Why one of the statements that make a table failed. */
export function creationError(thrown: unknown, sql: string): RowshiftError {
  const { code, message, details, retryable, cause } = RowshiftError.from(thrown)
  const kept = code === 'ACCESS_DENIED' || retryable ? code : 'CREATE_FAILED'
  return new RowshiftError(kept, `${message} The statement was:\n${sql}`, details, cause)
}
