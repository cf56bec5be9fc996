import type { Reader } from '../contract/plugin.js'

/** The databases that a plan may look into. */
export interface NamedConnections {
  /**
   * `source`, `target`, or what `params` call a third one. Throws CONNECTION_UNKNOWN for what nobody has configured, PLUGIN_UNKNOWN for what cannot be
   * read from.
   */
  connection(name: string): NamedConnection
}

export interface NamedConnection {
  /** What plans and messages call it: without secrets. */
  readonly name: string
  /** Not connected. To see what its database can do. */
  readonly reader: Reader
  /** The same, connected; closed by whoever opened the connections. */
  open(): Promise<Reader>
}
