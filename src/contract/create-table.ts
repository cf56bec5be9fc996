import type { ForeignKey } from './foreign-keys.js'
import type { TableSchema } from './table-schema.js'

/** How its own database would create a table; asked for only when a target table is to be created from it. */
export interface SourceDdl {
  /** Plugins, or servers, that understand each other's DDL give the same name. */
  readonly family: string
  /** Of the server, for plugins of the same family, whose dialects may differ. */
  readonly version: string
  /** The statements that make the table, itself first. null: there are none, the source is for instance a view. */
  readonly statements: readonly string[] | null
  /** Default values that are plain literals, by column, as cell text. */
  readonly defaults: Readonly<Record<string, string>>
  /** Columns that the database numbers by itself where a row does not say their value. Default: none. */
  readonly numbered?: readonly string[]
  /** The number that the next such row gets, by column, where that is known. */
  readonly next?: Readonly<Record<string, string>>
  /** For people: what the table has that neither its columns nor its unique keys nor `defaults` nor `numbered` say. */
  readonly extras: readonly string[]
  /** For people: its foreign keys, which stand in none of the lists above. Default: none. */
  readonly foreignKeys?: readonly string[]
}

/** A value of `SourceDdl` by column. Users name columns, and `constructor` is a property of every object. */
export function ofColumn(
  values: Readonly<Record<string, string>> | undefined,
  column: string,
): string | undefined {
  return values && Object.hasOwn(values, column) ? values[column] : undefined
}

/** Something that a table has beside its columns' types and its unique keys: a default, an index, a CHECK. */
export interface TableTrait {
  /** What it is, for people: `default`, `index`. */
  readonly what: string
  /** The column that it belongs to, which has one of it at most. Default: it belongs to the table, and two are the same whatever they are called. */
  readonly column?: string
  /** Of the index or the like. Default: it has none. */
  readonly name?: string
  /** Equal texts for equal ones, for people: `'x'`, `(a, b DESC)`; may be empty. */
  readonly is: string
}

/** Those of two tables that are compared. */
export interface TableTraits {
  /** Of the table elsewhere, as it would be made in this database. */
  readonly expected: readonly TableTrait[]
  /** Of the table in this database. */
  readonly found: readonly TableTrait[]
}

export interface CreateTableRequest {
  readonly source: TableSchema
  /** null: the source's plugin knows nothing beyond the schema. */
  readonly sourceDdl: SourceDdl | null
  /**
   * Columns that need the widest type of their kind: they hold values beyond the length, digits or sign that is declared (where the
   * source does not enforce it), integers beyond 64 bits with a sign, or decimals that may have more than 15 digits. The source looks at
   * its rows, so it is asked only by a plugin that does not take the source's own DDL.
   */
  readonly wideColumns: () => Promise<readonly string[]>
  /** Columns of `source` that are described as this database's own: their declared types are kept. Default: none. */
  readonly ownTypes?: readonly string[]
  /** Name of the table to make. */
  readonly table: string
  /**
   * Of the copy of a whole database: those that the table is to have. A database that makes foreign keys with their table makes them; any other
   * makes none, since they come later, and says nothing of them. Default: the table gets none, and the reasons say so.
   */
  readonly foreignKeys?: readonly ForeignKey[]
  /** The table of that name that is to be dropped first; null: there is none. */
  readonly existing: TableSchema | null
}

/** SQL that makes the target table. */
export interface TableCreation {
  /** In the order to run them; they drop an existing table first. */
  readonly statements: readonly string[]
  /** A table of that name is there, and is dropped. Default: none is. */
  readonly drops?: true
}

export interface CreateTablePlan extends TableCreation {
  /** The table as `describe` will show it. */
  readonly target: TableSchema
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}
