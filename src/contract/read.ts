/** What passes between the engine and a {@link Reader} beside rows. Part of the plugin contract. */
import type { Batch } from '../wire/batch.js'
import type { RowshiftError } from './errors.js'
import type { BatchLimits } from '../wire/builder.js'
import type { Column, SplitKey, TableSchema } from './table-schema.js'

/**
 * What a reader must know to read rows of a table: of the source, of a lookup table, and in a verification of the target too.
 * Plain JSON without secrets.
 */
export interface ReadSpec {
  readonly table: TableSchema
  /** What is read, in this order. */
  readonly columns: readonly Column[]
  /** null: no usable key, the table is one split. */
  readonly key: SplitKey | null
  /** Rows per split; the first ones have fewer. */
  readonly splitRows: number
  readonly batch: BatchLimits
  /** The user's condition, checked by `checkWhere`; null: all rows. */
  readonly where: string | null
  /** What an incremental run reads; null: the whole table. */
  readonly window: Window | null
}

/**
 * One key range of the source, `(lower, upper]`, as cell text per key column (bytes, and texts that UTF-8 does not bring back: hexadecimal). null is
 * unbounded. Plain JSON.
 */
export interface Split {
  readonly index: number
  readonly lower: readonly string[] | null
  readonly upper: readonly string[] | null
  /** The rows in which a key column is NULL; then both bounds are null. Default false. */
  readonly nullKey?: true
  /** It is copied as it is, however many bytes it turns out to hold. Default false. */
  readonly indivisible?: true
}

/**
 * What the column of a window says. `key`: rows are only added, with rising values (append). All others say when a row changed (increment):
 * `time`, with the time of day; `date`, on which day; `epoch_s`, `epoch_ms`, `epoch_us`, how long after 1970, as an integer;
 * `version`, by an integer that is higher with every change, and that several rows may have.
 */
export type WindowKind = 'key' | 'time' | 'date' | 'epoch_s' | 'epoch_ms' | 'epoch_us' | 'version'

/** Where an incremental run begins, and how careful it is about its end. */
export interface IncrementalRequest {
  readonly table: TableSchema
  readonly column: Column
  readonly kind: WindowKind
  /** How far the run before has got, as cell text; null: there was none. */
  readonly watermark: string | null
  /** Seconds to stay behind the source's clock; null: as little as is safe. */
  readonly lag: number | null
  /** Seconds before the watermark to read again; of a `version`, how many numbers. */
  readonly overlap: number
  /** Milliseconds to wait for transactions that are under way. */
  readonly lockWaitMs: number
  /** A row that is read in two runs does no harm: the target recognizes it. */
  readonly rereads: boolean
  /** The window is to be this one, as a user has asked for it; nobody is waited for. `to` null: to the last row. */
  readonly range?: { readonly from: string; readonly to: string | null }
}

/** The rows that an incremental run reads. Nothing below `watermark` is still under way in the source. */
export interface Window {
  readonly column: Column
  /** Cell text. `key`: above `from`, up to and with `to`. All others: from `from` on, up to but without `to`; and NULL. */
  readonly from: string | null
  readonly to: string | null
  /**
   * Where the next run begins if this one succeeds; null: where this one began. Usually `to`. What is between them may still get
   * rows, so the next run reads it again: all of the window where somebody holds it up, the day that is not over.
   */
  readonly watermark: string | null
  /** The condition in the source's own SQL. */
  readonly sql: string
  /** The same in two parts: of the rows before the watermark, which are read again, and of the rest. null: no row is before it. */
  readonly late: { readonly sql: string; readonly rest: string } | null
  /** Rows in it, counted to `countedTo` at most. */
  readonly rows: number
  readonly countedTo: number
  /** An index that begins with the column. */
  readonly index: string | null
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  /** How long before the source's clock it ends. Without it, it does not end by time. */
  readonly secondsBehind?: number
  /** Why the window, or the watermark after it, stays behind, by how much, and who holds it. They count as warnings, and are said again at the end. */
  readonly delays: readonly string[]
}

