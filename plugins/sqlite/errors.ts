import type { ErrorDetails } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { ErrorClass } from '../../src/sql/error-classes.js'
import { classOf, errorClasses, failureOf, withoutStop } from '../../src/sql/error-classes.js'
import { codeName } from './codes.js'

/** Names of SQLite's result codes; an extended one begins with its primary one, which stands for all others of it. */
const classes = errorClasses<string>([
  ['DUPLICATE_KEY', ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_ROWID']],
  ['DATA_REJECTED', ['SQLITE_CONSTRAINT', 'SQLITE_MISMATCH']],
  ['ROW_TOO_LARGE', ['SQLITE_TOOBIG']],
  [
    'LOCK_CONFLICT',
    ['SQLITE_BUSY', 'SQLITE_LOCKED'],
    'Another connection holds the database; try again when it is done.',
  ],
  ['ACCESS_DENIED', ['SQLITE_AUTH', 'SQLITE_PERM'], 'Check the permissions of the file and its directory.'],
  ['READ_ONLY', ['SQLITE_READONLY'], 'Check the permissions of the file and its directory.'],
  ['DISK_FULL', ['SQLITE_FULL'], 'Make room on the disk of the file.'],
])

export function isDuplicate(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code !== null && errorClassOf(code).code === 'DUPLICATE_KEY'
}

/** The name of SQLite's error code, or null when the error is not SQLite's. */
export function sqliteCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return null
  return typeof thrown.errcode === 'number' ? codeName(thrown.errcode) : null
}

export function errorClassOf(code: string): ErrorClass {
  return classOf(classes, code, code.split('_').slice(0, 2).join('_'))
}

/** Anything thrown while `doing` ("reading table t of sqlite:x.db"), as a RowshiftError. */
export function sqliteError(thrown: unknown, doing: string, details: ErrorDetails = {}): RowshiftError {
  const sqlite = sqliteCode(thrown)
  if (sqlite === null || !(thrown instanceof Error)) return RowshiftError.from(thrown)
  const reason = `${withoutStop(thrown.message)} (${sqlite})`
  return failureOf(errorClassOf(sqlite), doing, reason, { ...details, sqlite }, thrown)
}

export function interrupted(doing: string): RowshiftError {
  return new RowshiftError('INTERRUPTED', `Stopped while ${doing}`)
}
