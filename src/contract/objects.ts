/** What a database has beside its tables, and what has code in it: views, triggers, routines, events. Part of the plugin contract. */

export interface DatabaseObject {
  /** As people call it: `view`, `trigger`, `function`. */
  readonly kind: string
  /** As people write it; of what may be there several times under one name, with what tells them apart. */
  readonly name: string
  /** Whose trigger it is; null: it is not part of a table. */
  readonly table: string | null
  /** Whose rights it runs with, or whose it is; null: the database does not keep that. */
  readonly definer: string | null
  /** Why it cannot be copied, in words. Default: it can. */
  readonly unsupported?: string
}

/** Of a reader. */
export interface ObjectSource {
  /** As `SourceDdl.family`. */
  readonly family: string
  /** All of the database, in an order in which most of them can be made. */
  list(): Promise<readonly DatabaseObject[]>
  /** How it is made, in words of the family. Throws OBJECT_FAILED where the user may not see that. */
  ddl(object: DatabaseObject): Promise<string>
  /** What the user may lack to see all, in words, each for one kind: `triggers (TRIGGER)`. Default: nothing. */
  unseen?(): Promise<readonly string[]>
}

/** `keep`: it runs with the rights of the same user as in the source. `drop`: with those of the user who makes it. */
export type Definer = 'keep' | 'drop'

/** Of a writer. */
export interface ObjectTarget {
  /** It understands what a source of this family says. */
  readonly family: string
  list(): Promise<readonly DatabaseObject[]>
  /** Makes it. Throws OBJECT_FAILED for what is more than the one statement that makes an object of this kind and name. */
  create(object: DatabaseObject, ddl: string, definer: Definer, signal: AbortSignal): Promise<void>
}
