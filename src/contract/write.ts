/** What passes between the engine and a {@link Writer} while it writes a split. Part of the plugin contract. */
import type { Batch } from '../wire/batch.js'
import type { BatchLimits } from '../wire/builder.js'
import type { TableCreation } from './create-table.js'
import type { RowshiftError } from './errors.js'
import type { Message } from './message.js'
import type { ColumnMapping, SplitKey, TableSchema } from './table-schema.js'

/**
 * What happens to a row whose key is there already: `insert` fails, `ignore` leaves the old row alone, `replace`
 * deletes it first, `upsert` updates it in place. Any other fault of a row is an error in every mode.
 */
export type WriteMode = 'insert' | 'ignore' | 'replace' | 'upsert'

/** What a writer must know to write rows to a table. Plain JSON without secrets. */
export interface WriteSpec {
  readonly table: TableSchema
  /** null: the table is there and stays. */
  readonly create: TableCreation | null
  /** What is written, in the table's order. */
  readonly columns: readonly ColumnMapping[]
  /** Of the source: the table's name and the key that it is split by, which name rows in messages. */
  readonly from: string
  readonly key: SplitKey | null
  readonly writeMode: WriteMode
  /** Columns of the unique key by which `ignore` and `upsert` match a row; null in the other modes. */
  readonly identity: readonly string[] | null
  /** The run also deletes the rows that the source does not have. */
  readonly deletes: boolean
  readonly errorLimit: ErrorLimit
  /** How many threads write at the same time. */
  readonly threads: number
  /** Rows come a few at a time, so what pays for many rows only does not pay. Default: many. */
  readonly fewRows?: true
  /** The source holds a row of more than the `maxRowBytes` that this writer named first. Default: none that is known. */
  readonly largeRows?: true
  /** At most this many rows per write statement; null: the plugin cuts by bytes. */
  readonly writeBatch: number | null
  readonly preSql: readonly string[]
  readonly postSql: readonly string[]
}

/** The same when the writer has chosen how. */
export type PlannedWrite = WriteSpec &
  WritePlan & {
    /** Of the batches that the writer gets. */
    readonly batch: BatchLimits
    /** Of `InServerPlan`: rows go from table to table inside the server, and by `path` where they cannot. Default: all rows go by `path`. */
    readonly inServer?: Readonly<Record<string, unknown>>
  }

/** How rows enter the target. */
export interface WritePlan {
  /** One of `Capabilities.writePaths`, or what else says how; stands in plan, log and report. */
  readonly path: string
  readonly reasons: readonly Message[]
  readonly warnings: readonly Message[]
  /** Most bytes a batch may have, so that it fits into one write statement. Default: the engine's own. */
  readonly maxBatchBytes?: number
  /** Triggers of the target that run for rows written and may change them; refused unless `allow_triggers` is set. */
  readonly triggers?: readonly string[]
  /** Bytes that one row may have at most, where that is a limit. */
  readonly maxRowBytes?: number
  /** Only where the target holds a row: the statement that empties it, for `pre_sql`. */
  readonly emptiedBy?: string
  /** Why splits of this table can leave no checkpoints, in words. Default: they can, if the writer has `checkpoints`. */
  readonly unmarked?: string
  /** Whatever the plugin's `write` wants to know again. Plain JSON. */
  readonly facts: Readonly<Record<string, unknown>>
}

export interface WriteOptions {
  readonly signal: AbortSignal
  /** Called with the number of rows handed to the target so far, not yet committed. */
  readonly onProgress: (rows: number) => void
  /**
   * Called with a row that the target does not take, as a batch of one, and why: an error whose `blamesRow` is true.
   * It throws when the run tolerates no more of them; when it returns, the writer leaves the row out and goes on.
   */
  readonly onDirty: (row: Batch, error: RowshiftError) => void
  /**
   * Optional, for `upsert`. Called in the place of `onDirty` with a row that fails with DUPLICATE_KEY, alone or with some others: the
   * row that has its unique value may give it up later in the run. The writer leaves the rows out, counts them nowhere and goes on. After all
   * other rows of the run, the skill `settle` gets them again, without this option, and writes such rows in one transaction. They may
   * take over each other's values, in a ring too; a row whose value another row keeps goes to `onDirty`.
   */
  readonly onDeferred?: (rows: Batch, error: RowshiftError) => void
  /**
   * Called once all rows of the split are in their place, before the commit is sent: what was handed to `onDirty` is
   * put into safety. What it throws rolls the split back.
   */
  readonly beforeCommit: () => void
  /** Optional, for writers that have `deletes`: rows that are removed in the same transaction, when those of the split are in their place. */
  readonly removal?: Removal | undefined
  /** Optional, for writers that have `checkpoints`. A split leaves it also when all of its rows were rejected before. */
  readonly mark?: SplitMark | undefined
}

/** Rows that the source has deleted. */
export interface Removal {
  /** Of their identity only. */
  readonly spec: PlannedWrite
  /** Asked when the rows of the split have been read; none: there are none. */
  readonly rows: () => readonly Batch[]
  /** Before the mark is asked for its state: how many were there. */
  readonly onRemoved: (rows: number) => void
}

/** What a split leaves behind in the transaction of its rows, so that nobody writes them again. */
export interface SplitMark {
  readonly run: string
  /** Throws RUN_TAKEN, and leaves nothing, unless the run still has this attempt when the split is committed. */
  readonly attempt: number
  readonly split: string
  /** It may be stored already: that is looked up before a row is written, and waits for a commit that is under way. */
  readonly again: boolean
  /** Asked when all rows are in their place; null: the split is to leave nothing, and only the attempt is compared. */
  readonly state: (counts: WriteCounts) => string | null
  /** Called with the state that it left, when the split is stored already; then nothing is written. */
  readonly onStored: (state: string) => void
}

/** What became of the rows of a split; with the deferred rows, all but `rowsChanged` add up to the rows received. */
export interface WriteCounts {
  /** Inserted, or changed to be as they came. */
  readonly rowsWritten: number
  /** Those of the rows written whose key was there before. */
  readonly rowsChanged: number
  /** Upsert found an equal row. */
  readonly rowsUnchanged: number
  /** Ignore found the key. */
  readonly rowsSkipped: number
  /** Handed to `onDirty`. */
  readonly dirtyRows: number
}

export const nothingWritten: WriteCounts = {
  rowsWritten: 0,
  rowsChanged: 0,
  rowsUnchanged: 0,
  rowsSkipped: 0,
  dirtyRows: 0,
}

export function addCounts(a: WriteCounts, b: WriteCounts): WriteCounts {
  return {
    rowsWritten: a.rowsWritten + b.rowsWritten,
    rowsChanged: a.rowsChanged + b.rowsChanged,
    rowsUnchanged: a.rowsUnchanged + b.rowsUnchanged,
    rowsSkipped: a.rowsSkipped + b.rowsSkipped,
    dirtyRows: a.dirtyRows + b.dirtyRows,
  }
}

/** Whole numbers for a column of the target. The target keeps what the next one is, so that each is handed out once. */
export interface Sequence {
  readonly name: string
  /** The highest value of each is below the first number. */
  readonly above: readonly { readonly table: string; readonly column: string }[]
}

/** How many rows the target may refuse before the run fails. */
export interface ErrorLimit {
  /** Rows; 0: the first one ends the run. */
  readonly record: number
  /** Percent of the rows read, looked at when all are read; null: any. */
  readonly percentage: number | null
}
