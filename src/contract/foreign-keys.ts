/** Foreign keys of a whole database, which are made when all of its rows are there. Part of the plugin contract. */

export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

export interface ForeignKey {
  /** null: the database does not keep its name, or the target is to choose one. */
  readonly name: string | null
  /** Tables are named as `tables` lists them. */
  readonly table: string
  /** The other database, or schema, that `table` is in. Default: it is in that of the connection. */
  readonly tableIn?: string
  readonly columns: readonly string[]
  /** The table that it refers to. */
  readonly parent: string
  /** The same of `parent`. */
  readonly parentIn?: string
  readonly parentColumns: readonly string[]
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
  /** Why no database can be given it, in words: its parent is in another database. Default: one can. */
  readonly unsupported?: string
  /** NULL in one of its columns goes with NULL in all of them. Default: one NULL is enough. */
  readonly matchFull?: true
  /** When a transaction may put the check off to its end: only if it asks for that, or always. Default: never. */
  readonly deferrable?: 'immediate' | 'deferred'
}

/** `foreign key fk_a of b`, for people. */
export function titleOf({
  name,
  table,
  tableIn,
  columns,
}: Pick<ForeignKey, 'name' | 'table' | 'tableIn' | 'columns'>): string {
  const where = tableIn === undefined ? table : `${tableIn}.${table}`
  return name === null ? `foreign key (${columns.join(', ')}) of ${where}` : `foreign key ${name} of ${where}`
}

/** Rows whose parent is missing. */
export interface Orphans {
  /** The values of the key's columns in a few of them, for people. */
  readonly examples: readonly string[]
  /** Whether the search came to its end. */
  readonly complete: boolean
}

/** Of a reader. */
export interface ForeignKeySource {
  /** As `SourceDdl.family`. */
  readonly family: string
  /**
   * Those of all tables of the database. Of a writer: also those of others that refer to one of them. `tables`: some that whoever asks is about,
   * which may be in other schemas; those are listed too, under these names.
   */
  list(tables?: readonly string[]): Promise<readonly ForeignKey[]>
}

/** Of a writer. Each method is used on the main thread. */
export interface ForeignKeyTarget extends ForeignKeySource {
  /** The database makes foreign keys with their table only: `CreateTableRequest.foreignKeys` has them. Default: they are added by `add`. */
  readonly withTable?: true
  /** The key as this database can have it; a text says why it cannot. */
  translate(key: ForeignKey): Promise<ForeignKey | string>
  /** The statement that adds it, for people. */
  statement(key: ForeignKey): string
  /** Two tables have no keys of the same name. Default: they may have. */
  readonly uniqueNames?: true
  /**
   * SQL after which a session does not check foreign keys. A text says why there is none: the user may not do that, or more would go unchecked
   * or happen. `triggers`: they have to run. `tables`: those that rows may be written to; some may not be there.
   */
  unchecked(triggers: boolean, tables: readonly string[]): Promise<readonly string[] | string>
  /** Whether names of tables that differ by case only are those of one table, which `list` may show in another case. Default: they are not. */
  ignoresCase?(): Promise<boolean>
  /** Looks for rows without a parent, for a few minutes at most. */
  orphans(key: ForeignKey, signal: AbortSignal): Promise<Orphans>
  /**
   * Adds it, over a connection of its own. `checked`: a search has just come to its end and found no orphans, so that the database need not look
   * again if that takes long; then `trusts` says so.
   */
  add(key: ForeignKey, checked: boolean, signal: AbortSignal): Promise<void>
  /** `add` relies on the search: whoever asks looks for orphans again when the key is there. Default: the database looks itself. */
  readonly trusts?: true
  drop(key: ForeignKey, signal: AbortSignal): Promise<void>
}
