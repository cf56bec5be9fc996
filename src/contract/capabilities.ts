import type { WriteMode } from './write.js'

/** The version of the contract that this rowshift supports: `Plugin.apiVersion`. */
export const API_VERSION = 1

/**
 * What a database can do as such, as data: the engine reads it before it opens a connection, and refuses params that ask for
 * more. What depends on the server or the table is decided later, by `Writer.plan`. Behaviour is not here: a plugin has it by
 * having the method. Part of the plugin contract.
 */
export interface Capabilities {
  /**
   * The values of `write_mode` that the writer supports. The engine refuses all others, so `WriteSpec.writeMode` is always
   * one of these; a repair needs `upsert`. Default: `['insert']`.
   */
  readonly writeModes?: readonly WriteMode[]
  /**
   * The ways in which rows can enter the target, in the plugin's own words, the preferred one first: the values of `write_path`
   * beside `auto`. The engine refuses all others, and asks `Writer.plan` for one of these, or for the writer's own choice. Default: none,
   * so `write_path` can only be `auto`.
   */
  readonly writePaths?: readonly string[]
  /** Reader and writer have the skill `inServer`, so that `write_path` can be `in-server`. Default: false. */
  readonly inServer?: boolean
  /** The writer runs `pre_sql` and `post_sql`. Default: false, and the engine refuses both params. */
  readonly sql?: boolean
  /** The database works inside the thread that asks it, so nobody can tell its work from that of the thread. Default: false. */
  readonly inProcess?: boolean
  /** Readers obey `Endpoint.timeZone`. Default: false, and the engine refuses `time_zone`. */
  readonly timeZones?: boolean
  /** Tables are named as `parseTableName` reads them: `name` or `schema.name`. Default: false, the text is the name, dots included. */
  readonly schemas?: boolean
}
