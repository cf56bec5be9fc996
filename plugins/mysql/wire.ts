/**
 * With `socket.ts` the only file that reaches into mysql2's internals: rows as raw packets, statements as raw bytes, and a LOAD DATA
 * stream that cannot be cut short. The public API decodes every cell (4.6 s of CPU per million rows of ten columns
 * where this costs 1.2 s) and ends a failed LOAD DATA stream as if it were complete, so the server keeps half of it.
 *
 * `probeWire` checks at connect that the internals are still what this file takes them for.
 */
// oxlint-disable typescript/unbound-method -- mysql2's commands are state machines whose states are methods
import mysql from 'mysql2'
import { RowshiftError } from '../../src/plugin.js'

/** A packet from the server: payload is `buffer[offset..end]`. Valid only during the callback. */
export interface RowPacket {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
  isEOF(): boolean
}

/** The server's OK packet, as mysql2 parses it. */
export interface OkResult {
  readonly affectedRows: number
  readonly warningStatus: number
  /** `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0` */
  readonly info: string
}

interface WireStream {
  readonly destroyed: boolean
  readonly writableNeedDrain: boolean
  cork(): void
  uncork(): void
  once(event: 'drain' | 'close', listener: () => void): void
  off(event: 'drain' | 'close', listener: () => void): void
}

/** The part of a mysql2 connection that is used here. */
export interface WireConnection {
  readonly config: { readonly clientFlags: number }
  readonly serverCapabilityFlags: number
  readonly sequenceId: number
  readonly stream: WireStream
  addCommand(command: WireQuery): void
  pause(): void
  resume(): void
  destroy(): void
  write(bytes: Buffer): void
  _bumpSequenceId(packets: number): void
  writePacket(packet: unknown): void
}

type State = ((packet: RowPacket, connection: WireConnection) => unknown) | null
type Callback = (error: Error | null, result: OkResult | undefined) => void

interface WireQuery {
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
const Query = emptyQuery.constructor as {
  new (options: { sql: string }, callback: Callback): WireQuery
  readonly prototype: WireQuery
}

const COM_QUERY = 3
const CLIENT_QUERY_ATTRIBUTES = 0x08000000
const MAX_PAYLOAD = 0xffffff
/** A single LOAD DATA packet above `max_allowed_packet` kills the connection. */
const LOAD_PIECE = 256 << 10

/** Calls `onRow` with each row's raw packet. */
class RowQuery extends Query {
  readonly #onRow: (packet: RowPacket) => void

  constructor(sql: string, onRow: (packet: RowPacket) => void, callback: Callback) {
    super({ sql }, callback)
    this.#onRow = onRow
  }

  /** Column definitions are only counted: mysql2 would compile a parser from them that nobody uses. */
  readField(): unknown {
    this._receivedFieldsCount++
    return this._receivedFieldsCount === this._fieldCount ? Query.prototype.fieldsEOF : this.readField
  }

  row(packet: RowPacket): unknown {
    if (packet.isEOF()) return this.done()
    this.#onRow(packet)
    // mysql2 calls whatever method is returned here for the next packet.
    return this.row
  }
}

/** Sends SQL that is already bytes. */
class BytesQuery extends Query {
  readonly #sql: Buffer

  constructor(sql: Buffer, callback: Callback) {
    super({ sql: '' }, callback)
    this.#sql = sql
  }

  override start(_packet: unknown, connection: WireConnection): State {
    const attributes =
      connection.config.clientFlags & connection.serverCapabilityFlags & CLIENT_QUERY_ATTRIBUTES
    // Command byte; with query attributes also "none of them, in one set".
    const head = Buffer.from(attributes === 0 ? [COM_QUERY] : [COM_QUERY, 0, 1])
    writePayload(connection, head, this.#sql)
    return Query.prototype.resultsetHeader
  }
}

/** LOAD DATA LOCAL whose file is a stream of byte pieces. When the stream fails, so does the connection. */
class LoadQuery extends Query {
  readonly #pieces: AsyncIterable<Buffer>
  readonly #onStreamError: (error: unknown) => void

  constructor(
    sql: string,
    pieces: AsyncIterable<Buffer>,
    callback: Callback,
    onStreamError: (error: unknown) => void,
  ) {
    super({ sql }, callback)
    this.#pieces = pieces
    this.#onStreamError = onStreamError
  }

  _streamLocalInfile(connection: WireConnection): State {
    this.#pump(connection).catch((error: unknown) => {
      // Never end the file here: the server would keep what it has. Without a connection it rolls back.
      connection.destroy()
      this.#onStreamError(error)
    })
    return this.infileOk
  }

  async #pump(connection: WireConnection): Promise<void> {
    const { stream } = connection
    for await (const bytes of this.#pieces) {
      for (let at = 0; at < bytes.length; at += LOAD_PIECE) {
        writePayload(connection, bytes.subarray(at, at + LOAD_PIECE))
        if (stream.writableNeedDrain) await drained(stream)
        if (stream.destroyed) return
      }
    }
    writePayload(connection)
  }
}

function drained(stream: WireStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}

/** Writes one payload as protocol packets without copying it: header and bytes go out in one vectored write. */
function writePayload(connection: WireConnection, ...parts: Buffer[]): void {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  connection.stream.cork()
  if (length < MAX_PAYLOAD) {
    writeHeader(connection, length)
    for (const part of parts) connection.write(part)
  } else {
    const payload = Buffer.concat(parts)
    // A payload that fills its last packet exactly is followed by an empty one.
    for (let at = 0; at <= payload.length; at += MAX_PAYLOAD) {
      const piece = payload.subarray(at, at + MAX_PAYLOAD)
      writeHeader(connection, piece.length)
      connection.write(piece)
    }
  }
  connection.stream.uncork()
}

function writeHeader(connection: WireConnection, length: number): void {
  connection.write(Buffer.from([length & 0xff, (length >> 8) & 0xff, length >> 16, connection.sequenceId]))
  connection._bumpSequenceId(1)
}

export function queryRows(
  connection: WireConnection,
  sql: string,
  onRow: (packet: RowPacket) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.addCommand(new RowQuery(sql, onRow, (error) => (error ? reject(error) : resolve())))
  })
}

export function queryBytes(connection: WireConnection, sql: Buffer): Promise<OkResult> {
  return new Promise((resolve, reject) => {
    connection.addCommand(new BytesQuery(sql, (error, result) => (error ? reject(error) : resolve(result!))))
  })
}

/** Rejects with the stream's own error when that is what ended the load. */
export function loadData(
  connection: WireConnection,
  sql: string,
  pieces: AsyncIterable<Buffer>,
): Promise<OkResult> {
  return new Promise((resolve, reject) => {
    const done: Callback = (error, result) => (error ? reject(error) : resolve(result!))
    connection.addCommand(new LoadQuery(sql, pieces, done, reject))
  })
}

/** Reads one row both ways through the internals used above; throws when mysql2 is no longer what this file expects. */
export async function probeWire(connection: WireConnection): Promise<void> {
  const seen: string[] = []
  const onRow = (packet: RowPacket) => seen.push(packet.buffer.toString('latin1', packet.offset, packet.end))
  await queryRows(connection, "SELECT 'a', NULL, 12", onRow)
  const ok = await queryBytes(connection, Buffer.from('DO 0'))
  if (seen.length !== 1 || seen[0] !== '\x01a\xfb\x0212' || typeof ok.info !== 'string') {
    throw new RowshiftError(
      'INTERNAL',
      'The installed mysql2 hands rows over in a way this version of rowshift does not know; install the mysql2 version that rowshift asks for.',
    )
  }
}