/** A moment of the source that several readers can see. It is kept for those that have yet to join until `release`. */
export interface Snapshot {
  /** What a reader, on another connection, joins it by: travels between threads as it is. null: nobody can write until `release`, so whoever begins to look meanwhile sees it. */
  readonly token: string | null
  /** Where the source's log of changes stands at that moment, in the database's own words; null: unknown. */
  readonly position: string | null
  /** All have joined. */
  release(): Promise<void>
  /** Throws SNAPSHOT_LOST where what keeps the moment for several tables is gone: another table that begins may be read otherwise than it was. Default: as of `end`. */
  check?(): Promise<void>
  /**
   * Nobody reads the moment any more: gives up what has kept it for several tables. Throws SNAPSHOT_LOST where that was gone before. Default:
   * each reader keeps it for itself.
   */
  end?(): Promise<void>
}

/** What tells, compared with that of later, that a table was emptied or replaced meanwhile. */
export interface TableState {
  /** Another one when the table was truncated, or another table has its name; null: cannot be told. */
  readonly identity: string | null
  /** That its rows take, roughly; null: unknown. */
  readonly bytes: number | null
  /** Another one when any table of the database was made, altered or dropped; where `identity` alone would not show each such change. */
  readonly schema?: string
}

/** What tells a table whose rows are still there from one that was emptied or replaced. Plain JSON. */
export interface SourceMark {
  /** Changes when the table is emptied or replaced as a whole, and when it is rebuilt. */
  readonly identity: string
  /** Digests of some rows. A rebuilt table still has them. */
  readonly rows: readonly string[]
  /** The types of the columns that the digests are of, by name. */
  readonly columns: Readonly<Record<string, string>>
}

/** What is kept beside a watermark, in order to tell whether it still is about the same rows. Plain JSON. */
export interface TableMarks {
  /** By name. A table without a mark is not compared. */
  readonly sources: Readonly<Record<string, SourceMark>>
  /** Target columns that are written. */
  readonly columns: readonly string[]
  /** Whether the target held rows when the run had ended. */
  readonly filled: boolean
}

/** Rows that the next split should have, asked anew for each: it follows how wide rows turn out to be. */
export type SplitSize = () => number

/** Takes a row that is not what its columns say, and why. */
export type RejectRow = (row: Batch, error: RowshiftError) => void

/** Whether rows of the source would suffer a loss that its columns allow. */
export type LossSearch =
  /** Such a value and the row it is in, for people. */
  | { readonly result: 'value'; readonly value: string; readonly row: string }
  /** All rows were looked at. */
  | { readonly result: 'none' }
  /** The search was given up, or cannot be made. */
  | { readonly result: 'unknown' }

/**
 * What a database says of a set of rows, to be compared with what another one says. It depends on the rows, not on their order,
 * and counts equal ones. It shows every difference between two values that their formats show (see {@link DigestFormat}). null in its
 * place: the database cannot write down some row (too large); the rows are then compared outside.
 */
export interface Digest {
  readonly rows: number
  /** Equal for equal rows; of 64 bits at least for rows that differ in any way. */
  readonly digest: string
}

/**
 * A way to write down the values of a column in order to hash them. Databases that have a format of the same name write equal values
 * with the same bytes, and values that differ in any way (NULL, case, spaces at the end, the last bit of a float) with different ones.
 */
export interface DigestFormat {
  readonly name: string
  /** It tells values apart that are read as the same cell, so rows that are read are compared by their digest too. Default: it does not. */
  readonly finer?: true
}

/** By column, the name of the format to hash it in; null: it is left out. */
export type DigestFormats = readonly (string | null)[]

/** How the source will be split, for people. */
export interface SplitOutline {
  /** How bounds are found, and why so. */
  readonly strategy: string
  /** The query of the first split; null when there are no rows. */
  readonly query: string | null
  /** What the database says about how it would run it, a line each. */
  readonly explain: readonly string[]
}
