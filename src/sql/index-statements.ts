import type { SecondaryIndex } from '../contract/deferred-indexes.js'
import type { RowshiftError } from '../contract/errors.js'
import type { SqlSession } from './session.js'

/** `drop`: the plugin's own, for what drops it. */
export interface DroppableIndex extends SecondaryIndex {
  readonly drop: string
}

/** What one database says about indexes that come after the rows; `SqlIndexes` does the rest. */
export interface IndexStatements<S extends SqlSession> {
  /** As `IndexesSkill.secondary`. */
  secondary(session: S, table: string): Promise<readonly DroppableIndex[]>
  /** The names of all indexes of a table that can be used. */
  names(session: S, table: string): Promise<readonly string[]>
  /** The statements that drop some of them. */
  drop(table: string, indexes: readonly DroppableIndex[]): readonly string[]
  /** Does `work` in a transaction whose statements wait about a second for whoever uses a table: others who come to it wait behind them. */
  briefly?(session: S, work: () => Promise<void>): Promise<void>
  /** Which are added together. */
  steps<T extends SecondaryIndex>(indexes: readonly T[]): readonly (readonly T[])[]
  /** The statements that add the indexes of a step. */
  add(table: string, step: readonly SecondaryIndex[]): readonly string[]
  /** Whether it says that the table cannot have an index, as it is now. Not what rows are to blame for, or rights, or what the server has run out of: all that may be put right. */
  isRefusal(error: RowshiftError): boolean
  /** Steps of the same table may run at the same time. */
  readonly together: boolean
  /** Before indexes are added: lets the session use what makes that fast, as far as this user may. `share`: as for `IndexesSkill.add`. */
  hurry?(session: S, share: number): Promise<void>
}
