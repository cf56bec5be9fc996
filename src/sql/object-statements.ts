import type { DatabaseObject, Definer } from '../contract/objects.js'
import type { SqlSession } from './session.js'

/** What a reader says of views, triggers and routines: see `ObjectSource`. */
export interface ObjectSourceSql<S extends SqlSession> {
  readonly family: string
  list(session: S): Promise<readonly DatabaseObject[]>
  ddl(session: S, object: DatabaseObject): Promise<string>
  unseen?(session: S): Promise<readonly string[]>
}

/** What a writer does about them: see `ObjectTarget`. */
export interface ObjectTargetSql<S extends SqlSession> {
  list(session: S): Promise<readonly DatabaseObject[]>
  /** In a session of its own. */
  create(session: S, object: DatabaseObject, ddl: string, definer: Definer): Promise<void>
}
