/**
 * The plugin contract: what a database brings so that rowshift can read from it, write to it or keep its tasks in
 * it. A plugin is a module whose default export is a {@link Plugin}. Built-in plugins are registered exactly as a
 * third party's: by module specifier, resolved on the main thread and imported again in every worker thread.
 *
 * Threads and call order:
 *
 * - main thread: `connect`, `describe`, skills like `ddl` and `planCreateTable`, `Writer.plan`, `Writer.prepare`, `Reader.split`, `Writer.finish`, `close`;
 * - each worker thread, with instances of its own: `connect` before the first split, then `read` and `write` for
 *   one split after another (a `read` may run while the `write` of the split before it does; two reads never
 *   overlap, nor do two writes), `close` at the end of the run.
 *
 * Everything thrown is a {@link RowshiftError}; driver errors are mapped to codes by error number. Nobody retries
 * inside a plugin: the engine does, for codes that are retryable.
 *
 * The `read` of the smallest plugin, which stands whole in docs/plugins.md (a source of one integer column):
 *
 * ```js
 * async *read(spec, split, signal) {
 *   const builder = new BatchBuilder(spec.batch)
 *   for (let number = 1; number <= count; number++) {
 *     for (const _ of spec.columns) builder.appendPlain(String(number))
 *     builder.endRow()
 *     if (builder.full) yield builder.take()
 *     if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Stopped counting.')
 *   }
 *   const last = builder.take()
 *   if (last) yield last
 * },
 * ```
 */
import type { Batch } from '../wire/batch.js'
import type { BatchLimits } from '../wire/builder.js'
import type { API_VERSION, Capabilities } from './capabilities.js'
import type {
  CreateTableRequest,
  TableCreation,
  SourceDdl,
  CreateTablePlan,
  TableTrait,
  TableTraits,
} from './create-table.js'
import type { Connection, Endpoint } from './endpoint.js'
import type { ReadSpec, RejectRow, Split, SplitSize } from './read.js'
import type { Column, ColumnMapping, TableSchema } from './table-schema.js'
import type { Finding } from './inspection.js'
import type { ReaderSkills, WriterSkills } from './skills.js'
import type { TaskStore } from './task-store.js'
import type { PlannedWrite, WriteCounts, WriteOptions, WritePlan, WriteSpec } from './write.js'

export { type ErrorCode, type ErrorDetails, errorCodes, RowshiftError, withDoubt } from './errors.js'
export type { Capabilities } from './capabilities.js'
export type { Connection, Endpoint } from './endpoint.js'
export type { Message } from './message.js'
export type {
  Batch,
  BatchLimits,
  CreateTableRequest,
  TableCreation,
  SourceDdl,
  CreateTablePlan,
  TableTrait,
  TableTraits,
}
export type * from './derivation.js'
export type { Characters, ValueRange, ConversionClass, ConversionCheck } from './value-range.js'
export type { LockState, RunRecord, RunStatus, Task, TaskFields, TaskStore } from './task-store.js'
export type * from './read.js'
export type * from './skills.js'
export type { Finding } from './inspection.js'
export type { InServerPlan, InServerSource, InServerTarget, Sign } from './in-server.js'
export type { Column, ColumnMapping, TableSchema }
export type { CellEncoding, ColumnKind, Key, SplitKey } from './table-schema.js'
export { addCounts, nothingWritten } from './write.js'
/** Names of tables: databases with schemas read and write them, others say what a dot is. */
export { dotHint, parseTableName, readTableName, showTableName, type TableName } from './table-name.js'
export { runTaken } from './checkpoint.js'
export { onAbort } from './waiting.js'
/** The wire format: its bytes, what makes batches and what takes them apart. */
export { BACKSLASH, ESCAPE_LETTER, LF, NULL_LETTER, TAB, UNESCAPED } from '../wire/batch.js'
export { BatchBuilder } from '../wire/builder.js'
export { forEachRow, unescapeInto } from '../wire/each-row.js'
export { type CellSyntax, syntaxOf, isWellFormed, type Misfit, misfit } from '../wire/cell-syntax.js'
/** Which row it is, and what is in it, for messages. */
export { type Cells, cellsOf, excerpt, rowName, sourceRowName } from '../wire/row-name.js'
/** Writers: which rows of a batch the target rejects, and rows that wait for each other's unique values. */
export { bisect, type Bisection } from '../wire/bisect.js'
export { type RejectedRow, settle, type Settlement, unsettled } from '../wire/settle.js'
/** Databases that speak SQL: key ranges, splits, the user's own SQL, and columns that the source computes. */
export {
  above,
  orderBy,
  type Range,
  rangeConditions,
  type SqlKeyColumn,
  upTo,
  whereClause,
} from '../sql/range.js'
export {
  divideRange,
  explainSteps,
  type ProbedKey,
  type KeyProbe,
  type KeyValue,
  splitAfter,
  splitByKey,
} from '../sql/splits.js'
export * from '../sql/epoch.js'
export { enclosed, wordsOf } from '../sql/fragment.js'
export { deriveColumns, type StepDialect, type Value } from '../sql/derivation-steps.js'
export { charactersOf, type Facts, literalFacts, typeName } from '../sql/literals.js'
export { find as findTokens, listOf, rewrite as rewriteTokens, tokenize } from '../sql/tokens.js'
export type * from './write.js'
export type * from './checkpoint.js'
export type * from './deferred-indexes.js'
export type * from './foreign-keys.js'
export type * from './objects.js'

