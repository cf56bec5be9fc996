import type { Batch, PlannedWrite, WriteCounts } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { BisectedWrite } from '../../src/sql/bisected-write.js'
import { rowError } from '../../src/sql/row-errors.js'
import { inOrder } from '../../src/sql/streams.js'
import type { Tally } from '../../src/sql/tally.js'
import { cellsOf } from '../../src/wire/row-name.js'
import type { CopyEncoder } from './encoder.js'
import { sqlState } from './errors.js'
import type { PostgresSession } from './session.js'
import type { Stage, Statements } from './statements.js'

/** Most bytes in one COPY, which are kept so that a bad row among them can be found. */
const COPY_BYTES = 16 << 20
/** So many rows are taken out of the stage faster one by one than with their file. */
const FEW_ROWS = 1_000
const CARDINALITY_VIOLATION = '21000'

/** What becomes of the rows in the stage. */
export type Merge = (stage: Stage, rows: number) => Promise<Partial<WriteCounts>>

/** What rows are written by. */
export interface WritingSession {
  readonly session: PostgresSession
  readonly statements: Statements
  readonly encoder: CopyEncoder
  /** Begins the transaction of a split. */
  readonly begin: () => Promise<void>
}

/** Rows on their way into the target, inside a transaction that has begun. */
export class SplitWrite {
  readonly #at: WritingSession
  readonly #tally: Tally
  readonly #merge: Merge
  readonly #rows: BisectedWrite
  /** Rows with the same key come together, which no single statement changes twice. */
  #repeated = false
  /** Rows that the stage has held since it was truncated: a scan comes by all of them. */
  #dead = 0

  /** `stored`: something is stored in the transaction already. */
  constructor(
    at: WritingSession,
    tally: Tally,
    { merge, stored = true }: { merge?: Merge; stored?: boolean } = {},
  ) {
    const {
      begin,
      session,
      statements: { spec },
    } = at
    this.#at = at
    this.#tally = tally
    this.#merge = merge ?? ((stage, rows) => this.#merged(stage, rows))
    const ways = {
      savepoints: true,
      nested: true as const,
      transactional: true,
      begin,
      rejected: (row: Batch, error: RowshiftError) => rejectedRowError(spec, row, error),
    }
    this.#rows = new BisectedWrite(session, spec, tally, ways, stored)
  }

