import { RowshiftError } from '../contract/errors.js'
import type { Batch } from '../wire/batch.js'
import type { PlannedWrite, SplitMark, TableCounts, WriteCounts, WriteOptions } from '../contract/write.js'
import { nothingWritten } from '../contract/write.js'
import type { SettlementSteps } from './settlement.js'
import { settleRows } from './settlement.js'
import { Tally } from './tally.js'

/** What writers of all SQL databases do alike. `S`: a session of the database. */
export abstract class SqlWriter<S> {
  /** The one session, which is opened when it is first needed, and again after it was given up. */
  protected abstract session(): Promise<S>
  /** From now on what the session waits for is given up when `signal` aborts too; until what is returned is called. */
  protected abstract bind(session: S, signal: AbortSignal): () => void
  /** Begins the transaction of a split; before that makes what the split needs beside the table. `settles`: for `settlement`. */
  protected abstract begin(session: S, spec: PlannedWrite, settles: boolean): Promise<void>
  /** Whether the split is stored already, as its mark says. */
  protected abstract isStored(session: S, mark: SplitMark): Promise<boolean>
  /** Inside the transaction: leaves what the split is known by when it is stored. */
  protected abstract leaveMark(session: S, mark: SplitMark, counts: TableCounts): Promise<void>
  protected abstract commit(session: S): Promise<void>
  /** Ends the transaction, if there is one, so that nothing of it stays. Never throws. */
  protected abstract rollback(session: S): Promise<void>
  /** Writes all rows but those that `tally.refuse` is given, and counts them. */
  protected abstract store(
    session: S,
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    tally: Tally,
  ): Promise<void>
  /** What `settle` is made of, in the transaction that is under way. */
  protected abstract settlement(session: S, spec: PlannedWrite): SettlementSteps
  /** Anything thrown by the session while `doing`, as a RowshiftError. */
  protected abstract error(thrown: unknown, doing: string, spec: PlannedWrite): RowshiftError
  /** Why the commit failed; `commitInDoubt` where it may have happened. */
  protected abstract commitError(session: S, spec: PlannedWrite, thrown: unknown): RowshiftError
  /** Whether the table can take back what was stored. Default: it can. */
  protected transactional(_spec: PlannedWrite): boolean {
    return true
  }
  /** Whether a row that has a unique value of another one may wait for it. Default: it may. */
  protected defers(_spec: PlannedWrite): boolean {
    return true
  }

  async write(
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    options: WriteOptions,
  ): Promise<WriteCounts> {
    // Nothing is locked while the reader is at work.
    const begun = await untilFirst(batches)
    return this.#transact(spec, options, begun, (session, rows, tally) =>
      this.store(session, spec, rows, tally),
    )
  }

  /** For the skill `settle`. */
  protected async settle(
    spec: PlannedWrite,
    rows: readonly Batch[],
    options: WriteOptions,
  ): Promise<WriteCounts> {
    return this.#transact(
      spec,
      options,
      inOrder(rows),
      async (session, received, tally) => {
        const all: Batch[] = []
        for await (const batch of received) all.push(batch)
        await settleRows(spec, all, this.settlement(session, spec), tally)
      },
      true,
    )
  }

  /**
   * The transaction of a split: whatever `change` stores is committed here, and nowhere else, or nothing of it stays.
   * `batches` null: there are no rows, so there is no transaction either.
   */
  async #transact(
    spec: PlannedWrite,
    options: WriteOptions,
    batches: AsyncIterable<Batch> | null,
    change: (session: S, batches: AsyncIterable<Batch>, tally: Tally) => Promise<void>,
    settles = false,
  ): Promise<WriteCounts> {
    const { onDeferred, ...others } = options
    const tally = new Tally(onDeferred && this.defers(spec) ? options : others)
    tally.throwIfAborted()
    if (batches === null) {
      options.beforeCommit()
      return nothingWritten
    }
    const session = await this.session()
    const release = this.bind(session, options.signal)
    const { mark } = options
    try {
      if (mark?.again && (await this.isStored(session, mark))) return nothingWritten
      await this.begin(session, spec, settles)
      await change(session, tally.receive(batches), tally)
      tally.check(spec)
      if (mark) await this.leaveMark(session, mark, tally.counts)
      tally.throwIfAborted()
      options.beforeCommit()
      await this.#commit(session, spec)
      return tally.counts
    } catch (thrown) {
      await this.rollback(session)
      const error = this.error(thrown, `writing table ${spec.table.table}`, spec)
      throw this.transactional(spec) ? error : inDoubt(error)
    } finally {
      release()
    }
  }

  async #commit(session: S, spec: PlannedWrite): Promise<void> {
    try {
      await this.commit(session)
    } catch (thrown) {
      throw this.commitError(session, spec, thrown)
    }
  }
}

/** A commit that failed in such a way that it may have happened all the same. */
export function commitInDoubt(error: RowshiftError): RowshiftError {
  return inDoubt(error, ' This split may or may not be stored; look at the target before running again.')
}

/** Some of the split may be stored, so it must not simply be run again. */
function inDoubt({ code, message, details, cause }: RowshiftError, say = ''): RowshiftError {
  return new RowshiftError(code, message + say, { ...details, inDoubt: true }, cause)
}

/** The same batches, once the first one is there; null: there are none. */
async function untilFirst(batches: AsyncIterable<Batch>): Promise<AsyncIterable<Batch> | null> {
  const iterator = batches[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done) return null
  return (async function* () {
    try {
      yield first.value
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  })()
}

async function* inOrder(rows: readonly Batch[]): AsyncGenerator<Batch> {
  yield* rows
}
