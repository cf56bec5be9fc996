import type { ResolvedConnection } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import { closeAll } from '../contract/opening.js'
import type { NamedConnection, NamedConnections } from '../plan/named-connections.js'
import type { Endpoint, Reader } from '../contract/plugin.js'
import { endpointOf, readersOf } from './endpoints.js'

/** The connections that a run may use, by what `params` call them. */
export interface Connections {
  readonly source: ResolvedConnection
  readonly target: ResolvedConnection
  readonly others: Readonly<Record<string, ResolvedConnection>>
  /** SQL that every connection runs first. */
  readonly session: readonly string[]
  /** Ends what they wait for. */
  readonly signal: AbortSignal | undefined
}

/** Readers of the coordinator, beside the one of the copy itself. */
export class OpenConnections implements NamedConnections {
  readonly #resolved: Connections
  readonly #opened = new Map<string, OpenConnection>()

  constructor(connections: Connections) {
    this.#resolved = connections
  }

  connection(name: string): OpenConnection {
    const known = this.#opened.get(name)
    if (known) return known
    const { source, target, others, session, signal } = this.#resolved
    const endpoints: Readonly<Record<string, ResolvedConnection>> = { ...others, source, target }
    const found = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined
    if (!found) throw new RowshiftError('INTERNAL', `Params name a connection that nobody has resolved.`)
    const { loaded, connection } = found
    // A URL holds a password, and says where it leads without it.
    const shown = Object.hasOwn(others, name) ? loaded.plugin.describeConnection(connection) : name
    const at = endpointOf({ loaded, connection }, session)
    const [reader] = readersOf(loaded.plugin, [at])
    if (!reader)
      throw new RowshiftError('PLUGIN_UNKNOWN', `${shown} cannot be read from: its plugin has no reader.`)
    const opened = new OpenConnection(shown, at, reader, signal)
    this.#opened.set(name, opened)
    return opened
  }

  /** By what plans call it. */
  named(shown: string): OpenConnection {
    return [...this.#opened.values()].find(({ name }) => name === shown)!
  }

  /** What threads need, by the names that plans have. */
  get endpoints(): Readonly<Record<string, Endpoint>> {
    const { target, session } = this.#resolved
    const opened = [...this.#opened.values()].map(({ name, endpoint }) => [name, endpoint] as const)
    return Object.fromEntries([
      ['target', endpointOf({ loaded: target.loaded, connection: target.connection }, session)],
      ...opened,
    ])
  }

  close(): Promise<void> {
    return closeAll([...this.#opened.values()])
  }
}

class OpenConnection implements NamedConnection {
  readonly name: string
  readonly endpoint: Endpoint
  readonly reader: Reader
  readonly #signal: AbortSignal | undefined
  #opened: Promise<void> | null = null

  constructor(name: string, endpoint: Endpoint, reader: Reader, signal: AbortSignal | undefined) {
    this.name = name
    this.endpoint = endpoint
    this.reader = reader
    this.#signal = signal
  }

  async open(): Promise<Reader> {
    this.#opened ??= this.reader.connect(this.#signal)
    await this.#opened
    return this.reader
  }

  async close(): Promise<void> {
    if (this.#opened !== null) await this.reader.close()
  }
}
