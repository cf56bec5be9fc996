/** What the process ends with: the contract of the command line. */
export const ExitCode = {
  success: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  different: 4,
  interrupted: 130,
} as const

/**
 * What the engine may do about an error before the run fails. Always a bounded number of times, and only if nothing of the
 * attempt can be stored already (not where `details.inDoubt` is true).
 *
 * - `retry`: do the same again after a pause, over new connections where one was lost. What was in the way passes by itself: a deadlock, a
 *   restart, a failover.
 * - `wait`: do the same again, with long pauses: somebody has to act first, for instance make room on a disk.
 * - `shrink`: do it again with less at once: smaller statements, smaller splits.
 * - `never`: it would only fail again, or nobody but the user may decide.
 */
export type Reaction = 'retry' | 'wait' | 'shrink' | 'never'

interface CodeFacts {
  readonly exit: number
  /** Default: `never`. */
  readonly reaction?: Reaction
  /** The engine does not try it again, but the same command may succeed later. */
  readonly later?: true
  /** A row is to blame: it can be found and left out, and the others go in. */
  readonly row?: true
}

/** Every error code. `docs/errors.md` mirrors this table; a test compares the two. */
export const errorCodes = {
  /** The command line is wrong. */
  USAGE: { exit: ExitCode.usage },
  /** A configuration file or connection is missing or malformed. */
  CONFIG_INVALID: { exit: ExitCode.usage },
  /** A configuration file or URL names an environment variable that is not set. */
  VARIABLE_MISSING: { exit: ExitCode.usage },
  /** The configuration has no connection under the key that the task asks for. */
  CONNECTION_UNKNOWN: { exit: ExitCode.usage },
  /** No plugin is known for a database type, or it or its driver cannot be loaded. */
  PLUGIN_UNKNOWN: { exit: ExitCode.usage },
  /** The task store has no task table yet, or tables of an earlier version. */
  TASK_STORE_MISSING: { exit: ExitCode.usage },
  /** There is no task (or run) with this id. */
  TASK_NOT_FOUND: { exit: ExitCode.usage },
  /** The task's `online_status` is not 1. */
  TASK_OFFLINE: { exit: ExitCode.usage },
  /** A task's `params` are not valid; every fault is listed with its path. */
  PARAMS_INVALID: { exit: ExitCode.usage },
  /** The source or the target was emptied or replaced since the watermark of an incremental run was set. */
  WATERMARK_STALE: { exit: ExitCode.usage },
  /** Source and target are the same table. */
  SAME_TABLE: { exit: ExitCode.usage },
  /** The source or target database or table does not exist. */
  TABLE_NOT_FOUND: { exit: ExitCode.usage },
  /** A column named by the task does not exist, or cannot be used for what it is named for. */
  COLUMN_NOT_FOUND: { exit: ExitCode.usage },
  /** A NOT NULL target column has no default and no source column feeds it. */
  COLUMN_REQUIRED: { exit: ExitCode.usage },
  /** The write mode needs a unique key that the target does not have. */
  KEY_REQUIRED: { exit: ExitCode.usage },
  /** The target server, database or file takes no writes. */
  READ_ONLY: { exit: ExitCode.usage, reaction: 'retry' },
  /** The copy would lose data; nothing was written. */
  LOSSY: { exit: ExitCode.refused },
  /** Foreign keys of the target are checked as rows come, and its tables refer to each other in a circle; nothing was written. */
  KEYS_IN_CIRCLE: { exit: ExitCode.refused },
  /** Source and target hold different rows. */
  DIFFERENT: { exit: ExitCode.different },
  /** A repair would delete more rows than it may; nothing was changed. */
  DELETES_REFUSED: { exit: ExitCode.failed },
  /** The target table could not be made as it was planned; no row was written. */
  CREATE_FAILED: { exit: ExitCode.failed },
  /** Rows refer to rows that are not there, so that a foreign key cannot be, or is broken. */
  ORPHANED_ROWS: { exit: ExitCode.failed },
  /** A view, trigger, routine or event could not be made. */
  OBJECT_FAILED: { exit: ExitCode.failed },
  /** The server could not be reached. */
  CONNECTION_FAILED: { exit: ExitCode.failed, reaction: 'retry' },
  /** The server takes no more connections, at all or of this user. */
  CONNECTION_LIMIT: { exit: ExitCode.failed, reaction: 'retry' },
  /** A server had more to do than the limits of `speed` allow, for too long. */
  OVERLOADED: { exit: ExitCode.failed, later: true },
  /** User, password or privileges were refused. */
  ACCESS_DENIED: { exit: ExitCode.failed },
  /** A connection ended in the middle of the work. */
  CONNECTION_LOST: { exit: ExitCode.failed, reaction: 'retry' },
  /** The connection that held a snapshot ended, and the snapshot with it. */
  SNAPSHOT_LOST: { exit: ExitCode.failed, later: true },
  /** A worker thread ended in the middle of its work. */
  THREAD_LOST: { exit: ExitCode.failed },
  /** A lock wait timed out, a deadlock was broken or a statement was killed. */
  LOCK_CONFLICT: { exit: ExitCode.failed, reaction: 'retry' },
  /** The target already holds a row with the same key. */
  DUPLICATE_KEY: { exit: ExitCode.failed, row: true },
  /** The target rejected a value, or would have stored it changed. */
  DATA_REJECTED: { exit: ExitCode.failed, row: true },
  /** A lookup table does not have the key of a row. */
  LOOKUP_MISSING: { exit: ExitCode.failed, row: true },
  /** A lookup table has two values for one key. */
  LOOKUP_AMBIGUOUS: { exit: ExitCode.failed },
  /** A transform threw, returned what cannot be written, or ended its thread. */
  TRANSFORM_FAILED: { exit: ExitCode.failed, row: true },
  /** A transform did not come back in time; its thread was ended. */
  TRANSFORM_TIMEOUT: { exit: ExitCode.failed },
  /** No table of a sharded target is for the row. */
  SHARD_UNKNOWN: { exit: ExitCode.failed, row: true },
  /** A row is larger than the target, or a statement to it, may hold. */
  ROW_TOO_LARGE: { exit: ExitCode.failed, row: true },
  /** A statement was larger than the target server, or what lies between, lets through. */
  PACKET_TOO_LARGE: { exit: ExitCode.failed, reaction: 'shrink' },
  /** One transaction changes more than the target server can keep or lock. */
  SPLIT_TOO_LARGE: { exit: ExitCode.failed, reaction: 'shrink' },
  /** The target server or file has no room for more rows. */
  DISK_FULL: { exit: ExitCode.failed, reaction: 'wait' },
  /** The file for rejected rows could not be written; the split was rolled back. */
  DIRTY_FILE_FAILED: { exit: ExitCode.failed },
  /** Rows read and rows stored differ; the split was rolled back. */
  COUNT_MISMATCH: { exit: ExitCode.failed },
  /** The server answered with an error that has no class of its own. */
  SERVER_ERROR: { exit: ExitCode.failed },
  /** Another run of the task is under way. */
  TASK_RUNNING: { exit: ExitCode.failed, later: true },
  /** Somebody else has changed the same fields of a task since it was read. */
  TASK_CHANGED: { exit: ExitCode.failed },
  /** Another process goes on with the same run, has ended it, or has made its table anew. */
  RUN_TAKEN: { exit: ExitCode.failed },
  /** The run cannot be resumed: it has ended, or something has changed since it began. */
  RESUME_REFUSED: { exit: ExitCode.refused },
  /** A run cannot be shared among hosts, or a worker cannot take part in it. */
  HOSTS_REFUSED: { exit: ExitCode.refused },
  /** No worker took part in a run for too long. */
  HOSTS_MISSING: { exit: ExitCode.failed, later: true },
  /** The user stopped the run. */
  INTERRUPTED: { exit: ExitCode.interrupted, later: true },
  /** A fault in rowshift itself. */
  INTERNAL: { exit: ExitCode.failed },
} as const satisfies Record<string, CodeFacts>

