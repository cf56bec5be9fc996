/**
 * What readers and writers may be able to do beyond reading and writing. A skill is there or it is not: methods that are of use
 * together only are one object. The engine asks for a skill by its presence and does without it as the comment says. Part of
 * the plugin contract.
 */
import type { Batch } from '../wire/batch.js'
import type { Checkpoints } from './checkpoint.js'
import type { Derivation } from './derivation.js'
import type { CreateTableRequest, SourceDdl, CreateTablePlan, TableTraits } from './create-table.js'
import type { ForeignKeySource, ForeignKeyTarget } from './foreign-keys.js'
import type { IndexesSkill } from './deferred-indexes.js'
import type { Characters } from './value-range.js'
import type { InServerSource, InServerTarget } from './in-server.js'
import type { Message } from './message.js'
import type { ObjectSource, ObjectTarget } from './objects.js'
import type {
  IncrementalRequest,
  Digest,
  DigestFormat,
  DigestFormats,
  LossSearch,
  ReadSpec,
  Snapshot,
  Split,
  SplitOutline,
  SplitSize,
  TableState,
  Window,
} from './read.js'
import type { Column, ColumnMapping, TableSchema } from './table-schema.js'
import type { PlannedWrite, Sequence, WriteCounts, WriteOptions } from './write.js'

/** How much a server has to do, for the limits of `speed`. */
export interface ServerLoad {
  /** Statements under way, this question included; null: unknown. */
  readonly threadsRunning: number | null
  /** Seconds that it is behind as a replica; Infinity where it does not follow at all, null: it is not one, or unknown. */
  readonly lag: number | null
}

export interface LoadRequest {
  /** Whether `ServerLoad.lag` is wanted: it may take another privilege. */
  readonly lag: boolean
}

interface LoadSkill {
  /** Asked every second at most, while splits are computed. Throws ACCESS_DENIED where the user may not see it. Default: limits of it do not hold back the run for this end. */
  load?(asked: LoadRequest): Promise<ServerLoad>
}

