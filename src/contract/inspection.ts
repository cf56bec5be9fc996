/** What `rowshift check` tells about a database. Part of the plugin contract. */

/** One fact, and what somebody might do about it. Free of secrets. */
export interface Finding {
  /** What it is about: `server`, `privileges`, the name of a setting. */
  readonly name: string
  readonly value: string
  /** What it means for rowshift, or what would be better. Default: all is well. */
  readonly advice?: string
}
