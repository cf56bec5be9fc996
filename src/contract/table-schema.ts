/** Tables as plugins describe them, and how their columns are mapped. Part of the plugin contract. */
import type { RowCheck } from './derivation.js'
import type { ValueRange, ConversionCheck } from './value-range.js'

/**
 * What the values of a column are, whatever the database calls the type. It decides how a value is written in the
 * wire format (see `batch/batch.ts`).
 */
export type ColumnKind =
  | 'integer'
  | 'decimal'
  | 'float'
  | 'boolean'
  | 'text'
  | 'bytes'
  | 'json'
  | 'date'
  | 'time'
  /** Wall-clock date and time, without a zone. */
  | 'datetime'
  /** A moment: text in UTC. */
  | 'instant'

/**
 * How the values of a text column stand in cells:
 *
 * - `utf8`: the text in UTF-8. Two values of the column may share a text, and a character without one in Unicode is refused;
 * - `reversible`: the same, but a text that does not come back from UTF-8 as it was is refused by the reader;
 * - `encoded`: the text's bytes in the column's own encoding, which the other end has too;
 * - `stored`: any value of a column whose type is only advice, of whatever kind, in the plugin's own writing, between columns with
 *   `valueRange.stored` and one type;
 * - `numbered`: for one of a list of members its number, for several of them the number whose bits say which, as digits.
 */
export type CellEncoding = 'utf8' | 'reversible' | 'encoded' | 'stored' | 'numbered'

export interface Column {
  readonly name: string
  /** The type as the database writes it, for people and for the plugin itself. */
  readonly type: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** The database fills the column in when it is left out (default, auto-increment). */
  readonly hasDefault: boolean
  /** Computed by the database: can be read, never written. */
  readonly generated: boolean
  /**
   * `<` against a literal orders values just as ORDER BY does, so the column may be part of a split key.
   * False for instance for sets of values and for single-precision floats.
   */
  readonly ordered: boolean
  /** Which values it can hold. The plan refuses a copy into a column whose value range is smaller. */
  readonly valueRange: ValueRange
  /** The database's own name of the rules by which the column compares text: what counts as equal in a key. */
  readonly collation?: string
  /** However the collation sorts: two texts are equal in a key only if all of their bytes are. Default: they may be so otherwise, too. */
  readonly equalByBytes?: true
  /**
   * The column is derived: this expression, in the source's own SQL, stands in a SELECT where a name would. It stands in no
   * {@link TableSchema}. See `derive.ts`.
   */
  readonly sql?: string
  /** Of a derived column: a digest of what was asked for, by which the values are found in a row file. Set by the plan. */
  readonly derivation?: string
  /** Stands in our SQL where the column's name would give other values: a moment, where the session's zone is not UTC. */
  readonly readAs?: string
  /** Rows for which `sql` fails. Default: none. */
  readonly rowChecks?: readonly RowCheck[]
  /** Set by the plan in both columns of a mapping. A source whose cells exist already (a file) says what they are. Default: `utf8`. */
  readonly cells?: CellEncoding
}

/** A unique key. */
export interface Key {
  readonly name: string
  readonly columns: readonly string[]
  readonly primary: boolean
  /** Some column may be NULL, so that the key does not identify every row. */
  readonly nullable: boolean
}

/** The key that the source is split by. */
export interface SplitKey {
  readonly name: string
  readonly columns: readonly Column[]
  readonly nullable: boolean
}

export interface TableSchema {
  /** Its name, as `describe` was asked for it. */
  readonly table: string
  /** Equal for two descriptions exactly when they are of the same table: server, database, table. */
  readonly identity: string
  readonly columns: readonly Column[]
  /** Of a row file: derived columns whose values it holds, with `derivation` (and that for `sql`). Default: none. */
  readonly computed?: readonly Column[]
  /** Unique keys, the primary key first. */
  readonly keys: readonly Key[]
  /** Unique keys that do not tell rows apart for a writer, and why: `t_pkey is DEFERRABLE`. For messages. Default: none. */
  readonly otherKeys?: readonly string[]
  /**
   * Says where a row is stored; not one of `columns`. Where all readers see one snapshot, a table without a key is split by it: a row that changes
   * is somewhere else afterwards. Default: such a table is one split.
   */
  readonly location?: Column
  /** From statistics; null when there are none. Never trusted for correctness. */
  readonly estimatedRows: number | null
  readonly estimatedRowBytes: number | null
}

export interface ColumnMapping {
  readonly source: Column
  readonly target: Column
  /** A worker thread makes the values; `source` only stands for what they are like (`producedColumn`). Default: they are read. */
  readonly computedBy?: 'lookup' | 'steps' | 'id' | 'transform'
  /** What becomes of the values. `lossy` in a plan is a loss that was accepted; `impossible` is never in a plan. */
  readonly check: ConversionCheck
}

/** The table's own column of that name: a derived one may be called like a column that it is made of. */
export function isOwn({ name, sql }: Column, wanted: string): boolean {
  return sql === undefined && name === wanted
}