export type ErrorCode = keyof typeof errorCodes

/** Where it happened: table, split, key, column, errno … Plain JSON, free of secrets. */
export type ErrorDetails = Readonly<Record<string, Detail>>
type Detail = string | number | boolean | null | readonly string[] | Readonly<Record<string, object>>

/** The form in which an error crosses a thread boundary and stands in a report. */
export interface ErrorReport {
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails
}

/** Every copy of this module marks its errors with it: a plugin in a package of its own may bring another copy. */
const BRAND = Symbol.for('rowshift.RowshiftError')

/**
 * The one error class. The message is written for the user: what happened, where, and what to do next.
 * Plugins map driver errors to a code by the driver's error number, never by message text.
 * `instanceof` recognises the errors of every copy of the package.
 */
export class RowshiftError extends Error {
  override readonly name = 'RowshiftError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A plugin's own kinds of errors inherit this, and are told by their class.
    if (this !== RowshiftError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && BRAND in value
  }

  get [BRAND](): true {
    return true
  }

  /** What the engine may do about it. */
  get reaction(): Reaction {
    return this.#facts.reaction ?? 'never'
  }

  /** Whether doing the same again, unchanged, may succeed. */
  get retryable(): boolean {
    return this.reaction === 'retry' || this.reaction === 'wait' || this.#facts.later === true
  }

