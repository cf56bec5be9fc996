// oxlint-disable typescript/unbound-method -- mysql2's commands are state machines whose states are methods
import type { Callback, Packet, State, WireConnection } from './driver.js'
import { Query } from './driver.js'

const HEADER_BYTES = 4
const EOF = 0xfe

/** Takes the rows of one result past mysql2. */
export interface RowSink {
  /** `sequence` is the number of the first packet. */
  start(sequence: number): void
  /**
   * Takes packets as they come, cut anywhere; the bytes are valid only during the call. Returns what follows the
   * last row (the packet of the end or of an error, complete), else null.
   */
  feed(bytes: Buffer): Buffer | null
  /** The number of the packet after the last row. */
  readonly sequence: number
}

/**
 * Hands rows to a sink a whole chunk at a time. mysql2 gets every packet before and after them, one by one and
 * complete, so that its parser never holds the beginning of one: a call per packet took 0.1 s per million rows.
 */
class RowQuery extends Query {
  readonly #sink: RowSink
  readonly #onError: (error: unknown) => void
  #inRows = false
  /** That the result has caused, as far as 16 bits say. */
  warnings = 0
  /** The beginning of a packet before the rows. */
  #begun = Buffer.alloc(0)

  constructor(sql: string, sink: RowSink, callback: Callback, onError: (error: unknown) => void) {
    super({ sql }, callback)
    this.#sink = sink
    this.#onError = onError
  }

  override start(packet: unknown, connection: WireConnection): State {
    this.#divert(connection)
    return super.start(packet, connection)
  }

  /** Column definitions are only counted: mysql2 would compile a parser from them that nobody uses. */
  readField(): unknown {
    this._receivedFieldsCount++
    return this._receivedFieldsCount === this._fieldCount ? this.#fieldsEnd : this.readField
  }

  #fieldsEnd(packet: Packet, connection: WireConnection): State {
    this.#inRows = true
    this.#sink.start(connection.sequenceId)
    return Query.prototype.fieldsEOF!.call(this, packet, connection) as State
  }

  row(packet: Packet): unknown {
    if (!packet.isEOF()) throw new Error('A row came to mysql2, which has no parser for it')
    return this.done()
  }

  /** Until the command ends, well or not, chunks come here before mysql2 sees them. */
  #divert(connection: WireConnection): void {
    const parser = connection.packetParser
    const { execute } = parser
    const give = (packet: Buffer) => execute.call(parser, packet)
    this.once('end', () => {
      parser.execute = execute
    })
    parser.execute = (chunk) => {
      try {
        this.#take(chunk, connection, give)
      } catch (error) {
        parser.execute = () => {}
        connection.destroy()
        this.#onError(error)
      }
    }
  }

  #take(chunk: Buffer, connection: WireConnection, give: (packet: Buffer) => void): void {
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk])
    while (!this.#inRows) {
      const end = packetEnd(rest)
      // Copies, because the memory of the chunk is used again.
      if (end === null) {
        this.#begun = Buffer.from(rest)
        return
      }
      give(Buffer.from(rest.subarray(0, end)))
      rest = rest.subarray(end)
    }
    this.#begun = Buffer.alloc(0)
    const last = this.#sink.feed(rest)
    if (last === null) return
    connection.sequenceId = this.#sink.sequence
    if (last[HEADER_BYTES] === EOF) this.warnings = last.readUInt16LE(HEADER_BYTES + 1)
    give(Buffer.from(last))
  }
}

/** Where the first packet ends, if all of it is there. */
function packetEnd(bytes: Buffer): number | null {
  if (bytes.length < HEADER_BYTES) return null
  const end = HEADER_BYTES + bytes.readUIntLE(0, 3)
  return end <= bytes.length ? end : null
}

/** Resolves to how many warnings the server has for the result. */
export function queryRows(connection: WireConnection, sql: string, sink: RowSink): Promise<number> {
  return new Promise((resolve, reject) => {
    const done: Callback = (error) => (error ? reject(error) : resolve(query.warnings))
    const query = new RowQuery(sql, sink, done, reject)
    connection.addCommand(query)
  })
}