export interface Reader {
  /** What it can do beyond the methods here; `{}`: nothing. */
  readonly skills: ReaderSkills
  /** Opens the connection; `src/contract/opening.ts` has what the signal does. Throws CONNECTION_FAILED, CONNECTION_LIMIT or ACCESS_DENIED. */
  connect(signal?: AbortSignal): Promise<void>
  /** Throws TABLE_NOT_FOUND. `table` is as users write it: see `table-name.ts`. */
  describe(table: string): Promise<TableSchema>
  /**
   * The splits of `spec.table`, in key order, made lazily: the next one is computed when it is asked for.
   * Together they hold every row that existed at the first call, none twice. Bounds are compared by the database
   * only. Yields nothing for an empty table that has a key; exactly one split for a table without.
   */
  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split>
  /** The same for a part of the source: all rows of `range`, which has a key that is not NULL. Indexes start at 0. */
  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split>
  /**
   * The rows of a split, mapped columns only, in `spec.columns` order. The consumer may stop early; the reader then
   * gives up the result. When `signal` aborts, it throws INTERRUPTED soon.
   * Every cell is written as its kind must be (`src/wire/cell-syntax.ts`), since it may become SQL text. A row with another
   * one goes to `reject`, which throws when the run tolerates no more; without it, the read ends with DATA_REJECTED.
   */
  read(spec: ReadSpec, split: Split, signal: AbortSignal, reject?: RejectRow): AsyncIterable<Batch>
  close(): Promise<void>
}

export interface Writer {
  /** What it can do beyond the methods here; `{}`: nothing. */
  readonly skills: WriterSkills
  /** A database that is a file need not exist yet: then every table is missing, and `prepare` makes the file. */
  connect(signal?: AbortSignal): Promise<void>
  /** Throws TABLE_NOT_FOUND. `table` is as users write it: see `table-name.ts`. */
  describe(table: string): Promise<TableSchema>
  /**
   * Chooses how rows will be written. Changes nothing. `path` is one of `Capabilities.writePaths`, which the user asked for: throws
   * PARAMS_INVALID where this target cannot take it. null: the writer decides. Throws ACCESS_DENIED or READ_ONLY when nothing can be written.
   */
  plan(spec: WriteSpec, path: string | null): Promise<WritePlan>
  /** Before the first split: makes the table when `spec.create` says so, then runs `preSql`. */
  prepare(spec: PlannedWrite, signal: AbortSignal): Promise<void>
  /**
   * Writes the rows of one split in one transaction, or in such a way that nothing stays when it throws, and
   * resolves once they are committed. Every row received is stored with exactly its values, or counted as one of the
   * other kinds of {@link WriteCounts}; otherwise it throws and leaves nothing. When `signal` aborts before the commit was sent, it throws INTERRUPTED.
   * An error that leaves open whether the split, or a part of it, is stored after all (a commit without an answer, a
   * table that cannot roll back) has `inDoubt: true` in its details; the split is not run again then.
   * The bytes of a batch stay valid until `write` settles. The iterable may stay silent for long while it is empty
   * (the reader is at work), so nothing should be locked before the first batch is there.
   */
  write(spec: PlannedWrite, batches: AsyncIterable<Batch>, options: WriteOptions): Promise<WriteCounts>
  /** After the last split of a successful run, when all indexes are there: runs `postSql`. */
  finish(spec: PlannedWrite, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface Plugin {
  /** The version of this contract that the plugin is written for. A plugin of another one is refused when it is loaded. */
  readonly apiVersion: typeof API_VERSION
  /** What the database can do; `{}` for the defaults. Checked when the plugin is loaded. */
  readonly capabilities: Capabilities
  /** Its name, for people. */
  readonly label: string
  /** JSON Schema of {@link Connection}; checked before a connection is used. */
  readonly connectionSchema: object
  /**
   * The connection of `rowshift copy --from URL`, without the `table` parameter. `text` is the URL as it was written:
   * a {@link URL} makes the path of some schemes absolute. Throws USAGE.
   */
  connectionFromUrl(url: URL, text: string): Connection
  /** The table of a URL that names none, where a connection has but one. Default: a URL must name its table. */
  defaultTable?(connection: Connection): string
  /** Where a connection leads, without secrets: `type://user@host:port/db`. */
  describeConnection(connection: Connection): string
  createReader?(endpoint: Endpoint): Reader
  createWriter?(endpoint: Endpoint): Writer
  createTaskStore?(connection: Connection): TaskStore
  /** For `rowshift check`: the server, the user's privileges, settings that matter, how fast the line is. Default: only whether it connects is told. */
  inspect?(endpoint: Endpoint, signal: AbortSignal): Promise<readonly Finding[]>
}
