import type { RowCheck } from '../contract/derivation.js'
import type { LossSql } from './loss-sql.js'
import type { ErrorDetails, RowshiftError } from '../contract/errors.js'
import type { ReadSpec } from '../contract/read.js'
import type { Column, ColumnKind, ColumnMapping, TableSchema } from '../contract/table-schema.js'
import type { WriteMode } from '../contract/write.js'

/**
 * How one database writes SQL, and what it says in it. It belongs to a {@link SqlSession}, since it may depend on the server (release,
 * flavour, encoding). Every method is a pure function; the SQL that it gives may stand in any statement without brackets around it,
 * unless it says otherwise. Nothing that comes from outside becomes SQL unchecked: literals throw DATA_REJECTED for text that
 * no value of the column is written as.
 *
 * What every SQL database says alike is written once in `src/sql/`. A member is here only because databases say it differently.
 */
export interface SqlDialect {
  // Names and literals.

  /** A quoted name, whatever characters are in it. */
  identifier(name: string): string
  /** A table by its name as users write it, quoted: where tables have schemas, both parts. */
  table(name: string): string
  /** A string literal. */
  text(value: string): string
  /**
   * A value of a column as a literal of its type, so that an index serves and numbers are compared as numbers. It is given as
   * `cellText` gives it. Throws DATA_REJECTED.
   */
  literal(column: Column, value: string): string

  // Columns in queries.

  /** What stands for a column's values in conditions and ORDER BY: its name, or what it is derived by. */
  expression(column: Column): string
  /** How a column is selected, so that `SqlSession.stream` makes its cells of it. */
  cell(column: Column): string
  /** How a column is selected in a small result so that its values come as cell text; bytes are hexadecimal digits. */
  cellText(column: Column): string
  /** The condition that a value of a column of integers is one. Default: there are no others in it. */
  isInteger?(sql: string): string
  /** The beginning (60 characters) of a value as text, for people; of bytes, where the kind says so, as hexadecimal digits. It fails for no value. */
  excerpt(sql: string, kind?: ColumnKind): string
  /** The table of a spec as rows are read from it by its key: its quoted name, with a hint where an optimizer needs one. */
  source(spec: ReadSpec): string

  // Keys.

  /** How a key column is selected, so that `keyValue` makes a bound of it. Default: as `cellText`. */
  keyCell?(column: Column): string
  /**
   * What `keyCell` has given, as the value of a bound (see `Split`). Throws DATA_REJECTED for what is not a value of the column, before
   * anybody counts with it. Default: the same text, if `keyLiteral` takes it.
   */
  keyValue?(column: Column, cell: string | null, table: Pick<TableSchema, 'table'>): string
  /** The value of a bound as a literal. Throws DATA_REJECTED. Default: as `literal`. */
  keyLiteral?(column: Column, value: string): string
  /**
   * The literals of all values of a column in key order, where `<` compares them in another order than ORDER BY (a list of members).
   * Default, and undefined: both have one order.
   */
  keyOrder?(column: Column): readonly string[] | undefined
  /**
   * A cell that rows are looked up by, as a literal that the column is compared with. null: no value of the column is written like this,
   * so that no row has it.
   */
  lookupLiteral(column: Column, cell: Buffer): string | null
  /** What `lookupLiteral` of this cell is compared with. Default: the column's name. */
  lookupColumn?(column: Column, cell: Buffer): string
  /** `(a, b) IN (…)` for several such keys, each a list of literals. Default: `(a = 1 AND b = 2) OR …`, of which every database makes ranges of an index. */
  lookupList?(columns: readonly string[], keys: readonly (readonly string[])[]): string

  // Values that are in the way.

  /**
   * A column that is read as it is may hold values that `cell` fails for, since they would not arrive: conditions that are true of those
   * rows. Default: every value arrives.
   */
  unreadable?(column: Column): readonly RowCheck[]
  /** How it is asked for values that a target's column would not hold as they are. Default: messages about losses give no example. */
  readonly losses?: LossSql
  // Tables.

  /** A query for the names of the triggers that run when rows are written: `upsert` also updates some, `replace` also deletes some. */
  writeTriggers(table: string, mode: WriteMode): string
  /** A query for the foreign keys that refer to a table and change or delete other rows when one of its rows is deleted, for people. */
  deletingKeys(table: string): string
  /** A query for the names of the tables that a table's foreign keys refer to. */
  parentTables(table: string): string
  /** What empties a table, without its name: `TRUNCATE TABLE`. */
  readonly emptyTable: string

  // Changes.

  /** Stands between the columns and the rows of an INSERT, so that each column takes what it is given. Default: they do so by themselves. */
  readonly overriding?: string
  /**
   * Conditions that are true of the rows whose target column has the value of a cell: the first as a unique key of the column compares, so that its
   * index serves; all of them byte for byte.
   */
  sameValue(mapping: ColumnMapping, cell: Buffer): readonly [string, ...string[]]
  /** The present time in UTC as a value of a column. */
  now(column: Column): string
  /**
   * What follows the values of an INSERT, so that a row whose `key` is there is changed instead: its columns are set to the SQL in `set`, where
   * the name of the table stands before old values.
   */
  upsert(key: readonly string[], set: Readonly<Record<string, string>>): string
  /** What follows a SELECT whose rows nobody may change until the transaction ends; `shared`: others may do the same. Empty where a transaction that writes has no others beside it. */
  locking(shared: boolean): string

  // Tables of rowshift's own.

  /** The name by which the server knows a table, as an expression: one for all ways in which users may write it, whether the table is there or not; of several tables: the text. */
  knownName(table: string): string
  /** A query for the names of a table's columns; no rows: there is no such table. */
  columnNames(table: string): string
  /** The type of a column in them: a text of so many characters, told apart byte by byte; a text of any length; a number from 0 to 2^63 - 1. */
  ownType(type: number | 'text' | 'integer'): string
  /** `SqlSession.check` takes CREATE TABLE, and throws where the user may not do that. Default: it takes statements about rows only. */
  readonly checksDdl?: boolean
  /** What follows the columns in CREATE TABLE. */
  ownOptions(comment: string): string

  // Errors.

  /** Whether a query failed because of a value in some row. */
  failsByValue(thrown: unknown): boolean
  /** What such a failure says by itself about the column, where the row is not found. Default: nothing. */
  valueError?(thrown: unknown, spec: ReadSpec): RowshiftError | null

  /** Anything thrown by the session while `doing` (`reading table t`), as a RowshiftError; one that is a RowshiftError already stays as it is. */
  error(thrown: unknown, doing: string, details?: ErrorDetails): RowshiftError
}
