import type { ReadSpec } from '../contract/read.js'
import type { Batch } from '../wire/batch.js'
import type { SqlDialect } from './dialect.js'

/** A row of a small result: the text of each value, exact; bytes are hexadecimal digits, null is NULL. */
export type SqlRow = readonly (string | null)[]

/** A SELECT in parts: `SELECT a, b FROM t WHERE x AND y LIMIT 1`. */
export interface SqlSelect {
  readonly select: readonly string[]
  /** What follows FROM: a table, as it stands in SQL. */
  readonly from: string
  /** Joined with AND; none: all rows. */
  readonly where: readonly string[]
  /** What follows the conditions, with a space before it. */
  readonly tail?: string
}

/**
 * One open connection to a database that speaks SQL, made by the plugin and used by everything in `src/sql/`. Only one method runs
 * at a time. What it throws are errors of the driver, which {@link SqlDialect.error} knows, or RowshiftErrors.
 *
 * Every wait in it ends: by the answer, when the signal that it was opened with (or one given by `bind`) aborts, or when the server is gone.
 */
export interface SqlSession {
  readonly dialect: SqlDialect
  /** The connection without secrets, for messages. */
  readonly where: string
  /** Runs one statement. For small results. */
  query(sql: string): Promise<readonly SqlRow[]>
  /**
   * Has one statement parsed, its names looked up and the user's privileges checked, and does not run it. Throws also where more than one
   * statement is given.
   */
  check(sql: string): Promise<void>
  /** Runs a statement of any kind, also one of the user. Resolves to how many rows it has deleted, inserted or changed. */
  run(sql: string): Promise<number>
  /** A search that must not take longer than about so many seconds (default: two); null: it was stopped. */
  search(select: SqlSelect, seconds?: number): Promise<readonly SqlRow[] | null>
  /**
   * The rows of a query whose columns are `spec.columns`, each selected as `SqlDialect.cell` says. Throws DATA_REJECTED for a value that
   * cannot be written as a cell, INTERRUPTED soon after a signal. The consumer may stop early; then the session may be `spent`.
   */
  stream(spec: ReadSpec, sql: string): AsyncIterable<Batch>
  /** It stands in the middle of a result, or was given up: whoever needs a session opens another one. */
  readonly spent: boolean
  /** Begins a transaction that writes; where writers take turns, this waits for ours. */
  begin(): Promise<void>
  commit(): Promise<void>
  /** Also where no transaction is open. */
  rollback(): Promise<void>
  /** From now on what is awaited is given up when `signal` aborts too; until what is returned is called. */
  bind(signal: AbortSignal): () => void
  /** Cuts the connection: whatever is awaited fails, and what is not committed is rolled back. */
  destroy(): void
  /** Ends the session in order, also one that is cut; resolves when the server does nothing more for it. */
  close(): Promise<void>
}