  split(batches: AsyncIterable<Batch>): Promise<void> {
    const { encoder, statements } = this.#at
    const { checks, spec } = statements
    return this.#rows.stream(batches, spec.writeBatch === null ? COPY_BYTES : 1, {
      // What the server would change goes in row by row.
      bytesOf: (batch) => (checks?.rowError(batch) ? null : encoder.encode(batch, spec)),
      send: (pieces, rows) => this.#send(pieces, rows),
      store: (part) => this.#store(part),
    })
  }

  /** All rows but those that cannot be stored. */
  insert(batch: Batch): Promise<void> {
    return this.#rows.batch(batch, (part) => this.#store(part))
  }

  async #store(part: Batch): Promise<void> {
    const { encoder, statements } = this.#at
    const { checks, spec } = statements
    const rowError = checks?.rowError(part)
    if (rowError) throw rowError
    const bytes = encoder.encode(part, spec)
    if (bytes === null) throw unwritable(spec, part)
    await this.#send(inOrder([bytes]), () => part.rows)
    this.#tally.hand(part.rows)
  }

  async #send(pieces: AsyncIterable<Buffer>, rows: () => number): Promise<void> {
    const { session, statements } = this.#at
    const { copy, spec, stage } = statements
    const before = this.#dead
    if (stage) await session.query(before > FEW_ROWS ? stage.truncate : stage.empty)
    this.#dead = before > FEW_ROWS ? 0 : before
    try {
      const stored = await session.load(copy, pieces)
      if (stored !== rows()) throw mismatch(spec, rows(), stored)
      this.#tally.add(stage ? await this.#merge(stage, stored) : { rowsWritten: stored })
      if (stage) await this.#checkLost(stage)
    } catch (error) {
      this.#dead = before
      throw error
    } finally {
      this.#dead += rows()
    }
  }

  async #merged(stage: Stage, rows: number): Promise<Partial<WriteCounts>> {
    const { writeMode } = this.#at.statements.spec
    let removed = 0
    for (const sql of stage.remove) removed += await this.#at.session.run(sql)
    let [written, fresh] = [0, 0]
    for (let left = rows; left > 0;) {
      const [stored, isNew, seen] = await this.#step(stage)
      written += stored
      fresh += isNew
      left -= seen
    }
    switch (writeMode) {
      case 'ignore':
        return { rowsWritten: written, rowsSkipped: rows - written }
      case 'replace':
        if (written !== rows) throw mismatch(this.#at.statements.spec, rows, written)
        return { rowsWritten: written, rowsChanged: Math.min(removed, written) }
      default:
        return { rowsWritten: written, rowsChanged: written - fresh, rowsUnchanged: rows - written }
    }
  }

  /** A trigger may have dropped rows, which are counted then as those that are there already. */
  async #checkLost({ lost }: Stage): Promise<void> {
    const { session, statements } = this.#at
    const { spec } = statements
    if (lost === null || !spec.triggers?.length) return
    if ((await session.query(lost)).length > 0) throw droppedRow(spec)
  }

  async #step(stage: Stage): Promise<[stored: number, isNew: number, seen: number]> {
    const { differing, merge, mergeFirst, takeFirst } = stage
    const { session, statements } = this.#at
    try {
      const count = differing && (await session.query(differing[Number(this.#repeated)]!))
      const [row] = await session.query(this.#repeated ? mergeFirst : merge)
      if (count && Number(row![0]) - Number(row![1]) < Number(count[0]![0])) throw keptRow(statements.spec)
      if (this.#repeated) {
        await this.#checkLost(stage)
        await session.query(takeFirst)
      }
      return row!.map(Number) as [number, number, number]
    } catch (thrown) {
      if (this.#repeated || sqlState(thrown) !== CARDINALITY_VIOLATION) throw thrown
      this.#repeated = true
      // The rows are sent once more.
      throw new RowshiftError('DATA_REJECTED', 'Rows with the same key came together.', {}, thrown)
    }
  }
}

function mismatch(spec: PlannedWrite, sent: number, stored: number): RowshiftError {
  return wrongCount(spec, `${sent} rows were sent, and table ${spec.table.table} took ${stored}`)
}

function droppedRow(spec: PlannedWrite): RowshiftError {
  return wrongCount(spec, `A row was sent, and table ${spec.table.table} has none with its key`)
}

function keptRow(spec: PlannedWrite): RowshiftError {
  return wrongCount(spec, `A row was to be changed, and table ${spec.table.table} has kept the old one`)
}

function wrongCount({ table: { table } }: PlannedWrite, what: string): RowshiftError {
  const message = `${what}; look for a trigger on the table that drops rows or changes their keys. The split was rolled back.`
  return new RowshiftError('COUNT_MISMATCH', message, { table })
}

/** A row that the server keeps in no form, or that is not in the wire format. */
function unwritable({ columns, table: { table } }: PlannedWrite, part: Batch): RowshiftError {
  const cells = cellsOf(part)
  const column = columns.find(({ target }, i) => target.kind !== 'bytes' && cells[i]?.includes(0))?.target
  return new RowshiftError(
    'DATA_REJECTED',
    column
      ? `Column ${column.name} (${column.type}) of ${table} takes no text with a NUL character. Take it out of the value, or write it to a bytea column.`
      : `The row is not in the form of batches, so table ${table} is not given it.`,
    { table, ...(column && { column: column.name }) },
  )
}

/** What the driver says of an error beside its message. */
interface Located {
  readonly column?: string
  readonly detail?: string
  readonly where?: string
}

/** Says which row it was, and shows the values of the columns that the server names. */
function rejectedRowError(spec: PlannedWrite, row: Batch, error: RowshiftError): RowshiftError {
  if (error.details['key'] !== undefined) return error
  const { column, detail, where } = (error.cause ?? {}) as Located
  // `Key (a, b)=(1, 2) already exists.`, `COPY t, line 1, column a: "x"`, in whatever language.
  const key = /\(([^=]*)\)=\(/.exec(detail ?? '')?.[1]?.split(', ') ?? []
  const at = /^COPY [^:]*, \S+ (.+?)(?=: )/.exec(where ?? '')?.[1]
  const named = [column, ...key, at].map((name) => name?.replace(/^"(.*)"$/, '$1'))
  const columns = spec.columns.map(({ target }) => target.name).filter((name) => named.includes(name))
  return rowError(spec, row, error, columns)
}
