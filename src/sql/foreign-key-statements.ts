import type { ForeignKey } from '../contract/foreign-keys.js'
import type { SqlSession } from './session.js'

/** What a reader lists. */
export interface ForeignKeySourceSql<S extends SqlSession> {
  /** As `SourceDdl.family`. */
  readonly family: string
  /** As `ForeignKeySource.list`. */
  list(session: S, tables: readonly string[]): Promise<readonly ForeignKey[]>
}

/** What one database says about foreign keys; `SqlForeignKeys` does the rest. */
export interface ForeignKeyStatements<S extends SqlSession> {
  /** As `ForeignKeySource.list`. */
  list(session: S, tables: readonly string[]): Promise<readonly ForeignKey[]>
  /** As `ForeignKeyTarget.translate`. */
  translate(session: S, key: ForeignKey): Promise<ForeignKey | string>
  /** As `ForeignKeyTarget.unchecked`. */
  unchecked(session: S, triggers: boolean, tables: readonly string[]): Promise<readonly string[] | string>
  /** As `ForeignKeyTarget.ignoresCase`. */
  ignoresCase?(session: S): Promise<boolean>
  /** As `ForeignKeyTarget.uniqueNames`. */
  readonly uniqueNames?: true
  /** As `ForeignKeyTarget.withTable`. */
  readonly withTable?: true
  /** As `ForeignKeyTarget.trusts`: runs before the statement that adds a key of which a search has found no orphans, in its session. */
  readonly trust?: string
  /** What drops a constraint, between the table and its name. */
  readonly drop: string
  /** How long a search for orphans may take. */
  readonly searchSeconds: number
}
