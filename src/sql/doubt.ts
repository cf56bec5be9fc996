import { RowshiftError } from '../contract/errors.js'

/** A commit that failed in such a way that it may have happened all the same. */
export function commitInDoubt(error: RowshiftError): RowshiftError {
  return inDoubt(error, ' This split may or may not be stored; look at the target before running again.')
}

/** Some of the split may be stored, so it must not simply be run again. */
export function inDoubt({ code, message, details, cause }: RowshiftError, say = ''): RowshiftError {
  return new RowshiftError(code, message + say, { ...details, inDoubt: true }, cause)
}
