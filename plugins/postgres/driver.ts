/** The part of the package `pg` that is used here. Who copies between other databases need not have it. */
import type { Socket } from 'node:net'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SqlRow } from '../../src/sql/session.js'

export interface PgResult {
  readonly rows: readonly SqlRow[]
  readonly rowCount: number | null
  /** The first word of what the server says when it is done. */
  readonly command: string
}

/** Speaks the protocol: messages go out by methods, and come in as events of the same names. */
export interface PgConnection {
  /** Another one after TLS has begun. */
  readonly stream: Socket
  query(text: string): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: unknown): void
  once(
    event: 'connect' | 'sslconnect' | 'error' | 'end' | 'authenticationCleartextPassword',
    listener: (error: Error) => void,
  ): void
}

/** What runs by itself in the queue of a client. */
export interface Submittable {
  submit(connection: PgConnection): null
  handleError(error: Error): void
  handleReadyForQuery(): void
  handleCommandComplete(message: { readonly text: string }): void
  handleCopyInResponse(connection: PgConnection): void
  handleRowDescription(): void
  handleDataRow(): void
  handleCopyData(): void
  handleEmptyQuery(): void
}

export interface PgClient {
  readonly connection: PgConnection
  readonly connectionParameters: { options?: string; replication?: string }
  readonly processID: number | null
  readonly secretKey: unknown
  connect(): Promise<void>
  query(query: object): Promise<PgResult | readonly PgResult[]>
  query(submittable: Submittable): Submittable
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): void
}

export interface Pg {
  readonly Client: new (options: object) => PgClient
  readonly Connection: new (options: object) => PgConnection
}

let loaded: Pg | null = null

/** Throws PLUGIN_UNKNOWN where it is not installed. */
export async function loadDriver(): Promise<Pg> {
  if (loaded) return loaded
  try {
    const name = 'pg'
    const { default: driver } = (await import(name)) as { default: Pg }
    loaded = driver
    return driver
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const missing = code === 'ERR_MODULE_NOT_FOUND' ? 'is not installed' : `cannot be loaded: ${message}`
    throw new RowshiftError(
      'PLUGIN_UNKNOWN',
      `PostgreSQL needs the package "pg", which ${missing}. Install it beside rowshift: npm install pg@8 (with --global if rowshift is installed so).`,
      { package: 'pg' },
      cause,
    )
  }
}
