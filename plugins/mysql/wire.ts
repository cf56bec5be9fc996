/**
 * Past mysql2's public API: with `rows.ts` rows as raw packets; here commands as raw bytes, and a LOAD DATA stream
 * that cannot be cut short. The public API decodes every cell (4.6 s of CPU per million rows of ten columns, where
 * this cost 1.2 s even with loops in JavaScript) and ends a failed LOAD DATA stream as if it were complete, so the server keeps half of it.
 *
 * `probeWire` checks at connect that the internals are still what these files take them for.
 */
// oxlint-disable typescript/unbound-method -- mysql2's commands are state machines whose states are methods
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Callback, OkResult, State, WireConnection } from './driver.js'
import { drained } from '../../src/sql/streams.js'
import { Query } from './driver.js'
import { queryRows } from './rows.js'

const COM_QUERY = 3
const CLIENT_QUERY_ATTRIBUTES = 0x08000000
const MAX_PAYLOAD = 0xffffff
/** The row packet that answers the probe: number 6 after the count of columns, three columns and the end of those. */
const PROBE_ROW = Buffer.from('\x06\0\0\x06\x01a\xfb\x0212', 'latin1')
const EOF_BYTES = 9
/** A single LOAD DATA packet above `max_allowed_packet` kills the connection. */
const LOAD_PIECE = 256 << 10

/** Sends a command that is already bytes, and is answered like a query. */
class BytesQuery extends Query {
  readonly #parts: readonly Buffer[]

  constructor(parts: readonly Buffer[], callback: Callback) {
    super({ sql: '' }, callback)
    this.#parts = parts
  }

  override start(_packet: unknown, connection: WireConnection): State {
    writePayload(connection, ...this.#parts)
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

export function queryBytes(connection: WireConnection, sql: Buffer): Promise<OkResult> {
  const attributes =
    connection.config.clientFlags & connection.serverCapabilityFlags & CLIENT_QUERY_ATTRIBUTES
  // Command byte; with query attributes also "none of them, in one set".
  const head = Buffer.from(attributes === 0 ? [COM_QUERY] : [COM_QUERY, 0, 1])
  return sendCommand(connection, head, sql)
}

/** Of one command, cut anywhere. */
export function sendCommand(connection: WireConnection, ...parts: Buffer[]): Promise<OkResult> {
  return new Promise((resolve, reject) => {
    const done: Callback = (error, result) => (error ? reject(error) : resolve(result!))
    connection.addCommand(new BytesQuery(parts, done))
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

/** Reads one row and sends a statement through the internals used above; throws when mysql2 is no longer what this file expects. */
export async function probeWire(connection: WireConnection): Promise<void> {
  let seen = Buffer.alloc(0)
  await queryRows(connection, "SELECT 'a', NULL, 12", {
    sequence: 7,
    start: () => {},
    feed(bytes) {
      seen = Buffer.concat([seen, bytes])
      return seen.length < PROBE_ROW.length + EOF_BYTES ? null : seen.subarray(PROBE_ROW.length)
    },
  })
  const ok = await queryBytes(connection, Buffer.from('DO 0'))
  if (!seen.subarray(0, PROBE_ROW.length).equals(PROBE_ROW) || typeof ok.info !== 'string') {
    throw new RowshiftError(
      'INTERNAL',
      'The installed mysql2 hands rows over in a way this version of rowshift does not know; install the mysql2 version that rowshift asks for.',
    )
  }
}