export interface ReaderSkills extends LoadSkill {
  /** Names of all tables, for patterns like `log_*`. Default: such patterns are refused. */
  tables?(): Promise<readonly string[]>
  /** Whether `tables` names all of them, whatever the user may read; false: the server names only those that this user has a right to. Default: it does. */
  seesAllTables?(): Promise<boolean>
  /**
   * As `describe` of each of them, asked for at once; null: there is none of that name. A table that is not in the result has to be described by
   * itself. Default: each has to be.
   */
  describeAll?(tables: readonly string[]): Promise<ReadonlyMap<string, TableSchema | null>>
  /** Throws PARAMS_INVALID unless `where` is by itself a condition on the table's rows; resolves to warnings. Default: conditions are refused. */
  checkWhere?(table: TableSchema, where: string): Promise<readonly Message[]>
  /** How the database itself would make a table. Default: a target table is made from what `describe` says alone. */
  readonly ddl?: DdlSkill
  /**
   * Columns that the source computes while it is read, in the order wanted. Kinds and value ranges are as narrow as can
   * be known, so that the plan can judge them like any other. Throws PARAMS_INVALID with every fault in `details.faults`.
   * Default: the source does not support computed columns, and the plan is refused.
   */
  derive?(table: TableSchema, wanted: readonly Derivation[]): Promise<readonly Column[]>
  /**
   * Looks for a value of a lossy column that would not arrive unchanged, for at most a few seconds. It only
   * makes messages clearer; what is lost is decided by the columns' value ranges. Default: messages give no example.
   */
  findLoss?(table: TableSchema, column: ColumnMapping, where: string | null): Promise<LossSearch>
  /** For copies of a whole database. Default: a target gets none. */
  readonly foreignKeys?: ForeignKeySource
  /** Views, triggers, routines: for copies of a whole database. Default: none are known. */
  readonly objects?: ObjectSource
  /**
   * Last look at the source before a row moves. Throws when the copy cannot work (privileges, a row that is
   * too large, keys that the target's collation takes for equal); resolves to warnings. `allColumns`: the user wants
   * every column, so that one which the connection may not see is an error. Searches are bounded in time. A column that is
   * read, but not written as it is, has itself for a target. Default: nothing is looked at.
   */
  check?(spec: ReadSpec, write: PlannedWrite, allColumns: boolean): Promise<readonly Message[]>
  /**
   * For lookups: the rows in which the first columns of `spec.columns` (integers, texts or bytes) are those of a
   * row of `keys`, a batch of these columns without NULL; in `spec.columns` order, the rows in any. Rows whose key
   * is the same to the database only (case, spaces at the end) may be among them: whoever asks compares bytes. The
   * key, the condition and the window of `spec` play no part. Default: nothing can be looked up in this database.
   */
  find?(spec: ReadSpec, keys: Batch, signal: AbortSignal): AsyncIterable<Batch>
  /** For `rowshift plan`: how `split` and `read` will go about it. Reads a few keys at most. Default: the plan does not say. */
  outline?(spec: ReadSpec): Promise<SplitOutline>
  /**
   * So that a run which ended early can be resumed: the splits of all rows whose key is above `after`, up to the last one; null: of
   * all rows whose key is not NULL. Without a key, the whole table is one. Default: such a run is begun anew.
   */
  splitAfter?(
    spec: ReadSpec,
    after: Split['upper'],
    size: SplitSize,
    signal: AbortSignal,
  ): AsyncIterable<Split>
  /** Asked before and after a run, which warns when the table was emptied or replaced meanwhile. Default: it cannot tell. */
  state?(spec: ReadSpec): Promise<TableState>
  /**
   * For incremental modes: fixes the window of this run. Rows that are written at the same time, or whose
   * transactions are still open, must not be left behind: see docs/incremental.md. Default: incremental modes are refused.
   */
  incrementalRange?(request: IncrementalRequest): Promise<Window>
  /** For incremental runs: tells whether a table still is the one that the watermark is about. Default: such runs do not look. */
  readonly marks?: MarksSkill
  /** For verification inside the database: see {@link Digest}. Default: rows are read and compared outside. */
  readonly digest?: DigestSkill
  /** For `consistency: snapshot`. Default: it is refused. */
  readonly snapshot?: SnapshotSkill
  /** For `write_path: in-server`, together with that of a writer. Default: rows always pass through rowshift. */
  readonly inServer?: InServerSource
}

export interface DdlSkill {
  sourceDdl(table: string): Promise<SourceDdl>
  /** Columns that hold more than others take their type for (`CreateTableRequest.wideColumns`), as far as two seconds show. */
  wideColumns(table: string): Promise<readonly string[]>
  /**
   * For the comparison of databases of one family: of a table elsewhere and one of this database. What the table elsewhere has and no table here can have is left
   * out. Both have `statements`. Default: columns and unique keys are compared alone.
   */
  traits?(elsewhere: SourceDdl, own: SourceDdl): Promise<TableTraits>
}

export interface MarksSkill {
  /**
   * Digests of some rows, equal for equal `spec.columns`; null: there are none. With `below`, only of rows that are below the
   * watermark of that request.
   */
  sample(spec: ReadSpec, below?: IncrementalRequest): Promise<readonly string[] | null>
  /** Whether a row is below the watermark of such a request, which a run does not read. */
  holdsBelow(request: IncrementalRequest): Promise<boolean>
}

export interface DigestSkill {
  /** Column by column, the forms in which values can be hashed, the best first; null: this server cannot do it. */
  formats(spec: ReadSpec): Promise<readonly (readonly DigestFormat[])[] | null>
  /** Of the rows of a split. */
  ofSplit(spec: ReadSpec, formats: DigestFormats, split: Split, signal: AbortSignal): Promise<Digest | null>
  /** A column to read beside others: the digest of each row, NULL for a row that is too large. */
  ofRows(spec: ReadSpec, formats: DigestFormats): Promise<Column>
}

