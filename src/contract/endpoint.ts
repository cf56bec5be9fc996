/** What is needed to reach a database. Part of the plugin contract. */

/** A connection as it stands in a configuration file: plain JSON. Holds secrets: never print it. */
export type Connection = Readonly<Record<string, unknown>>

/** A database at one end of a copy. */
export interface Endpoint {
  /** Module specifier of the plugin, an absolute URL after resolution. */
  readonly plugin: string
  readonly connection: Connection
  /** SQL statements that every connection runs first (`params.session`). */
  readonly session: readonly string[]
  /**
   * The zone in which a reader's database sees moments and the clock where the user's own SQL asks for them
   * (`params.time_zone`). Values are read in UTC all the same. Default: UTC. Only for plugins with the capability `timeZones`.
   */
  readonly timeZone?: string
}
