/** Foreign keys of a whole database, which are made when all of its rows are there. Part of the plugin contract. */

export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

export interface ForeignKey {
  /** null: the database does not keep its name, or the target is to choose one. */
  readonly name: string | null
  /** Tables are named as `tables` lists them. */
  readonly table: string
  readonly columns: readonly string[]
  /** The table that it refers to. */
  readonly parent: string
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
export function titleOf({ name, table, columns }: Pick<ForeignKey, 'name' | 'table' | 'columns'>): string {
  return name === null ? `foreign key (${columns.join(', ')}) of ${table}` : `foreign key ${name} of ${table}`
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
  /** Those of all tables of the database. */
  list(): Promise<readonly ForeignKey[]>
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
  /** SQL after which a session does not check foreign keys; null: the user may not do that, or triggers, which have to run, would not. */
  unchecked(triggers: boolean): Promise<readonly string[] | null>
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
