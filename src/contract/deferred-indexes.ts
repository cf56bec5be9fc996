/** Indexes that are dropped while a table is empty, and added when its rows are there. Part of the plugin contract. */
import type { RowshiftError } from './errors.js'

/** An index that guards nothing, and that nothing else in the database needs. */
export interface SecondaryIndex {
  readonly name: string
  /** The statement that adds it. */
  readonly add: string
}

/** An index that a run has dropped and nobody has added yet. */
export interface DeferredIndex extends SecondaryIndex {
  /** As the database names it: users may write it in several ways. */
  readonly table: string
  /** Tells it from an index of the same name that another run has dropped. */
  readonly mark: string
}

export interface RefusedIndex {
  readonly index: DeferredIndex
  readonly error: RowshiftError
}

export interface Deferral {
  readonly indexes: readonly DeferredIndex[]
  /** Why indexes stay that could be dropped, in words; null: none do. */
  readonly obstacle: string | null
}

/**
 * How indexes of a target come after its rows. What is dropped is remembered in the target itself, beside the checkpoints of runs and before
 * anything is dropped: so whoever comes next can add it, however the run has ended. Used on the main thread.
 */
export interface IndexesSkill {
  /** Of a table that is there. Not those of keys, those that are unique, and those that load faster with the rows. */
  secondary(table: string): Promise<readonly SecondaryIndex[]>
  /** What is remembered of a table, there or not. Empty where nothing is, or where it may not be read. */
  deferred(table: string): Promise<readonly DeferredIndex[]>
  /** Drops the indexes of `secondary`, if the table is empty, and remembers them. */
  defer(table: string, signal: AbortSignal): Promise<Deferral>
  /** Those that are not in the table yet, in steps; the others are forgotten. Steps of one table run one after another, unless they may run `together`. */
  missing(
    table: string,
    indexes: readonly DeferredIndex[],
  ): Promise<{ readonly steps: readonly (readonly DeferredIndex[])[]; readonly together: boolean }>
  /**
   * Adds those of a step that are not there, over a connection of its own, and forgets them. Several steps may be under way: `share` says how
   * many take what the server gives to such work. Resolves to those that the table cannot have as it is now, which are forgotten, too: they are
   * not worth trying again, whoever does.
   */
  add(step: readonly DeferredIndex[], share: number, signal: AbortSignal): Promise<readonly RefusedIndex[]>
  /** They are not wanted any more: the table was replaced. */
  forget(indexes: readonly DeferredIndex[]): Promise<void>
}
