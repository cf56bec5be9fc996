import type { Batch, WriteCounts } from '../../src/contract/plugin.js'
import { nothingWritten, RowshiftError } from '../../src/contract/plugin.js'
import { BisectedWrite } from '../../src/sql/bisected-write.js'
import type { Tally } from '../../src/sql/tally.js'
import type { Session } from './connection.js'
import { warningError } from './errors.js'
import { duplicateCounts, figure, warnings } from './counts.js'
import { LARGER_ROWS, rejectedRowError, unwritable } from './row-errors.js'
import type { Merge, Statements } from './statements.js'
import type { OkResult } from './driver.js'
import { BulkBuilder } from './transcode.js'
import type { WriteFacts } from './write-facts.js'

/** Most bytes in one LOAD DATA, which are kept so that a bad row among them can be found. */
const LOAD_BYTES = 16 << 20

/** Begins the transaction of a split. */
export async function beginSplit(session: Session, { readCommitted }: WriteFacts): Promise<void> {
  if (readCommitted) await session.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
  await session.query('START TRANSACTION')
}

/** Rows on their way into the target, inside a transaction that has begun. */
export class SplitWrite {
  readonly #session: Session
  readonly #statements: Statements
  readonly #tally: Tally
  readonly #merging: Merge | null
  readonly #rows: BisectedWrite

  constructor(
    session: Session,
    statements: Statements,
    tally: Tally,
    { merging = statements.stage?.merge ?? null, stored = true } = {},
  ) {
    this.#session = session
    this.#statements = statements
    this.#tally = tally
    this.#merging = merging
    const { spec, facts } = statements
    const ways = {
      savepoints: facts.savepoints,
      transactional: facts.transactional,
      begin: () => beginSplit(session, facts),
      rejected: (row: Batch, error: RowshiftError) => rejectedRowError(spec, row, error),
    }
    this.#rows = new BisectedWrite(session, spec, tally, ways, stored)
  }

