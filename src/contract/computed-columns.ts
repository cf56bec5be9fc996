/**
 * Cells that a pipeline makes by looking values up or by numbering rows. Plain JSON; plugins do not see it.
 *
 * Keys are compared by their bytes as they stand in batches: `a` and `A`, `7` and `07` are different keys, whatever a
 * collation says.
 */
import type { Step } from './derivation.js'
import type { GivenTable } from '../features/lookup/given-table.js'
import type { ReadSpec } from './read.js'
import type { Column } from './table-schema.js'
import type { PlannedWrite, Sequence } from './write.js'

/** The value that another table has for a key. NULL has none: the cell is NULL then, and nothing is looked up. */
export interface LookupCell extends NamedCell {
  readonly type: 'lookup'
  /** The indexes of the key's parts among `reads`. A key of which a part is NULL is none. */
  readonly at: readonly number[]
  readonly lookup: LookupPlan
}

export interface LookupPlan {
  /** Of the database: `source`, `target`, or the name of a third one. Of a table that is `given`: where it stands, for people. */
  readonly in: string
  /** How each table is read: the parts of the key, then the value. Several are looked through as if they were one. */
  readonly tables: readonly ReadSpec[]
  /** A table that no database has; all of it is kept in memory. `digest` is that of the file that was planned with. Default: a database has it. */
  readonly given?: { readonly table: GivenTable; readonly digest: string }
  readonly missing: MissingRule
  /** All of it is kept in memory for all threads if it takes no more bytes than these. */
  readonly preloadBytes: number
}

/** What becomes of a row whose key is not there: refused, left out on purpose, or the cell has this value (null is NULL). */
export type MissingRule =
  | { readonly rule: 'error' }
  | { readonly rule: 'skip' }
  | { readonly rule: 'value'; readonly value: string | null }
  /** It is an id map, which is only looked into: refused, since there is no id yet; so is NULL, which never gets one. */
  /** `created`: the id map does not exist before a repair creates it, so until then no key has an id. */
  | { readonly rule: 'no id'; readonly created: boolean }

/** Whether the table does not exist yet, so that nothing can be found in it. */
export function isCreated({ missing }: LookupPlan): boolean {
  return missing.rule === 'no id' && missing.created
}

/** What a worker thread makes of another value, step by step. */
export interface StepsCell extends NamedCell {
  readonly type: 'steps'
  /** The value's index. */
  readonly at: number
  /** What it is like before the first step. */
  readonly from: Column
  /** In the order given. */
  readonly steps: readonly PipelineStep[]
  /** Where the user asked for them, for messages: `params.columns[2]`. */
  readonly asked: string
}

export type PipelineStep = Step | RegexStep

/**
 * Every match of each pattern becomes a text, pattern by pattern: a regular expression of JavaScript with the flags given, `g` and `u`, in
 * the text as Unicode. Databases have expressions of their own, and no two of them mean the same.
 */
export interface RegexStep {
  readonly type: 'replace_regex'
  readonly patterns: readonly { readonly pattern: string; readonly flags: string; readonly by: string }[]
  /** Seconds that all rows of a batch may take together. */
  readonly timeout: number
}

/** A new id. */
export interface IdCell extends NamedCell {
  readonly type: 'id'
  readonly ids: IdPlan
  /** null: every row gets a new one. */
  readonly map: IdMapPlan | null
}

export type IdPlan =
  /**
   * `epoch` in milliseconds; `worker` is the number of the first thread, the others follow. null: each run reserves numbers of
   * its own in the target.
   */
  | { readonly type: 'snowflake'; readonly epoch: number; readonly worker: number | null }
  /** As 16 bytes, or as text. */
  | { readonly type: 'uuidv7'; readonly binary: boolean }
  /** `block`: numbers that a thread reserves at a time. */
  | { readonly type: 'sequence'; readonly sequence: Sequence; readonly block: number }

/**
 * A table in the target that keeps which key has got which id. What is new is committed there before the rows that use it are
 * written, and the first id that a key has got stays: so a run that is repeated, and threads that meet the same key, agree.
 */
export interface IdMapPlan {
  /** The key's index among `reads`. */
  readonly at: number
  /** How pairs are kept: write mode `ignore`. */
  readonly write: PlannedWrite
  /** How they are found again: key, id. */
  readonly read: ReadSpec
}

export interface NamedCell {
  /** Of the property that a transform sees, and of messages. */
  readonly name: string
  /** What values the cell has. */
  readonly column: Column
}
