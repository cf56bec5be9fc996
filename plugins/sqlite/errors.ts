import type { ErrorCode, ErrorDetails } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { codeName } from './codes.js'

/** SQLite's primary result codes; an extended code begins with its primary one. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  SQLITE_BUSY: 'LOCK_CONFLICT',
  SQLITE_LOCKED: 'LOCK_CONFLICT',
  SQLITE_CONSTRAINT: 'DATA_REJECTED',
  SQLITE_MISMATCH: 'DATA_REJECTED',
  SQLITE_TOOBIG: 'ROW_TOO_LARGE',
  SQLITE_FULL: 'DISK_FULL',
  SQLITE_READONLY: 'READ_ONLY',
  SQLITE_AUTH: 'ACCESS_DENIED',
  SQLITE_PERM: 'ACCESS_DENIED',
}
const DUPLICATE = ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_ROWID']

export function isDuplicate(thrown: unknown): boolean {
  return DUPLICATE.includes(sqliteCode(thrown) ?? '')
}

/** The name of SQLite's error code, or null when the error is not SQLite's. */
export function sqliteCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return null
  return typeof thrown.errcode === 'number' ? codeName(thrown.errcode) : null
}

export function errorCodeOf(code: string): ErrorCode {
  if (DUPLICATE.includes(code)) return 'DUPLICATE_KEY'
  const primary = code.split('_').slice(0, 2).join('_')
  return CODES[primary] ?? 'SERVER_ERROR'
}

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  LOCK_CONFLICT: 'another connection holds the database; try again when it is done',
  ACCESS_DENIED: 'check the permissions of the file and its directory',
}

/** Anything thrown while `doing` ("reading table t of sqlite:x.db"), as a RowshiftError. */
export function sqliteError(thrown: unknown, doing: string, details: ErrorDetails = {}): RowshiftError {
  const sqlite = sqliteCode(thrown)
  if (sqlite === null || !(thrown instanceof Error)) return RowshiftError.from(thrown)
  const code = errorCodeOf(sqlite)
  const advice = ADVICE[code]
  const message = `SQLite failed while ${doing}: ${thrown.message} (${sqlite})${advice ? `; ${advice}` : ''}`
  return new RowshiftError(code, message, { ...details, sqlite }, thrown)
}

export function interrupted(doing: string): RowshiftError {
  return new RowshiftError('INTERRUPTED', `Stopped while ${doing}`)
}