  /** All rows of a split, the first of which is there. */
  async split(batches: AsyncIterable<Batch>): Promise<void> {
    const { checks, load, spec } = this.#statements
    if (spec.path === 'load-data') {
      await this.#rows.stream(batches, spec.writeBatch === null ? LOAD_BYTES : 1, {
        // What the server would change goes in row by row.
        bytesOf: (batch) => (checks?.rowError(batch) ? null : batch.bytes),
        send: async (pieces, rows) => this.#loaded(await this.#session.load(load, pieces), rows()),
        store: (part) => this.#store(part),
      })
    } else for await (const batch of batches) await this.insert(batch)
  }

  /**
   * LOCAL without REPLACE means IGNORE: bad values are altered and taken keys skipped, each with a warning, so that
   * anything but a clean count is undone. REPLACE would be strict by itself, but it overwrites a row that is equal to
   * the one already there without counting it: of two equal rows one would be lost unnoticed.
   */
  async #loaded(ok: OkResult, sent: number): Promise<void> {
    const replaced = this.#statements.spec.writeMode === 'replace' ? figure(ok, 'Deleted') : 0
    const clean =
      figure(ok, 'Records') === sent && figure(ok, 'Deleted') === replaced && figure(ok, 'Skipped') === 0
    if ((await this.#faulty(ok)) || !clean) throw this.#mismatch(ok, sent)
    if (this.#statements.stage) await this.#merge(sent)
    else this.#tally.add({ rowsWritten: sent, rowsChanged: Math.min(replaced, sent) })
  }

  /** All rows but those that cannot be stored. */
  insert(batch: Batch): Promise<void> {
    return this.#rows.batch(batch, (part) => this.#store(part))
  }

  async #store(part: Batch): Promise<void> {
    const { checks, spec, stage } = this.#statements
    const rowError = checks?.rowError(part)
    if (rowError) throw rowError
    const ok = await sendRows(this.#session, this.#statements, part)
    const counts = stage
      ? ok.affectedRows === part.rows && nothingWritten
      : duplicateCounts(spec.writeMode, ok, part.rows)
    if ((await this.#faulty(ok)) || !counts) throw this.#mismatch(ok, part.rows)
    if (stage) await this.#merge(part.rows)
    else this.#tally.add(counts)
    this.#tally.hand(part.rows)
  }

  /** From the staging table into the target. */
  async #merge(rows: number): Promise<void> {
    const { empty } = this.#statements.stage!
    const { writeMode } = this.#statements.spec
    const { update, insert } = this.#merging!
    const updated = update === null ? null : await this.#send(update)
    const inserted = await this.#send(insert)
    const changed = updated?.affectedRows ?? 0
    const counts =
      this.#statements.facts.uniqueKeys === 1
        ? duplicateCounts(writeMode, inserted, rows)
        : lookedUp(writeMode === 'ignore', rows, changed, inserted.affectedRows)
    if (!counts) throw this.#mismatch(inserted, rows)
    this.#tally.add(counts)
    await this.#session.query(empty)
  }

  async #send(sql: string): Promise<OkResult> {
    const ok = await this.#session.send(Buffer.from(sql))
    await this.#faulty(ok)
    return ok
  }

  /** Throws for the first warning that speaks of a value or a key; false when the warnings say nothing of that kind. */
  async #faulty(ok: OkResult): Promise<boolean> {
    const count = warnings(ok)
    if (count === 0) return false
    const stated = await this.#session.query('SHOW WARNINGS')
    const first = stated.find(([, errno, what]) => !HARMLESS.has(Number(errno)) && !this.#ofOthers(what!))
    // Of warnings that the server has not kept, any may speak of a value.
    const [, errno, what] = first ?? (stated.length < count ? stated.at(-1) : null) ?? []
    if (what) throw this.#warned(warningError(Number(errno), what, this.#statements.spec.table.table))
    return stated.length === 0
  }

  /** A column that the target makes itself may be rounded, with a warning for every row. */
  #ofOthers(warning: string): boolean {
    const name = COLUMN.exec(warning.slice(warning.lastIndexOf('for column ')))?.[1]?.toLowerCase()
    return (
      name !== undefined &&
      !this.#statements.spec.columns.some(({ target }) => target.name.toLowerCase() === name)
    )
  }

  /** Without a savepoint the rows stay where they are until the split is rolled back: no part of them may be tried again. */
  #warned(error: RowshiftError): RowshiftError {
    const { facts } = this.#statements
    if (facts.savepoints || !facts.transactional) return error
    return new RowshiftError('SERVER_ERROR', `${error.message} The split was rolled back.`, error.details)
  }

  #mismatch(ok: OkResult, sent: number): RowshiftError {
    const { table } = this.#statements.spec.table
    return new RowshiftError(
      'COUNT_MISMATCH',
      `${sent} rows were sent and table ${table} reported "${ok.info || `${ok.affectedRows} rows`}". The split was rolled back.`,
    )
  }
}

/** By one statement. Throws when the batch cannot be written, or is too large for that. */
export async function sendRows(
  session: Session,
  { insert, facts, spec }: Statements,
  batch: Batch,
): Promise<OkResult> {
  const bulk = insert instanceof BulkBuilder
  const payload = bulk ? insert.build(batch, await session.prepare(insert.sql)) : insert.build(batch)
  if (payload === null) throw unwritable(spec, batch)
  if (payload.length >= facts.maxAllowedPacket) throw tooLarge(payload.length)
  return bulk ? session.execute(payload) : session.send(payload)
}

/** "Unsafe statement" for statement-based binary logs: about replicas, not about values. */
const HARMLESS = new Set([1592])

/** `for column 'c' at row 1`, in MariaDB also with the names of database and table. */
const COLUMN = /^for column (?:`[^`]+`\.`[^`]+`\.)?['`]([^'`]+)['`](?: at row \d+)?$/

function lookedUp(
  ignore: boolean,
  rows: number,
  changed: number,
  inserted: number,
): Partial<WriteCounts> | null {
  const rest = rows - changed - inserted
  if (rest < 0) return null
  const unchanged = ignore ? { rowsSkipped: rest } : { rowsUnchanged: rest }
  return { rowsWritten: changed + inserted, rowsChanged: changed, ...unchanged }
}

/** The server would answer by closing the connection. */
function tooLarge(bytes: number): RowshiftError {
  return new RowshiftError(
    'ROW_TOO_LARGE',
    `A row makes a statement of ${bytes} bytes, more than the target's max_allowed_packet. Raise max_allowed_packet there, or ${LARGER_ROWS}.`,
    { bytes },
  )
}