/** The coordinator's reader begins the snapshot, every reader (this one too) joins it, then what `begin` gave is released. */
export interface SnapshotSkill {
  /** The snapshot has a token, by which other processes may join it until `release`. Default: it has none. */
  readonly exports?: boolean
  /**
   * Fixes the moment that is seen of these tables: by a lock that holds writers off until `release`, or by a snapshot that the database
   * exports under a token. Throws ACCESS_DENIED where the user may not do that, LOCK_CONFLICT when writers do not make way, and INTERRUPTED soon
   * when `signal` aborts meanwhile.
   */
  begin(tables: readonly string[], signal: AbortSignal): Promise<Snapshot>
  /**
   * From now on `split`, `divide` and `read` see that moment until `close`, and a reader that loses its connection throws instead of opening
   * a new one.
   */
  join(token: string | null): Promise<void>
}

export interface WriterSkills extends LoadSkill {
  /** Names of all tables, for shards by date. Default: there can be none. */
  tables?(): Promise<readonly string[]>
  /**
   * As `describe` of each of them, asked for at once; null: there is none of that name. A table that is not in the result has to be described by
   * itself. Default: each has to be.
   */
  describeAll?(tables: readonly string[]): Promise<ReadonlyMap<string, TableSchema | null>>
  /** The highest value of a column, as cell text; null when there is none. Default: no incremental run begins where the target ends. */
  highest?(table: string, column: Column): Promise<string | null>
  /**
   * The code points that a text column takes, as first and last of each range. Asked for columns whose
   * coverage is a character set by name, when characters outside it are to become `?`. Default: the run
   * fails on them.
   */
  charsetCoverage?(column: Column): Promise<NonNullable<Characters['ranges']>>
  /**
   * How a target table would be made: by the source's own DDL when the families are the same, else from columns and
   * unique keys, in types that keep every value. Changes nothing. Default: the plugin cannot create tables.
   */
  planCreateTable?(request: CreateTableRequest): Promise<CreateTablePlan>
  /** Drops a table that rowshift has made for itself, if it is there. Default: it makes none (`rowshift bench`). */
  dropTable?(table: string): Promise<void>
  /**
   * In a worker thread: no more rows come for this table, and others will. What the connection has made for it, such as a temporary table,
   * may go. Default: there is nothing, or it stays until `close`.
   */
  forget?(spec: PlannedWrite): Promise<void>
  /** Writes the rows that `write` gave to {@link WriteOptions.onDeferred}. Default: no row is deferred. */
  settle?(spec: PlannedWrite, rows: readonly Batch[], options: WriteOptions): Promise<WriteCounts>
  /** For rows that the source has deleted. Default: repairs, and runs that delete, are refused. */
  readonly deletes?: DeletesSkill
  /** For generated ids. Default: the target does not support sequences. */
  readonly sequences?: SequencesSkill
  /** For `write_path: in-server`, together with that of a reader. Default: rows always come from outside. */
  readonly inServer?: InServerTarget
  /** For copies of a whole database. Default: tables get none. */
  readonly foreignKeys?: ForeignKeyTarget
  /** Views, triggers, routines: for copies of a whole database. Default: none are made. */
  readonly objects?: ObjectTarget
  /** So that indexes of the target can come after its rows. Default: they come with the rows. */
  readonly indexes?: IndexesSkill
  /** So that runs that ended early can be resumed. Used on the main thread. Default: they are begun anew. */
  readonly checkpoints?: Checkpoints
}

export interface DeletesSkill {
  /**
   * Deletes the rows whose identity (`spec.identity`) is byte for byte that of a row of the batch, in one transaction. Resolves to
   * how many those were.
   */
  remove(spec: PlannedWrite, rows: Batch, signal: AbortSignal): Promise<number>
  /**
   * The same rows are not deleted; `flag`, a column of the table, is set in them: to 1 if it is a number, else
   * to the server's present time in UTC. Resolves to how many those were.
   */
  flag(spec: PlannedWrite, rows: Batch, flag: Column, signal: AbortSignal): Promise<number>
}

/** Each method has a connection of its own, without a transaction under way. */
export interface SequencesSkill {
  /**
   * After `prepare` and before the first row: makes the sequence unless it is there, and moves it above what the tables hold; it
   * never goes back.
   */
  open(sequence: Sequence): Promise<void>
  /** In any thread: the first of `count` numbers in a row that nobody else gets, nor got before; that is on the disk when it resolves. */
  take(sequence: Sequence, count: number): Promise<string>
}
