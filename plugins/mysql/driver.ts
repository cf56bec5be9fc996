/**
 * The parts of mysql2's inside that `wire.ts` and `rows.ts` use; nothing else reaches into it. mysql2 closes its files
 * to importers, but hands out an instance of its Query class.
 */
// oxlint-disable typescript/unbound-method -- mysql2's commands are state machines whose states are methods
import type { MovingSocket } from '../../src/sql/silence.js'
import mysql from 'mysql2'

export interface Packet {
  isEOF(): boolean
}

/** The server's OK packet, as mysql2 parses it. */
export interface OkResult {
  readonly affectedRows: number
  readonly warningStatus: number
  /** Flags of the protocol. */
  readonly serverStatus: number
  /** `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0` */
  readonly info: string
}

/** What the server says of a column of a result. */
export interface ResultField {
  /** Number of the type in the protocol. */
  readonly columnType: number
  /** Bytes, of text four per character. */
  readonly columnLength: number
  readonly decimals: number
  readonly flags: number
  readonly characterSet: number
}

/** The command that logs a new connection in. */
export interface LoginCommand {
  /** What the server has said first. */
  readonly handshake: { readonly mariadbExtendedCapabilityFlags: number }
  clientFlags: number
  /** What is announced of the protocol that only MariaDB has. */
  mariadbExtendedClientFlags: number
  sendSSLRequest(connection: WireConnection): void
  sendCredentials(connection: WireConnection): void
}

export interface WireStream {
  readonly destroyed: boolean
  readonly writableNeedDrain: boolean
  cork(): void
  uncork(): void
  once(event: 'drain' | 'close', listener: () => void): void
  off(event: 'drain' | 'close', listener: () => void): void
}

export interface TcpSocket extends MovingSocket {
  destroy(): void
}

/** The part of a mysql2 connection that is used here. */
export interface WireConnection {
  readonly config: { readonly clientFlags: number }
  /** What is under way. */
  readonly _command: LoginCommand | WireQuery | null
  readonly serverCapabilityFlags: number
  sequenceId: number
  stream: WireStream
  /** Gets every chunk that arrives, under TLS too. */
  readonly packetParser: { execute(chunk: Buffer): void }
  addCommand(command: WireQuery): void
  pause(): void
  resume(): void
  destroy(): void
  write(bytes: Buffer): void
  _bumpSequenceId(packets: number): void
  writePacket(packet: unknown): void
  /** Called in the middle of the login, with what goes on with it. */
  startTLS(onSecure: (error?: Error) => void): void
  _handleNetworkError(error: Error): void
}

export type State = ((packet: Packet, connection: WireConnection) => unknown) | null
export type Callback = (error: Error | null, result: OkResult | undefined) => void

export interface WireQuery {
  once(event: 'end', listener: () => void): void
  start(packet: unknown, connection: WireConnection): State
  resultsetHeader: State
  fieldsEOF: State
  infileOk: State
  _fieldCount: number
  _receivedFieldsCount: number
  done(): State
}

const { createQuery } = mysql as unknown as {
  createQuery(sql: string, values: [], done: null, config: object): object
}
const emptyQuery = createQuery('', [], null, {})
export const Query = emptyQuery.constructor as {
  new (options: { sql: string }, callback: Callback): WireQuery
  readonly prototype: WireQuery
}

export type TextRow = readonly (string | null)[]
