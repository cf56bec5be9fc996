/** COPY in both directions, past the parser of `pg`: it would make an object and an event of every row. */
import type { Socket } from 'node:net'
import { drained } from '../../src/sql/streams.js'
import type { PgClient, PgConnection, Submittable } from './driver.js'
import { messageBytes } from './transcode.js'

/** Takes the messages that hold rows. */
export interface RowSink {
  /** Takes bytes as they come, cut anywhere, and returns what follows the last row, if it was among them; else null. */
  feed(bytes: Buffer): Buffer | null
}

const HEADER = 5
const TYPE = { copyData: 0x64, copyOut: 0x48, notice: 0x4e, status: 0x53, notification: 0x41 }
/** Messages that may come before, between and after rows without an end to them. */
const ASIDE: readonly number[] = [TYPE.copyOut, TYPE.notice, TYPE.status, TYPE.notification]

abstract class Copy implements Submittable {
  readonly #sql: string
  /** What was sent, or has come, when all is over. */
  protected rows = 0
  readonly done: Promise<number>
  protected succeed!: (rows: number) => void
  protected fail!: (error: unknown) => void

  constructor(sql: string) {
    this.#sql = sql
    this.done = new Promise((resolve, reject) => {
      this.succeed = resolve
      this.fail = reject
    })
  }

  submit(connection: PgConnection): null {
    connection.query(this.#sql)
    return null
  }

  handleError(error: Error): void {
    this.fail(error)
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.rows = Number(/\d+$/.exec(text)?.[0] ?? 0)
  }

  handleReadyForQuery(): void {
    this.succeed(this.rows)
  }

  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFail('There is nothing to be sent')
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCopyData(): void {}
  handleEmptyQuery(): void {}
}

class CopyOut extends Copy {
  readonly #sink: RowSink
  #stream!: Socket
  #parsers: Function[] = []
  /** The beginning of a message that holds no row. */
  #begun = Buffer.alloc(0)
  #inRow = false
  readonly #take = (chunk: Buffer) => {
    try {
      this.#feed(chunk)
    } catch (error) {
      this.#stream.off('data', this.#take)
      this.#stream.destroy()
      this.fail(error)
    }
  }

  constructor(sql: string, sink: RowSink) {
    super(sql)
    this.#sink = sink
  }

  override submit(connection: PgConnection): null {
    this.#stream = connection.stream
    this.#parsers = this.#stream.listeners('data')
    this.#stream.removeAllListeners('data')
    this.#stream.on('data', this.#take)
    return super.submit(connection)
  }

  #feed(chunk: Buffer): void {
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk])
    this.#begun = Buffer.alloc(0)
    while (rest.length > 0) {
      if (this.#inRow || rest[0] === TYPE.copyData) {
        const after = this.#sink.feed(rest)
        this.#inRow = after === null
        if (after === null) return
        rest = after
      } else if (!ASIDE.includes(rest[0]!)) {
        this.#leave(rest)
        return
      } else if (rest.length < HEADER || rest.length < messageBytes(rest)) {
        // Copies, because the chunk may be used again.
        this.#begun = Buffer.from(rest)
        return
      } else {
        const end = messageBytes(rest)
        this.#give(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
    }
  }

  /** The rows are over, well or not: `pg` reads on. */
  #leave(rest: Buffer): void {
    this.#stream.off('data', this.#take)
    for (const parser of this.#parsers) this.#stream.on('data', parser as (chunk: Buffer) => void)
    this.#give(rest)
  }

  #give(bytes: Buffer): void {
    for (const parser of this.#parsers) Reflect.apply(parser, this.#stream, [Buffer.from(bytes)])
  }
}

/** Most bytes of one message; the server takes less than a GiB. */
const PIECE = 8 << 20

class CopyIn extends Copy {
  readonly #pieces: AsyncIterable<Buffer>
  #sent: Promise<void> = Promise.resolve()
  #failed = false
  /** Why there are no more pieces, though they have not come to an end. */
  #cut: unknown = null

  constructor(sql: string, pieces: AsyncIterable<Buffer>) {
    super(sql)
    this.#pieces = pieces
  }

  override handleCopyInResponse(connection: PgConnection): void {
    this.#sent = this.#pump(connection).catch((error: unknown) => {
      this.#cut = error
      connection.sendCopyFail('The rows could not be read')
    })
  }

  /** Nobody else may take the pieces before what is sent here has come to its end. */
  override handleError(error: Error): void {
    this.#failed = true
    void this.#sent.then(() => super.handleError((this.#cut ?? error) as Error))
  }

  async #pump(connection: PgConnection): Promise<void> {
    const { stream } = connection
    for await (const bytes of this.#pieces) {
      for (let at = 0; at < bytes.length; at += PIECE) {
        // The server has refused a row, and takes no more.
        if (this.#failed || stream.destroyed) return
        if (!writePiece(stream, bytes.subarray(at, at + PIECE))) await drained(stream)
      }
    }
    if (!this.#failed) connection.endCopyFrom()
  }
}

/** Without copying it: header and bytes go out in one vectored write. */
function writePiece(stream: Socket, bytes: Buffer): boolean {
  const header = Buffer.alloc(HEADER)
  header[0] = TYPE.copyData
  header.writeUInt32BE(bytes.length + 4, 1)
  stream.cork()
  stream.write(header)
  const more = stream.write(bytes)
  stream.uncork()
  return more
}

/** Runs `COPY … TO STDOUT` and resolves when all rows have gone to `sink`. What the sink throws ends the connection. */
export async function copyOut(client: PgClient, sql: string, sink: RowSink): Promise<void> {
  const copy = new CopyOut(sql, sink)
  void client.query(copy)
  await copy.done
}

/** Runs `COPY … FROM STDIN`, and resolves to the number of rows that the server has stored. Without an error it has taken all pieces. */
export function copyIn(client: PgClient, sql: string, pieces: AsyncIterable<Buffer>): Promise<number> {
  const copy = new CopyIn(sql, pieces)
  void client.query(copy)
  return copy.done
}
