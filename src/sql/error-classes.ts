/** What the errors of a database mean. Each plugin has a table of its own, as data. */
import type { ErrorCode, ErrorDetails } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'

export interface ErrorClass {
  readonly code: ErrorCode
  /** What to do, as a sentence. */
  readonly advice?: string | undefined
}

/** Errors by what the database identifies them with: numbers, states, names. */
export type ErrorClasses<Id> = ReadonlyMap<Id, ErrorClass>

/** What is not listed is a SERVER_ERROR. */
const UNLISTED: ErrorClass = { code: 'SERVER_ERROR' }

export function errorClasses<Id>(
  table: readonly (readonly [ErrorCode, ids: readonly Id[], advice?: string])[],
): ErrorClasses<Id> {
  return new Map(table.flatMap(([code, ids, advice]) => ids.map((id) => [id, { code, advice }])))
}

/** `ids`: of the error itself, then of the groups that it belongs to. */
export function classOf<Id>(classes: ErrorClasses<Id>, ...ids: readonly Id[]): ErrorClass {
  const known = ids.find((id) => classes.has(id))
  return known === undefined ? UNLISTED : classes.get(known)!
}

/**
 * The error of what was `doing` ("writing table t"). `reason` is in the database's own words, with the error's number or name
 * behind them.
 */
export function failureOf(
  { code, advice }: ErrorClass,
  doing: string,
  reason: string,
  details: ErrorDetails,
  cause: unknown,
): RowshiftError {
  const what = `${doing.charAt(0).toUpperCase()}${doing.slice(1)} failed: ${reason}.`
  return new RowshiftError(code, advice ? `${what} ${advice}` : what, details, cause)
}

/** What ended a connection in the middle of the work, with where it led to. */
export class LostConnection extends RowshiftError {
  readonly reason: string

  constructor(where: string, reason: string, cause?: unknown) {
    const what = `connection to ${where} was lost: ${reason}`
    super('CONNECTION_LOST', `The ${what}.`, { connection: where }, cause)
    this.reason = `the ${what}`
  }
}

const FAULTS = [TypeError, RangeError, ReferenceError, SyntaxError]

/** What a wrong call throws, also with a code of Node.js: it has nothing to do with the connection, and would happen again. */
export function isProgramFault(thrown: unknown): boolean {
  if (!(thrown instanceof Object) || FAULTS.some((type) => thrown instanceof type)) return true
  return (thrown as { code?: unknown }).code === 'ERR_ASSERTION'
}

/** A message of a database as a part of a sentence of ours. */
export function withoutStop(message: string): string {
  return message.replace(/(?<![.\s])[.\s]+$/, '')
}
