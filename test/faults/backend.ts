// The databases that cases are played on. A case has both ends, and its tasks, on one of them.
import type { Client, Row } from '../support/client.js'
import type { TestServer } from '../support/servers.js'

export const KINDS = ['mariadb', 'mysql', 'postgres', 'sqlite'] as const
export type Kind = (typeof KINDS)[number]

export type End = 'source' | 'target' | 'store'

/** How an end is reached. */
export interface Way {
  /** Of a proxy; undefined: the server's own. */
  readonly port: number | undefined
  /** Seconds after which a silent server is asked about. */
  readonly stall: number
}

export interface Backend {
  readonly kind: Kind
  /** What tasks call it. */
  readonly type: 'mysql' | 'postgres' | 'sqlite'
  readonly version: string
  /** null: there are only files. */
  readonly server: TestServer | null
  /** SQL of this database. */
  readonly sql: BackendSql
  /** An empty place for the tables of one case. No other case is there under the same name at the same time. */
  home(name: string): Promise<Home>
  otherStore(): Promise<OtherStore>
  stop(): Promise<void>
}

export interface BackendSql {
  /** Of every session of a run: how long it waits for a lock. */
  readonly session: readonly string[]
  /** The same time. */
  readonly lockMs: number
  /** What is equal only if every byte of the text is. */
  readonly exact: (column: string) => string
  /** Makes sure that a transaction that begins with these survives a deadlock. */
  readonly outlives: readonly string[]
  /** Waits for rows that somebody has written to the target. */
  readonly takeRows: string
}

/** A task store on a server of its own, for one case at a time. */
export interface OtherStore {
  readonly store: StorePlace
  readonly restart: () => Promise<void>
  /** The next case may have it. */
  readonly done: () => void
}

/** Where a task store is. */
export interface StorePlace {
  readonly type: Backend['type']
  run(sql: string): Promise<void>
  connection(way: Way): object
}

/** Where the tables of one case are. */
export interface Home {
  /** Where its task is, unless a case has it elsewhere. */
  readonly store: StorePlace
  /** Creates the tables of the source, and those of the target. */
  fill(source: string, target: string): Promise<void>
  /** Runs statements, which find the tables of both ends. */
  run(sql: string): Promise<void>
  /** The rows of one statement, as text. */
  query(sql: string): Promise<Row[]>
  /** Somebody else's session, for one statement at a time. */
  session(): Promise<Client>
  connection(end: End, way: Way): object
  url(end: End, table: string, way: Way): string
  /** The names of all tables that runs may make. */
  tables(): Promise<string[]>
  /** The names of all indexes of the target that are not those of keys. */
  indexes(): Promise<string[]>
  /** Sessions of the program, each in words. A server takes a moment to see that a process is gone. */
  sessions(): Promise<string[]>
  /** Ends the sessions of the program, or what they are doing; resolves to their number. */
  kill(what: 'CONNECTION' | 'QUERY'): Promise<number>
  /** Whether somebody waits for a lock. */
  isWaiting(): Promise<boolean>
}
