import type { RowshiftError } from '../contract/errors.js'
import type { PlannedWrite } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import { bisect } from '../wire/bisect.js'
import type { SqlSession } from './session.js'
import type { Tally } from './tally.js'

/** How statements that store rows fail, and what is done then. */
export interface FailingStatements {
  /** One that fails, or is rejected by us, leaves rows that must be taken back; else it leaves nothing. */
  readonly savepoints: boolean
  /** The table can take back what was stored. */
  readonly transactional: boolean
  /** Begins the transaction once more. */
  begin(): Promise<void>
  /** An error that some row of a batch is to blame for, as one about this row. */
  rejected(row: Batch, error: RowshiftError): RowshiftError
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

  /** Stores a batch by `store`, which stores a part of it by one statement; rows at fault are refused. */
  async batch(batch: Batch, store: (part: Batch) => Promise<void>): Promise<void> {
    await bisect(batch, {
      store: (part) => this.undoable(() => store(part)),
      blamesRow: (error) => this.isRowFault(error),
      together: (error) => (this.#error(error).code === 'DUPLICATE_KEY' ? this.#tally.together : 1),
      onBad: (row, error) => {
        this.#tally.refuse(row, this.#ways.rejected(row, this.#error(error)))
        this.#tally.hand(row.rows)
      },
    })
  }

  /** Runs `change`; when some row is to blame that it fails, it has not happened. */
  async undoable(change: () => Promise<void>): Promise<void> {
    const restore = this.#tally.mark()
    const { savepoints } = this.#ways
    if (savepoints && this.#stored) await this.#session.query('SAVEPOINT rowshift')
    try {
      await change()
      this.#stored = true
    } catch (thrown) {
      const error = this.#error(thrown)
      restore()
      if (savepoints && error.blamesRow) await this.#undo()
      throw error
    }
  }

  async #undo(): Promise<void> {
    if (this.#stored) await this.#session.query('ROLLBACK TO SAVEPOINT rowshift')
    else {
      await this.#session.rollback()
      await this.#ways.begin()
    }
  }

  #error(thrown: unknown): RowshiftError {
    const { table } = this.#spec.table
    return this.#session.dialect.error(thrown, `writing table ${table}`, { table })
  }
}
