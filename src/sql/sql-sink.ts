import type { CreateTableRequest, CreateTablePlan } from '../contract/create-table.js'
import type { Characters } from '../contract/value-range.js'
import type { Endpoint } from '../contract/endpoint.js'
import type { RowshiftError } from '../contract/errors.js'
import type { ReadSpec, Split } from '../contract/read.js'
import type { LoadRequest, ServerLoad } from '../contract/skills.js'
import type { Column, TableSchema } from '../contract/table-schema.js'
import type { PlannedWrite, WritePlan, WriteSpec } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import type { CopiedRows, InServerPlanner } from './unseen-rows.js'
import type { ForeignKeyStatements } from './foreign-key-statements.js'
import type { IndexStatements } from './index-statements.js'
import type { ObjectTargetSql } from './object-statements.js'
import type { SqlSession } from './session.js'
import type { SettlementSteps } from './settlement.js'
import type { Tally } from './tally.js'

/**
 * What one database's writer does in its own way; `SqlWriter` does the rest, and has the meaning of each method in `Writer`. Errors of
 * the driver may be thrown as they are.
 */
export interface SqlSink<S extends SqlSession> {
  /** Opens a session for writing. One of a file that does not exist yet has an empty database, and is spent when it does. */
  open(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<S>
  describe(session: S, table: string): Promise<TableSchema>
  tables(session: S): Promise<readonly string[]>
  /** Default: each table is described by itself. */
  describeAll?(session: S, tables: readonly string[]): Promise<ReadonlyMap<string, TableSchema | null>>
  charsetCoverage?(session: S, column: Column): Promise<NonNullable<Characters['ranges']>>
  /** Default: the database cannot say how much it has to do. */
  load?(session: S, asked: LoadRequest): Promise<ServerLoad>
  /** Of the DDL that it understands: `SourceDdl.family`. */
  readonly family: string
  /** `wide`: of a source of another family, columns that need the widest type of their kind. */
  planCreateTable(session: S, request: CreateTableRequest, wide: readonly string[]): Promise<CreateTablePlan>
  plan(session: S, spec: WriteSpec, writePath: string | null): Promise<WritePlan>
  /** Before anything is changed: sets up the database itself, or makes it. Default: it needs nothing. */
  prepare?(endpoint: Endpoint, signal: AbortSignal): Promise<void>
  /** Runs one of the statements that make a table. Default: like any other statement. */
  runDdl?(session: S, sql: string): Promise<unknown>
  /** Calls `work`, which runs all of them in a transaction. Default: does only that. */
  aroundDdl?(session: S, work: () => Promise<void>): Promise<void>
  /** After the last row of a run that succeeds: brings in line what the rows do not change by themselves. Default: nothing is. */
  finish?(session: S, spec: PlannedWrite): Promise<void>
  /** No more rows come for this plan in this session. Default: it has made nothing for them that could go. */
  forget?(session: S, spec: PlannedWrite): Promise<unknown>
  /** For rows that never leave the server; then `RowStore.copy` is there too. Default: all rows come from outside. */
  readonly inServer?: InServerPlanner<S>
  /** Default: foreign keys are not made. */
  readonly foreignKeys?: ForeignKeyStatements<S>
  /** Default: no views, triggers or routines are made. */
  readonly objects?: ObjectTargetSql<S>
  /** Default: indexes come with the rows. */
  readonly indexes?: IndexStatements<S>
  /** How rows are stored by a plan. Asked for each split. */
  rows(session: S, spec: PlannedWrite): RowStore
}

/** What the transaction of a split is for: the method of {@link RowStore} that is called next. */
export type SplitPurpose = 'write' | 'settlement' | 'copy'

/** Stores rows by one plan, in one session. */
export interface RowStore {
  /** The table can take back what was stored. */
  readonly transactional: boolean
  /** A row that has a unique value of another one may wait for it. */
  readonly defers: boolean
  /** Begins the transaction of a split; before that, makes what the split needs beside the table. */
  begin(purpose: SplitPurpose): Promise<void>
  /** Writes all rows but those that `tally.reject` is given, and counts them. */
  write(batches: AsyncIterable<Batch>, tally: Tally): Promise<void>
  /**
   * Copies a split by one statement, whose transaction was begun for it. null: the statement has changed a value, or some rows are not
   * accounted for.
   */
  copy?(read: ReadSpec, split: Split): Promise<CopiedRows | null>
  /** How rows that have waited for unique values are written. */
  settlement(): SettlementSteps
  /** Whether SPLIT_TOO_LARGE says that one row alone was too much. Default: others' transactions use up what it lacks. */
  blamesOnlyRow?(error: RowshiftError): boolean
  /** Why a commit failed; `commitInDoubt` where it may have happened all the same. */
  commitError(thrown: unknown): RowshiftError
}