  /** Whether it is about a row and what is in it, not about a connection, a lock or a table. */
  get blamesRow(): boolean {
    return 'row' in this.#facts
  }

  get exitCode(): number {
    return this.#facts.exit
  }

  /** A plugin may be written for another version, or without types. */
  get #facts(): CodeFacts {
    return Object.hasOwn(errorCodes, this.code) ? errorCodes[this.code] : errorCodes.SERVER_ERROR
  }

  report(): ErrorReport {
    return { code: this.code, message: this.message, details: this.details }
  }

  static fromReport(report: ErrorReport): RowshiftError {
    return new RowshiftError(report.code, report.message, report.details)
  }

  /** Anything thrown, as a RowshiftError; what is not one already is a fault of ours. */
  static from(thrown: unknown): RowshiftError {
    if (thrown instanceof RowshiftError) return thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new RowshiftError('INTERNAL', `Unexpected fault: ${message}`, {}, thrown)
  }
}

/** Nobody knows whether a split that was cut off at its end is stored, so that is said whatever else there is to say. */
export function withDoubt(first: RowshiftError, next: RowshiftError | null): RowshiftError {
  if (next === first || next?.details['inDoubt'] !== true) return first
  // A thread that ends does so with several splits.
  const message = first.message.includes(next.message) ? first.message : `${first.message} ${next.message}`
  return new RowshiftError(first.code, message, { ...first.details, inDoubt: true })
}

/** Hides the password of every URL in a text: command lines and driver messages may hold one. */
export function redact(text: string): string {
  return text.replaceAll(/\S+/g, redactWord)
}

/** By steps that each look at the rest of the word once, so that a long text takes no longer than it has to. */
function redactWord(word: string): string {
  // A password may hold any character that is not encoded, so the last one ends it.
  const end = word.lastIndexOf('@')
  for (let at = word.indexOf('://', 1); at >= 0 && at < end; at = word.indexOf('://', at + 1)) {
    const user = /[^:@/]*:/y
    user.lastIndex = at + 3
    if (!/[a-z0-9+.-]/i.test(word[at - 1]!) || !user.test(word) || user.lastIndex > end) continue
    if (word.startsWith('password@', user.lastIndex)) continue
    return `${word.slice(0, user.lastIndex)}***${word.slice(end)}`
  }
  return word
}
