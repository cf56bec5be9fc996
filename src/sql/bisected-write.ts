import { RowshiftError } from '../contract/errors.js'
import type { PlannedWrite } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import { bisect } from '../wire/bisect.js'
import { counted } from '../wire/counted.js'
import { rowError } from './row-errors.js'
import type { SqlSession } from './session.js'
import { runsOf } from './streams.js'
import type { Tally } from './tally.js'

/** How statements that store rows fail, and what is done then. */
export interface FailingStatements {
  /** One that fails, or is rejected by us, leaves rows that must be taken back; else it leaves nothing. */
  readonly savepoints: boolean
  /** The table can take back what was stored. */
  readonly transactional: boolean
  /** Begins the transaction once more. */
  begin(): Promise<void>
  /** Savepoints of one name are kept one above the other, so that each is to be released. Default: a new one takes the place of the old one. */
  readonly nested?: true
  /** An error that some row of a batch is to blame for, as one about this row. */
  rejected(row: Batch, error: RowshiftError): RowshiftError
}

/** Two ways to store rows. */
export interface StoringStatements {
  /** What `send` takes of a batch; null: the batch must not go by it. */
  readonly bytesOf: (batch: Batch) => Buffer | null
  /**
   * Stores what it takes, as it comes, by one statement. Takes nothing more once it has settled. `rows`: how many it has taken.
   */
  readonly send: (pieces: AsyncIterable<Buffer>, rows: () => number) => Promise<void>
  /** Stores a part of a batch. */
  readonly store: (part: Batch) => Promise<void>
}

/** Stores rows by statements that store many at a time, inside a transaction, and leaves out those that cannot be stored. */
export class BisectedWrite {
  readonly #session: SqlSession
  readonly #spec: PlannedWrite
  readonly #tally: Tally
  readonly #ways: FailingStatements
  /** Something is stored in the transaction. */
  #stored: boolean

  constructor(
    session: SqlSession,
    spec: PlannedWrite,
    tally: Tally,
    ways: FailingStatements,
    stored: boolean,
  ) {
    this.#session = session
    this.#spec = spec
    this.#tally = tally
    this.#ways = ways
    this.#stored = stored
  }

  /** Whether a row is to blame for what `undoable` has thrown, so that all others can be stored. */
  isRowFault(thrown: unknown): boolean {
    // What a table has stored that cannot take it back must not be tried again.
    return this.#ways.transactional && this.#error(thrown).blamesRow
  }

  /**
   * Stores batches by `send`, at least so many bytes at a time as long as there are more. Those that must not go by it, and all where a
   * row is at fault, go one by one.
   */
  async stream(
    batches: AsyncIterable<Batch>,
    bytes: number,
    { bytesOf, send, store }: StoringStatements,
  ): Promise<void> {
    const tally = this.#tally
    for await (const run of runsOf(batches, bytes)) {
      const sent: Batch[] = []
      const left: Batch[] = []
      let rows = 0
      const pieces = async function* (): AsyncGenerator<Buffer> {
        for await (const batch of run) {
          const piece = bytesOf(batch)
          if (piece === null) {
            left.push(batch)
            continue
          }
          sent.push(batch)
          rows += batch.rows
          yield piece
          tally.hand(batch.rows)
        }
      }
      try {
        await this.undoable(() => send(pieces(), () => rows))
      } catch (error) {
        if (!this.isRowFault(error)) throw error
        for (const batch of sent) await this.batch(batch, store)
      }
      for (const batch of left) await this.batch(batch, store)
    }
  }

  /** Stores a batch by `store`, which stores a part of it by one statement; rows at fault are refused. */
  async batch(batch: Batch, store: (part: Batch) => Promise<void>): Promise<void> {
    await bisect(batch, {
      store: (part) =>
        this.undoable(() => store(part)).catch((thrown: unknown) => this.#failed(part, thrown)),
      blamesRow: (error) => this.isRowFault(error),
      together: (error) => (this.#error(error).code === 'DUPLICATE_KEY' ? this.#tally.together : 1),
      onBad: (row, error) => {
        this.#tally.reject(row, this.#ways.rejected(row, this.#error(error)))
        this.#tally.hand(row.rows)
      },
    })
  }

  /** Runs `change`; when some row is to blame that it fails, it has not happened. */
  async undoable(change: () => Promise<void>): Promise<void> {
    const restore = this.#tally.mark()
    const { savepoints, nested } = this.#ways
    if (savepoints && this.#stored) await this.#session.query('SAVEPOINT rowshift')
    try {
      await change()
      if (nested && this.#stored) await this.#session.query('RELEASE SAVEPOINT rowshift')
      this.#stored = true
    } catch (thrown) {
      const error = this.#error(thrown)
      restore()
      if (savepoints && error.blamesRow) await this.#undo()
      throw error
    }
  }

  /** A statement that ends its connection may hold too much: nothing is less than one row. */
  #failed(part: Batch, thrown: unknown): never {
    const error = this.#error(thrown)
    const cut = error.code === 'CONNECTION_LOST' || error.code === 'PACKET_TOO_LARGE'
    if (part.rows > 1 || !cut) throw thrown
    const bytes = `The statement under way held one row of ${counted(part.bytes.length, 'byte')}.`
    const { code, message, details } = error
    throw rowError(this.#spec, part, new RowshiftError(code, `${message} ${bytes}`, details, error), [])
  }

  async #undo(): Promise<void> {
    if (this.#stored) {
      await this.#session.query('ROLLBACK TO SAVEPOINT rowshift')
      if (this.#ways.nested) await this.#session.query('RELEASE SAVEPOINT rowshift')
    } else {
      await this.#session.rollback()
      await this.#ways.begin()
    }
  }

  #error(thrown: unknown): RowshiftError {
    const { table } = this.#spec.table
    return this.#session.dialect.error(thrown, `writing table ${table}`, { table })
  }
}
